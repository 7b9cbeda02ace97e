// Package storetest is the conformance suite of store.Store: every implementation passes Run.
package storetest

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Opener opens one node's store, new at the first call and with all that was committed at each
// later one. The suite closes a store before it opens the next, except where it checks that this is
// demanded.
type Opener func() (store.Store, error)

// Run checks everything that store.Store promises. Fresh returns an opener of an empty store of its
// own.
func Run(t *testing.T, fresh func(t *testing.T) Opener) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *session)
	}{
		{"an empty store has nothing and complains about nothing", testEmpty},
		{"a vote is for ever", testVoteIsForEver},
		{"a commit is whole or not at all", testAtomicity},
		{"a signature is added to a held block and never taken away", testSignatureAdded},
		{"certified is contiguous", testContiguous},
		{"votes above certified come back with their blocks", testOpenVotes},
		{"a certificate is replaced, a certified block is not", testCertificateReplaced},
		{"the delivery cursor never goes back", testCursor},
		{"the first evidence of a chain is kept", testEvidence},
		{"groups do not mix", testGroupsDoNotMix},
		{"a piece of a chain is bounded and stops at gaps", testCertifiedFrom},
		{"blocks are listed in the order in which they came", testList},
		{"a list is bounded", testListBounds},
		{"equivocations come in the order of groups and creators", testEquivocations},
		{"messages of certified blocks are known, removed ones for a while", testIncluded},
		{"retention removes old bodies and nothing else", testPrune},
		{"retention spares what is not certified and delivered", testPruneSpares},
		{"a certified block without its messages is stored as such", testPutPruned},
		{"retention runs beside commits and reads", testPruneBeside},
		{"retention counts in each chain", testSecondGroupAfterPruning},
		{"heights beyond every chain are not found", testHugeHeights},
		{"a group is recorded once and closed for ever", testGroups},
		{"identity stays with network and key", testIdentity},
		{"everything survives a reopen", testDurable},
		{"one store is opened once", testLocked},
		{"a cancelled commit changes nothing", testCancelled},
		{"reads see whole commits", testConcurrentReads},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &session{t: t, opener: fresh(t)}
			s.reopen()
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			test.run(t, s)
		})
	}
}

// session is the open store of one test.
type session struct {
	store.Store
	t      *testing.T
	opener Opener
}

func (s *session) reopen() {
	if s.Store != nil {
		require.NoError(s.t, s.Close())
	}
	opened, err := s.opener()
	require.NoError(s.t, err)
	s.Store = opened
}

func testEmpty(t *testing.T, s *session) {
	w := newWorld(t, 1)
	require.Equal(t, store.State{}, w.load(s))
	_, err := s.Block(t.Context(), block.ID{1})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Certified(t.Context(), w.slot(0, 1))
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.CertifiedByID(t.Context(), block.ID{1})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Identity(t.Context())
	require.ErrorIs(t, err, store.ErrNotFound)
	found, err := s.CertifiedFrom(t.Context(), w.slot(0, 1), 10, 1000)
	require.NoError(t, err)
	require.Empty(t, found)
	require.NoError(t, s.Commit(t.Context(), nil))
	require.Equal(t, store.State{}, w.load(s))
}

func testVoteIsForEver(t *testing.T, s *session) {
	w := newWorld(t, 1)
	slot := w.slot(1, 1)
	first, second := w.block(slot, "first", 10), w.block(slot, "second", 10)
	w.commit(s, store.PutVote{Block: first})
	w.commit(s, store.PutVote{Block: first}) // again is fine
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: second}}), store.ErrVoted)

	s.reopen()
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: second}}), store.ErrVoted)

	// Certified meanwhile: the vote still stands, for the other block too.
	w.commit(s, store.PutCertified{Block: second, Certificate: w.certify(second, 0, 2, 3)})
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: second}}), store.ErrVoted)
	w.commit(s, store.PutVote{Block: first})
}

func testAtomicity(t *testing.T, s *session) {
	w := newWorld(t, 1)
	slot := w.slot(1, 1)
	w.commit(s, store.PutVote{Block: w.block(slot, "first", 10)})
	before := w.load(s)

	other, certified := w.block(w.slot(2, 1), "other", 10), w.certified(3, 1, 10)
	err := s.Commit(t.Context(), []store.Write{
		store.PutVote{Block: other},
		certified,
		store.PutDelivered{Slot: w.slot(3, 1)},
		store.PutEvidence{Evidence: w.evidence(3, "x")},
		store.PutVote{Block: w.block(slot, "second", 10)},
	})
	require.ErrorIs(t, err, store.ErrVoted)
	s.reopen()
	after := w.load(s)
	require.Len(t, after.Chains, 1)
	require.Equal(t, before.Chains[0].Votes[0].ID(), after.Chains[0].Votes[0].ID())
	require.Empty(t, after.Evidence)
	_, err = s.Block(t.Context(), other.ID())
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.CertifiedByID(t.Context(), certified.Block.ID())
	require.ErrorIs(t, err, store.ErrNotFound)

	// Two votes for one slot inside one commit are no better.
	a, b := w.block(w.slot(2, 1), "a", 1), w.block(w.slot(2, 1), "b", 1)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: a}, store.PutVote{Block: b}}), store.ErrVoted)
	w.commit(s, store.PutVote{Block: b}) // the refused commit left no vote behind
}

func testSignatureAdded(t *testing.T, s *session) {
	w := newWorld(t, 1)
	unsigned, signed := w.unsigned(w.slot(1, 1), "own", 10), w.block(w.slot(1, 1), "own", 10)
	require.Equal(t, unsigned.ID(), signed.ID())
	require.NotEqual(t, keys.Signature{}, signed.Signature)
	for _, step := range []struct{ put, want block.Block }{{unsigned, unsigned}, {signed, signed}, {unsigned, signed}} {
		w.commit(s, store.PutVote{Block: step.put})
		held, err := s.Block(t.Context(), unsigned.ID())
		require.NoError(t, err)
		w.requireBlocks([]block.Block{step.want}, []block.Block{held})
	}
	w.requireBlocks([]block.Block{signed}, w.load(s).Chains[0].Votes)
}

func testContiguous(t *testing.T, s *session) {
	w := newWorld(t, 1)
	blocks := map[uint64]store.PutCertified{}
	for height := range uint64(7) {
		blocks[height+1] = w.certified(2, height+1, 10)
	}
	for _, step := range []struct{ put, certified uint64 }{{2, 0}, {3, 0}, {1, 3}, {6, 3}, {5, 3}, {4, 6}, {4, 6}, {7, 7}} {
		w.commit(s, blocks[step.put])
		s.reopen()
		state := w.load(s)
		require.Len(t, state.Chains, 1)
		require.Equal(t, w.slot(2, 1).Creator, state.Chains[0].Creator)
		require.Equal(t, step.certified, state.Chains[0].Certified)
		tip := block.ID{}
		if step.certified > 0 {
			tip = blocks[step.certified].Block.ID()
		}
		require.Equal(t, tip, state.Chains[0].Tip)
	}
}

func testOpenVotes(t *testing.T, s *session) {
	w := newWorld(t, 1)
	low, mid, high := w.block(w.slot(1, 1), "v", 3), w.block(w.slot(1, 2), "v", 5), w.block(w.slot(1, 3), "v", 7)
	w.commit(s, store.PutVote{Block: high}, store.PutVote{Block: mid}, store.PutVote{Block: low})
	w.requireBlocks([]block.Block{low, mid, high}, w.load(s).Chains[0].Votes)

	w.commit(s, store.PutCertified{Block: low, Certificate: w.certify(low, 1, 2, 3)})
	w.commit(s, store.PutCertified{Block: high, Certificate: w.certify(high, 1, 2, 3)}) // above a gap: not yet contiguous
	s.reopen()
	state := w.load(s)
	require.Equal(t, uint64(1), state.Chains[0].Certified)
	w.requireBlocks([]block.Block{mid, high}, state.Chains[0].Votes)

	w.commit(s, store.PutCertified{Block: mid, Certificate: w.certify(mid, 1, 2, 3)})
	require.Empty(t, w.load(s).Chains[0].Votes)
}

func testCertificateReplaced(t *testing.T, s *session) {
	w := newWorld(t, 1)
	put := w.certified(1, 1, 10)
	w.commit(s, put)
	put.Certificate = w.certify(put.Block, 0, 1, 2, 3)
	w.commit(s, put)
	found, err := s.Certified(t.Context(), w.slot(1, 1))
	require.NoError(t, err)
	w.requireCertified(put, found)

	other := w.block(w.slot(1, 1), "other", 10)
	err = s.Commit(t.Context(), []store.Write{store.PutCertified{Block: other, Certificate: w.certify(other, 0, 1, 2)}})
	require.ErrorIs(t, err, store.ErrConflict)
	found, err = s.CertifiedByID(t.Context(), put.Block.ID())
	require.NoError(t, err)
	w.requireCertified(put, found)
	_, err = s.Block(t.Context(), other.ID())
	require.ErrorIs(t, err, store.ErrNotFound)
}

func testCursor(t *testing.T, s *session) {
	w := newWorld(t, 1)
	for _, step := range []struct{ put, want uint64 }{{3, 3}, {2, 3}, {4, 4}, {1, 4}, {4, 4}} {
		w.commit(s, store.PutDelivered{Slot: w.slot(1, step.put)})
		require.Equal(t, step.want, w.load(s).Chains[0].Delivered)
	}
	s.reopen()
	require.Equal(t, []store.Chain{{Creator: w.slot(1, 1).Creator, Delivered: 4}}, w.load(s).Chains)
}

func testEvidence(t *testing.T, s *session) {
	w := newWorld(t, 1)
	first, later, other := w.evidence(2, "first"), w.evidence(2, "later"), w.evidence(0, "other")
	w.commit(s, store.PutEvidence{Evidence: first})
	w.commit(s, store.PutEvidence{Evidence: later}, store.PutEvidence{Evidence: other})
	s.reopen()
	require.Equal(t, store.State{Evidence: []store.Evidence{other, first}}, w.load(s))
}

func testGroupsDoNotMix(t *testing.T, s *session) {
	one, two := newWorld(t, 1), newWorld(t, 2)
	a, b := one.certified(1, 1, 10), two.certified(1, 1, 20)
	one.commit(s, a, store.PutVote{Block: one.block(one.slot(2, 1), "v", 1)})
	two.commit(s, b, store.PutDelivered{Slot: two.slot(1, 1)}, store.PutVote{Block: two.block(two.slot(2, 1), "v", 1)})
	require.Equal(t, a.Block.ID(), one.load(s).Chains[0].Tip)
	require.Equal(t, b.Block.ID(), two.load(s).Chains[0].Tip)
	require.Zero(t, one.load(s).Chains[0].Delivered)
	require.Equal(t, uint64(1), two.load(s).Chains[0].Delivered)
	creators := []keys.Public{}
	for _, chain := range two.load(s).Chains {
		creators = append(creators, chain.Creator)
	}
	require.True(t, slices.IsSortedFunc(creators, keys.Public.Compare))
	found, err := s.Certified(t.Context(), two.slot(1, 1))
	require.NoError(t, err)
	two.requireCertified(b, found)
	unknown, err := s.Load(t.Context(), membership.ID{9})
	require.NoError(t, err)
	require.Equal(t, store.State{}, unknown)
}

func testCertifiedFrom(t *testing.T, s *session) {
	w := newWorld(t, 1)
	var puts []store.PutCertified
	for _, height := range []uint64{1, 2, 3, 4, 6, 7} { // 5 is missing
		puts = append(puts, w.certified(1, height, 100))
		w.commit(s, puts[len(puts)-1])
	}
	size := puts[0].Block.Messages[0].Size()
	for _, test := range []struct {
		from         uint64
		count, bytes int
		want         []int // of puts
	}{
		{1, 10, 100 * size, []int{0, 1, 2, 3}},
		{2, 10, 100 * size, []int{1, 2, 3}},
		{1, 2, 100 * size, []int{0, 1}},
		{1, 10, 2 * size, []int{0, 1}},
		{1, 10, 3*size - 1, []int{0, 1}},
		{1, 10, 0, []int{0}}, // at least one
		{1, 10, -1, []int{0}},
		{6, 10, 100 * size, []int{4, 5}},
		{5, 10, 100 * size, nil},
		{8, 10, 100 * size, nil},
		{0, 10, 100 * size, nil},
		{1, 0, 100 * size, nil},
		{1, -1, 100 * size, nil},
	} {
		found, err := s.CertifiedFrom(t.Context(), w.slot(1, test.from), test.count, test.bytes)
		require.NoError(t, err)
		require.Len(t, found, len(test.want), "from %d, %d blocks, %d bytes", test.from, test.count, test.bytes)
		for i, which := range test.want {
			w.requireCertified(puts[which], found[i])
		}
	}
}

// A peer may ask for any height at all.
func testHugeHeights(t *testing.T, s *session) {
	w := newWorld(t, 1)
	w.commit(s, w.certified(1, 1, 10))
	for _, height := range []uint64{math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
		_, err := s.Certified(t.Context(), w.slot(1, height))
		require.ErrorIs(t, err, store.ErrNotFound)
		found, err := s.CertifiedFrom(t.Context(), w.slot(1, height), 10, 10)
		require.NoError(t, err)
		require.Empty(t, found)
	}
}

func testGroups(t *testing.T, s *session) {
	one, two := newWorld(t, 1), newWorld(t, 2)
	none, err := s.Groups(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutClosed{Group: one.group.ID()}}), store.ErrNotFound)

	one.commit(s, store.PutGroup{Group: two.group})
	one.commit(s, store.PutGroup{Group: one.group}, store.PutClosed{Group: one.group.ID()})
	one.commit(s, store.PutGroup{Group: one.group}) // recorded again, it does not open again
	other, err := membership.NewGroup("storetest", 2, one.group.Members()[:3], membership.Limits{})
	require.NoError(t, err)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutClosed{Group: two.group.ID()}, store.PutGroup{Group: other}}), store.ErrGroup)

	s.reopen()
	groups, err := s.Groups(t.Context())
	require.NoError(t, err)
	require.Len(t, groups, 2)
	require.Equal(t, one.group.Encode(), groups[0].Group.Encode())
	require.Equal(t, two.group.Encode(), groups[1].Group.Encode())
	require.True(t, groups[0].Closed)
	require.False(t, groups[1].Closed, "the refused commit closed nothing")
}

func testIdentity(t *testing.T, s *session) {
	w := newWorld(t, 1)
	identity := store.Identity{Network: "storetest", Key: w.members[0].Public(), Starts: 1}
	require.NoError(t, s.SetIdentity(t.Context(), identity))
	identity.Starts, identity.MutedThrough = 2, 7
	require.NoError(t, s.SetIdentity(t.Context(), identity))
	for _, foreign := range []store.Identity{{Network: "other", Key: identity.Key}, {Network: identity.Network, Key: w.members[1].Public()}} {
		require.ErrorIs(t, s.SetIdentity(t.Context(), foreign), store.ErrForeign)
	}
	s.reopen()
	have, err := s.Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, identity, have)
}

func testDurable(t *testing.T, s *session) {
	w := newWorld(t, 1)
	put, vote := w.certified(1, 1, 1000), w.block(w.slot(2, 1), "vote", 0)
	empty := block.New(w.group, w.slot(3, 1).Creator, 1, block.ID{}, 7, nil)
	w.commit(s, put, store.PutVote{Block: vote}, store.PutVote{Block: empty}, store.PutDelivered{Slot: w.slot(1, 1)}, store.PutEvidence{Evidence: w.evidence(0, "x")})
	before := w.load(s)
	s.reopen()
	after := w.load(s)
	require.Equal(t, before.Evidence, after.Evidence)
	require.Len(t, after.Chains, 3)
	for i := range before.Chains {
		w.requireBlocks(before.Chains[i].Votes, after.Chains[i].Votes)
		before.Chains[i].Votes, after.Chains[i].Votes = nil, nil
	}
	require.Equal(t, before.Chains, after.Chains)
	for _, b := range []block.Block{put.Block, vote, empty} {
		held, err := s.Block(t.Context(), b.ID())
		require.NoError(t, err)
		w.requireBlocks([]block.Block{b}, []block.Block{held})
		require.NoError(t, held.Check(w.group))
	}
	found, err := s.CertifiedByID(t.Context(), put.Block.ID())
	require.NoError(t, err)
	w.requireCertified(put, found)
	_, err = s.CertifiedByID(t.Context(), vote.ID())
	require.ErrorIs(t, err, store.ErrNotFound)
}

func testLocked(t *testing.T, s *session) {
	_, err := s.opener()
	require.ErrorIs(t, err, store.ErrLocked)
	s.reopen() // a refused attempt harms nobody
}

func testCancelled(t *testing.T, s *session) {
	w := newWorld(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Commit(ctx, []store.Write{w.certified(1, 1, 10)}), context.Canceled)
	require.Equal(t, store.State{}, w.load(s))
}

// Each commit certifies one height in two chains and moves both cursors, so a read that sees one
// without the other saw half of it.
func testConcurrentReads(t *testing.T, s *session) {
	const heights = 40
	w := newWorld(t, 1)
	var readers errgroup.Group
	for range 4 {
		readers.Go(func() error {
			for seen := uint64(0); seen < heights; {
				state, err := s.Load(t.Context(), w.group.ID())
				if err != nil {
					return err
				}
				if len(state.Chains) == 0 {
					continue
				}
				seen = state.Chains[0].Certified
				for _, chain := range state.Chains {
					if len(state.Chains) != 2 || chain.Certified != seen || chain.Delivered != seen {
						t.Errorf("read half of a commit: %+v", state.Chains)
						return nil
					}
				}
				found, err := s.CertifiedFrom(t.Context(), w.slot(2, 1), heights, math.MaxInt)
				if err != nil {
					return err
				}
				if uint64(len(found)) < seen {
					t.Errorf("certified through %d, found %d blocks", seen, len(found))
				}
			}
			return nil
		})
	}
	for height := range uint64(heights) {
		w.commit(s, w.certified(1, height+1, 50), w.certified(2, height+1, 50),
			store.PutDelivered{Slot: w.slot(1, height+1)}, store.PutDelivered{Slot: w.slot(2, height+1)})
	}
	require.NoError(t, readers.Wait())
}
