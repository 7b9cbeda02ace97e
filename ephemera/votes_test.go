package ephemera_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	storememory "github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// forget makes a member sign a block and then restarts it on an empty store, without a record that
// the store was lost. It returns the error of Run.
func (c *cluster) forget(i int) error {
	c.startAll()
	defer c.stopAll()
	c.submit(i, "certified before")
	for j := range c.keys {
		c.awaitHeight(j, i, 1)
	}
	time.Sleep(time.Minute) // in virtual time; nothing is open afterwards
	c.stopAll()
	c.disks[i] = storememory.NewDisk()
	for j := range c.keys {
		if j != i {
			c.start(j)
		}
	}
	_, cancel, result := c.run(i)
	defer cancel()
	return soon(c.t, result)
}

// A node that halts is muted before Run ends. After a restart it participates, but signs nothing
// until there is a group with a higher number (R8).
func TestHaltedNodeStaysMuted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		require.ErrorIs(t, c.forget(0), ephemera.ErrHalted)
		require.Equal(t, c.group.Number(), c.votes[0].MutedThrough())

		c.startAll()
		defer c.stopAll()
		status, err := c.nodes[0].Status(t.Context())
		require.NoError(t, err)
		require.True(t, status.Muted)
		m := c.submit(0, "from the muted one")
		blocks := func() []block.Block { // made since the restart
			return slices.DeleteFunc(c.boards[1].all(), func(b block.Block) bool { return !slices.Contains(b.MessageIDs(), m.ID()) })
		}
		c.boards[1].await(t, func() bool { return len(blocks()) == 3 })
		time.Sleep(time.Minute)
		require.Len(t, blocks(), 3)
		for _, b := range blocks() {
			held, err := c.nodes[1].CertifiedByID(t.Context(), b.ID())
			require.NoError(t, err)
			require.NotEqual(t, c.keys[0].Public(), b.Header.Creator)
			require.False(t, held.Certificate.Signed(0))
		}

		next, err := membership.NewGroup(network, 2, c.group.Members(), membership.Limits{})
		require.NoError(t, err)
		for _, node := range c.nodes {
			require.NoError(t, node.Adopt(t.Context(), next, nil))
		}
		c.submit(0, "in the new group")
		require.Eventually(t, func() bool {
			_, err := c.nodes[1].Certified(t.Context(), block.Slot{Group: next.ID(), Creator: c.keys[0].Public(), Height: 1})
			return err == nil
		}, time.Minute, time.Second)
	})
}

// contradicting is a store that refuses every commit after the first, as one that holds other votes
// or certificates does.
type contradicting struct {
	store.Store
	err     error
	commits int // owned by the node's loop
}

func (s *contradicting) Commit(ctx context.Context, writes []store.Write) error {
	if s.commits++; s.commits > 1 {
		return s.err
	}
	return s.Store.Commit(ctx, writes)
}

// A node whose store contradicts it is mute before Run ends (R8).
func TestNodeThatItsStoreContradictsIsMuted(t *testing.T) {
	for _, contradiction := range []error{store.ErrVoted, store.ErrConflict} {
		t.Run(contradiction.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 1, memory.Config{})
				node, err := ephemera.New(ephemera.Config{
					Key: c.keys[0], Store: &contradicting{Store: storememory.New(), err: contradiction}, Votes: c.votes[0],
					Group: c.group, Transport: c.link(0),
				}, c.boards[0])
				require.NoError(t, err)
				result := make(chan error, 1)
				go func() { result <- node.Run(t.Context()) }()
				_, err = node.SubmitPayload(t.Context(), "notice", []byte("never certified"))
				require.NoError(t, err)
				err = soon(t, result)
				require.ErrorIs(t, err, ephemera.ErrHalted)
				require.ErrorIs(t, err, contradiction)
				require.Equal(t, c.group.Number(), c.votes[0].MutedThrough())
				require.ErrorIs(t, node.CanMakeBlocks(c.group), ephemera.ErrMuted)
			})
		})
	}
}

// unwritable is a VoteRecord on a full disk.
type unwritable struct{ ephemera.VotesKeptNowhere }

var errDisk = errors.New("no space left on device")

func (unwritable) BeginGroup(uint64) error { return errDisk }

// A node that cannot record a group does not sign in it.
func TestNodeThatCannotRecordSignsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, memory.Config{})
		node, err := ephemera.New(ephemera.Config{
			Key: c.keys[0], Store: storememory.New(), Votes: unwritable{}, Group: c.group, Transport: c.link(0),
		}, c.boards[0])
		require.NoError(t, err)
		result := make(chan error, 1)
		go func() { result <- node.Run(t.Context()) }()
		err = soon(t, result)
		require.ErrorIs(t, err, errDisk)
		require.ErrorContains(t, err, "begin group 1")
	})
}

// uncounted is a VoteRecord that cannot count votes.
type uncounted struct{ ephemera.VotesKeptNowhere }

func (uncounted) CountVotes() error { return errDisk }

// A node that cannot count a vote does not sign it: in a group of one, its signature would make a
// certificate.
func TestNodeThatCannotCountVotesSignsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, memory.Config{})
		st := storememory.New()
		node, err := ephemera.New(ephemera.Config{
			Key: c.keys[0], Store: st, Votes: uncounted{}, Group: c.group, Transport: c.link(0),
		}, c.boards[0])
		require.NoError(t, err)
		result := make(chan error, 1)
		go func() { result <- node.Run(t.Context()) }()
		_, err = node.SubmitPayload(t.Context(), "notice", []byte("never certified"))
		require.NoError(t, err)
		err = soon(t, result)
		require.ErrorIs(t, err, errDisk)
		require.ErrorContains(t, err, "count votes")
		state, err := st.Load(t.Context(), c.group.ID())
		require.NoError(t, err)
		require.Len(t, state.Chains[0].Votes, 1, "the store came first")
		require.Zero(t, state.Chains[0].Certified)
	})
}

// countedVotes compares the counts of store and counter at each count.
type countedVotes struct {
	ephemera.VotesKeptNowhere
	t      *testing.T
	store  store.Store
	counts uint64
}

func (v *countedVotes) CountVotes() error {
	v.counts++
	state, err := v.store.Identity(v.t.Context())
	require.NoError(v.t, err)
	require.Equal(v.t, v.counts, state.Votes)
	return nil
}

// A node counts each commit with votes when it is in the store, and no other commit.
func TestNodeCountsTheCommitsThatTheStoreCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, memory.Config{})
		st := storememory.New()
		require.NoError(t, st.SetIdentity(t.Context(), store.Identity{Network: network, Key: c.keys[0].Public()}))
		votes := &countedVotes{t: t, store: st}
		node, err := ephemera.New(ephemera.Config{Key: c.keys[0], Store: st, Votes: votes, Group: c.group, Transport: c.link(0)}, c.boards[0])
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- node.Run(ctx) }()
		for height := range 5 {
			_, err = node.SubmitPayload(t.Context(), "notice", []byte("certified"))
			require.NoError(t, err)
			c.awaitHeight(0, 0, height+1)
			time.Sleep(time.Millisecond) // in virtual time; messages of one time would be the same
		}
		cancel()
		require.NoError(t, soon(t, result))
		require.Equal(t, uint64(5), votes.counts)
	})
}
