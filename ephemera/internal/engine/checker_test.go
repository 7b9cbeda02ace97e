package engine_test

import (
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// checker watches every effect of a cluster's engines and stops the test at the first broken
// promise.
type checker struct {
	*cluster
	certified map[block.Slot]block.ID   // by any member
	proven    map[string]bool           // certificates that were verified
	votes     []map[block.Slot]block.ID // by member: durable
	signed    []map[block.Slot]block.ID // by member: headers of its own and echoes
	delivered []map[int]uint64          // by member and creator: the last height
	runs      []int                     // by member: how often it was started
	redone    []map[int]int             // by member and creator: the run of the last delivery
}

func watch(c *cluster) *checker {
	k := &checker{cluster: c, certified: map[block.Slot]block.ID{}, proven: map[string]bool{}, runs: make([]int, len(c.members))}
	for range c.members {
		k.votes = append(k.votes, map[block.Slot]block.ID{})
		k.signed = append(k.signed, map[block.Slot]block.ID{})
		k.delivered = append(k.delivered, map[int]uint64{})
		k.redone = append(k.redone, map[int]int{})
	}
	c.observe = k.look
	return k
}

func (k *checker) look(m *member, effect engine.Effect) {
	switch e := effect.(type) {
	case broadcast.Persist:
		switch w := e.Write.(type) {
		case store.PutVote:
			k.once(k.votes[m.place], w.Block.Header.Slot(), w.Block.ID(), "member %d votes twice", m.place)
			require.NoError(k.t, w.Block.Check(k.group), "a vote is for a whole block")
		case store.PutCertified:
			if proof := string(w.Certificate.Encode()); !k.proven[proof] {
				require.NoError(k.t, certificate.VerifyBlock(k.group, w.Block, w.Certificate), "member %d stores an invalid certificate", m.place)
				k.proven[proof] = true
			}
			k.once(k.certified, w.Certificate.Slot, w.Block.ID(), "two blocks are certified in one slot, the second at member %d", m.place)
		}
	case broadcast.SignProposal:
		k.checkSigned(m, e.Header.Slot(), e.Header.ID())
	case broadcast.SignEcho:
		k.checkSigned(m, e.Slot, e.Block)
	case broadcast.Deliver:
		k.checkDelivery(m, e.Slot)
	case broadcast.Halt:
		require.Failf(k.t, "a correct member halts", "member %d: %s", m.place, e.Reason)
	}
}

func (k *checker) once(seen map[block.Slot]block.ID, slot block.Slot, id block.ID, what string, who int) {
	other, ok := seen[slot]
	require.Truef(k.t, !ok || other == id, what, who)
	seen[slot] = id
}

// checkSigned checks R3: one block per slot, and only a durable one.
func (k *checker) checkSigned(m *member, slot block.Slot, id block.ID) {
	require.Equal(k.t, id, k.votes[m.place][slot], "member %d signs what it has not persisted", m.place)
	k.once(k.signed[m.place], slot, id, "member %d signs two blocks for one slot", m.place)
}

// checkDelivery checks R5: in chain order without gaps, and nothing twice except the last block of
// a chain after a restart.
func (k *checker) checkDelivery(m *member, slot block.Slot) {
	creator := k.place(slot.Creator)
	last := k.delivered[m.place][creator]
	again := slot.Height == last && k.redone[m.place][creator] < k.runs[m.place]
	require.Truef(k.t, again || slot.Height == last+1, "member %d delivers height %d after %d", m.place, slot.Height, last)
	k.delivered[m.place][creator], k.redone[m.place][creator] = slot.Height, k.runs[m.place]
}

// restart starts a member that is down.
func (k *checker) restart(i int) {
	if k.members[i].engine == nil {
		k.runs[i]++
		k.start(i)
	}
}

// converge lets all members run on a good network. It checks totality for all chains, and validity
// for those of correct members.
func (k *checker) converge(correct int) {
	k.cut = nil
	for i := range correct {
		k.members[i].verdicts = map[int]verdict.Decision{}
		k.members[i].crash = crash{}
		k.restart(i)
	}
	k.advance(60_000, true)
	want := k.status(0)
	for i := range correct {
		status := k.status(i)
		require.Equal(k.t, want.Heights, status.Heights, "member %d has not caught up", i)
		require.Equal(k.t, want.Tips, status.Tips)
		require.Equal(k.t, status.Heights, status.Delivered, "member %d has not delivered", i)
		require.False(k.t, status.Open, "the open block of member %d is not certified", i)
	}
}
