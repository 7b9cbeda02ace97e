package storetest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// A store takes every value that PROTOCOL.md §7 allows: no value of another member makes Commit
// fail. The tests below use the least, the second and the greatest values of each domain.

var extremes = []uint64{0, 1, canonical.MaxNumber}

// message returns a message of the first member.
func (f *fixture) message(label string, payload []byte, time uint64) block.Message {
	m, err := block.NewMessage(f.members[0], f.group.Network(), label, payload, int64(time))
	require.NoError(f.t, err)
	return m
}

// made returns a signed block of these messages.
func (f *fixture) made(slot block.Slot, time uint64, messages ...block.Message) block.Block {
	parent := block.ID{}
	if slot.Height > 1 {
		parent = block.ID{1}
	}
	b := block.New(f.group, slot.Creator, slot.Height, parent, int64(time), messages)
	require.NoError(f.t, b.Check(f.group))
	index, _ := f.group.Index(slot.Creator)
	b.Signature = f.members[index].Sign(b.Header.SigningBytes())
	return b
}

func testExtremeHeights(t *testing.T, s *session) {
	for _, number := range []uint64{1, canonical.MaxNumber} {
		f := newFixture(t, number)
		top := f.slot(1, canonical.MaxNumber)
		below := f.slot(1, canonical.MaxNumber-1)
		vote := f.made(f.slot(2, canonical.MaxNumber), 0, f.message("vote", nil, 0))
		first, second := f.certified(1, below.Height, 10), f.certified(1, top.Height, 10)
		proof := f.evidenceAt(f.slot(3, canonical.MaxNumber))
		f.commit(s, store.PutGroup{Group: f.group}, store.PutVote{Block: vote}, second, store.PutEvidence{Evidence: proof})
		f.commit(s, first, store.PutDelivered{Slot: top})
		s.reopen()

		state := f.load(s)
		require.Len(t, state.Chains, 2)
		require.Zero(t, state.Chains[0].Certified, "heights below are missing")
		require.Equal(t, uint64(canonical.MaxNumber), state.Chains[0].Delivered)
		f.requireBlocks([]block.Block{vote}, state.Chains[1].Votes)
		require.Equal(t, []store.Evidence{proof}, state.Evidence)
		for _, put := range []store.PutCertified{first, second} {
			found, err := s.Certified(t.Context(), put.Block.Header.Slot())
			require.NoError(t, err)
			f.requireCertified(put, found)
		}
		found, err := s.CertifiedFrom(t.Context(), below, math.MaxInt, math.MaxInt)
		require.NoError(t, err)
		require.Len(t, found, 2)
		held, err := s.Block(t.Context(), vote.ID())
		require.NoError(t, err)
		f.requireBlocks([]block.Block{vote}, []block.Block{held})

		other := f.made(vote.Header.Slot(), 1)
		require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: other}}), store.ErrVoted)
	}
	proofs, err := s.Equivocations(t.Context())
	require.NoError(t, err)
	require.Len(t, proofs, 2)
	_, err = s.Prune(t.Context(), store.Retention{Age: math.MaxInt64, Keep: canonical.MaxNumber, Messages: canonical.MaxNumber})
	require.NoError(t, err)
}

// evidenceAt returns proof of equivocation whose headers have the earliest and the latest time.
func (f *fixture) evidenceAt(slot block.Slot) store.Evidence {
	a, b := f.made(slot, 0).SignedHeader, f.made(slot, canonical.MaxNumber).SignedHeader
	if a.Header.ID().Compare(b.Header.ID()) > 0 {
		a, b = b, a
	}
	return store.Evidence{A: a, B: b}
}

// Times far in the past and in the future, labels, payloads and counts are kept as they are, listed
// in order and removed by retention.
func testExtremeMessages(t *testing.T, s *session) {
	f := newFixture(t, 1)
	require.NoError(t, s.SetIdentity(t.Context(), store.Identity{Network: f.group.Network(), Key: f.members[1].Public()}))
	labels := []string{"", strings.Repeat("x", block.MaxLabel), strings.Repeat("\U0010ffff", block.MaxLabel/4), "\x00", "'\"%;"}
	var puts []store.PutCertified
	for height, time := range extremes {
		var messages []block.Message
		for i, label := range labels {
			messages = append(messages, f.message(label, make([]byte, i*i*100), extremes[i%len(extremes)]))
		}
		messages = append(messages, f.message(fmt.Sprint("own of ", height), nil, time))
		b := f.made(f.slot(1, uint64(height+1)), time, messages...)
		puts = append(puts, store.PutCertified{Block: b, Certificate: f.certify(b, 0, 1, 2)})
	}
	empty := f.made(f.slot(1, 4), canonical.MaxNumber)
	puts = append(puts, store.PutCertified{Block: empty, Certificate: f.certify(empty, 0, 1, 2, 3)})
	for _, put := range puts {
		f.commit(s, store.PutVote{Block: put.Block})
		f.commit(s, put, store.PutDelivered{Slot: put.Block.Header.Slot()})
	}
	s.reopen()
	listed, err := s.List(t.Context(), 0, keys.Public{}, math.MaxInt, math.MaxInt)
	require.NoError(t, err)
	require.Len(t, listed, len(puts))
	for i, entry := range listed {
		f.requireCertified(puts[i], entry.Certified)
	}
	for since, want := range map[uint64]int{0: len(labels) + 3, 1: 5, canonical.MaxNumber: 2} {
		included, err := s.Included(t.Context(), int64(since))
		require.NoError(t, err)
		require.Len(t, included, want, "since %d", since)
		require.True(t, slices.IsSortedFunc(included, func(a, b store.Included) int { return int(a.Time - b.Time) }))
	}
	for _, after := range []uint64{canonical.MaxNumber, math.MaxInt64, math.MaxUint64} {
		none, err := s.List(t.Context(), after, keys.Public{}, math.MaxInt, math.MaxInt)
		require.NoError(t, err)
		require.Empty(t, none)
	}
	// The times that the blocks bear do not count.
	pruned, err := s.Prune(t.Context(), store.Retention{Age: math.MaxInt64})
	require.NoError(t, err)
	require.Zero(t, pruned.Blocks)
	_, err = s.Block(t.Context(), puts[2].Block.ID())
	require.NoError(t, err)
	pruned, err = s.Prune(t.Context(), store.Retention{Keep: 1})
	require.NoError(t, err)
	require.Equal(t, 3, pruned.Blocks)
}

// The header's count is the only record of how many messages a block had whose messages are gone.
func testExtremeCounts(t *testing.T, s *session) {
	f := newFixture(t, 1)
	for i, count := range []uint32{1, membership.MaxLimits().BlockMessages, math.MaxUint32} {
		b := f.made(f.slot(i, 1), canonical.MaxNumber)
		b.Header.Count = count
		put := store.PutCertified{Block: b, Certificate: f.certify(b, 0, 1, 2)}
		f.commit(s, put)
		found, err := s.Certified(t.Context(), b.Header.Slot())
		require.NoError(t, err)
		f.requireCertified(put, found)
		require.True(t, found.Block.Pruned())
	}
}

func testExtremeGroups(t *testing.T, s *session) {
	var members []keys.Public
	for i := range membership.MaxMembers {
		members = append(members, keys.FromSeed([32]byte{byte(i), 1}).Public())
	}
	for _, number := range []uint64{canonical.MaxNumber, canonical.MaxNumber - 1, 1} {
		limits := membership.MaxLimits()
		if number == 1 {
			limits = membership.Limits{PayloadBytes: 1, BlockMessages: 1, BlockBytes: 1}
		}
		group, err := membership.NewGroup(strings.Repeat("n", 64), number, members, limits)
		require.NoError(t, err)
		require.NoError(t, s.Commit(t.Context(), []store.Write{store.PutGroup{Group: group}, store.PutClosed{Group: group.ID()}}))
	}
	s.reopen()
	groups, err := s.Groups(t.Context())
	require.NoError(t, err)
	require.Len(t, groups, 3)
	for i, number := range []uint64{1, canonical.MaxNumber - 1, canonical.MaxNumber} {
		require.Equal(t, number, groups[i].Group.Number())
		require.True(t, groups[i].Closed)
	}
}

func testExtremeIdentities(t *testing.T, s *session) {
	key := newFixture(t, 1).members[0].Public()
	for _, starts := range extremes {
		for _, muted := range extremes {
			identity := store.Identity{Network: strings.Repeat("n", 64), Key: key, Starts: starts, MutedThrough: muted}
			require.NoError(t, s.SetIdentity(t.Context(), identity))
			s.reopen()
			have, err := s.Identity(t.Context())
			require.NoError(t, err)
			require.Equal(t, identity, have)
		}
	}
}
