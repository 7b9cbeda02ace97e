// Package storetest contains the conformance suites of store.Store: Run, and RunCrash for what
// survives a crash. Every implementation must pass both. BenchmarkCommit compares implementations.
//
// The package is unstable: the suite gets stricter with any release.
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

// Opener opens the store of one node: an empty one at the first call, and at each later call one
// with everything that was committed. The suite closes a store before it opens it again, except to
// check that a second Open fails.
type Opener func() (store.Store, error)

// Run checks everything that store.Store promises, except what survives a crash (RunCrash). fresh
// returns an opener of a new, empty store.
func Run(t *testing.T, fresh func(t *testing.T) Opener) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *session)
	}{
		{"reading an empty store is not an error", testEmpty},
		{"a vote is final", testVoteIsFinal},
		{"a commit is atomic", testAtomicity},
		{"what a refused commit held is stored by the next", testRefusedIsForgotten},
		{"writes of one commit belong together", testWrittenTogether},
		{"many messages, some of them stored", testManyMessages},
		{"messages that were removed", testRemovedMessages},
		{"a signature is added to a stored block and never removed", testSignatureAdded},
		{"the certified height is contiguous", testContiguous},
		{"votes above the certified height are loaded with their blocks", testOpenVotes},
		{"a certificate can be replaced, a certified block cannot", testCertificateReplaced},
		{"the delivery cursor never moves back", testCursor},
		{"the first evidence of a chain is kept", testEvidence},
		{"groups are separate", testGroupsAreSeparate},
		{"reading a chain is bounded and stops at gaps", testCertifiedFrom},
		{"blocks are listed in the order of their commits", testList},
		{"a list is bounded", testListBounds},
		{"equivocations are in the order of groups and creators", testEquivocations},
		{"the first fork of a chain is kept, in the order of groups and creators", testForks},
		{"messages of certified blocks are known, even when removed, until forgotten", testIncluded},
		{"retention removes old messages and nothing else", testPrune},
		{"retention by age counts from the arrival here, in running time", testRetentionByAge},
		{"retention keeps blocks that are not both certified and delivered", testPruneKeepsUndelivered},
		{"a certified block can be stored without its messages", testPutPruned},
		{"retention runs concurrently with commits and reads", testPruneConcurrently},
		{"retention counts blocks of each chain separately", testSecondGroupAfterPruning},
		{"heights above every chain are not found", testHugeHeights},
		{"the greatest heights and group numbers are stored", testExtremeHeights},
		{"any time, label and payload is stored", testExtremeMessages},
		{"any count of messages is stored", testExtremeCounts},
		{"the greatest groups are stored", testExtremeGroups},
		{"any count of starts and any muted group is stored", testExtremeIdentities},
		{"a group is recorded once and stays closed", testGroups},
		{"network and key of the identity are final", testIdentity},
		{"commits that hold votes are counted", testVotesCounted},
		{"everything survives closing and opening", testDurable},
		{"a store cannot be opened twice", testLocked},
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
	f := newFixture(t, 1)
	require.Equal(t, store.State{}, f.load(s))
	_, err := s.Block(t.Context(), block.ID{1})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Certified(t.Context(), f.slot(0, 1))
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.CertifiedByID(t.Context(), block.ID{1})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Identity(t.Context())
	require.ErrorIs(t, err, store.ErrNotFound)
	found, err := s.CertifiedFrom(t.Context(), f.slot(0, 1), 10, 1000)
	require.NoError(t, err)
	require.Empty(t, found)
	require.NoError(t, s.Commit(t.Context(), nil))
	require.Equal(t, store.State{}, f.load(s))
}

func testVoteIsFinal(t *testing.T, s *session) {
	f := newFixture(t, 1)
	slot := f.slot(1, 1)
	first, second := f.block(slot, "first", 10), f.block(slot, "second", 10)
	f.commit(s, store.PutVote{Block: first})
	f.commit(s, store.PutVote{Block: first}) // the same vote again is accepted
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: second}}), store.ErrVoted)

	s.reopen()
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: second}}), store.ErrVoted)

	// A certificate for another block does not change the vote.
	f.commit(s, store.PutCertified{Block: second, Certificate: f.certify(second, 0, 2, 3)})
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: second}}), store.ErrVoted)
	f.commit(s, store.PutVote{Block: first})
}

func testAtomicity(t *testing.T, s *session) {
	f := newFixture(t, 1)
	slot := f.slot(1, 1)
	f.commit(s, store.PutVote{Block: f.block(slot, "first", 10)})
	before := f.load(s)

	other, certified := f.block(f.slot(2, 1), "other", 10), f.certified(3, 1, 10)
	err := s.Commit(t.Context(), []store.Write{
		store.PutVote{Block: other},
		certified,
		store.PutDelivered{Slot: f.slot(3, 1)},
		store.PutEvidence{Evidence: f.evidence(3, "x")},
		store.PutVote{Block: f.block(slot, "second", 10)},
	})
	require.ErrorIs(t, err, store.ErrVoted)
	s.reopen()
	after := f.load(s)
	require.Len(t, after.Chains, 1)
	require.Equal(t, before.Chains[0].Votes[0].ID(), after.Chains[0].Votes[0].ID())
	require.Empty(t, after.Evidence)
	_, err = s.Block(t.Context(), other.ID())
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.CertifiedByID(t.Context(), certified.Block.ID())
	require.ErrorIs(t, err, store.ErrNotFound)

	// Two votes for one slot in one commit are refused too.
	a, b := f.block(f.slot(2, 1), "a", 1), f.block(f.slot(2, 1), "b", 1)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: a}, store.PutVote{Block: b}}), store.ErrVoted)
	f.commit(s, store.PutVote{Block: b}) // the refused commit left no vote behind
}

func testSignatureAdded(t *testing.T, s *session) {
	f := newFixture(t, 1)
	unsigned, signed := f.unsigned(f.slot(1, 1), "own", 10), f.block(f.slot(1, 1), "own", 10)
	require.Equal(t, unsigned.ID(), signed.ID())
	require.NotEqual(t, keys.Signature{}, signed.Signature)
	for _, step := range []struct{ put, want block.Block }{{unsigned, unsigned}, {signed, signed}, {unsigned, signed}} {
		f.commit(s, store.PutVote{Block: step.put})
		held, err := s.Block(t.Context(), unsigned.ID())
		require.NoError(t, err)
		f.requireBlocks([]block.Block{step.want}, []block.Block{held})
	}
	f.requireBlocks([]block.Block{signed}, f.load(s).Chains[0].Votes)
}

func testContiguous(t *testing.T, s *session) {
	f := newFixture(t, 1)
	blocks := map[uint64]store.PutCertified{}
	for height := range uint64(7) {
		blocks[height+1] = f.certified(2, height+1, 10)
	}
	for _, step := range []struct{ put, certified uint64 }{{2, 0}, {3, 0}, {1, 3}, {6, 3}, {5, 3}, {4, 6}, {4, 6}, {7, 7}} {
		f.commit(s, blocks[step.put])
		s.reopen()
		state := f.load(s)
		require.Len(t, state.Chains, 1)
		require.Equal(t, f.slot(2, 1).Creator, state.Chains[0].Creator)
		require.Equal(t, step.certified, state.Chains[0].Certified)
		tip := block.ID{}
		if step.certified > 0 {
			tip = blocks[step.certified].Block.ID()
		}
		require.Equal(t, tip, state.Chains[0].Tip)
	}
}

func testOpenVotes(t *testing.T, s *session) {
	f := newFixture(t, 1)
	low, mid, high := f.block(f.slot(1, 1), "v", 3), f.block(f.slot(1, 2), "v", 5), f.block(f.slot(1, 3), "v", 7)
	f.commit(s, store.PutVote{Block: high}, store.PutVote{Block: mid}, store.PutVote{Block: low})
	f.requireBlocks([]block.Block{low, mid, high}, f.load(s).Chains[0].Votes)

	f.commit(s, store.PutCertified{Block: low, Certificate: f.certify(low, 1, 2, 3)})
	// Above a gap, so not contiguous yet.
	f.commit(s, store.PutCertified{Block: high, Certificate: f.certify(high, 1, 2, 3)})
	s.reopen()
	state := f.load(s)
	require.Equal(t, uint64(1), state.Chains[0].Certified)
	f.requireBlocks([]block.Block{mid, high}, state.Chains[0].Votes)

	f.commit(s, store.PutCertified{Block: mid, Certificate: f.certify(mid, 1, 2, 3)})
	require.Empty(t, f.load(s).Chains[0].Votes)
}

func testCertificateReplaced(t *testing.T, s *session) {
	f := newFixture(t, 1)
	put := f.certified(1, 1, 10)
	f.commit(s, put)
	put.Certificate = f.certify(put.Block, 0, 1, 2, 3)
	f.commit(s, put)
	found, err := s.Certified(t.Context(), f.slot(1, 1))
	require.NoError(t, err)
	f.requireCertified(put, found)
	header, err := s.Header(t.Context(), f.slot(1, 1))
	require.NoError(t, err)
	require.Equal(t, put.Block.SignedHeader, header)
	for _, slot := range []block.Slot{f.slot(1, 2), f.slot(2, 1), {Group: block.Slot{}.Group, Creator: f.slot(1, 1).Creator, Height: 1}} {
		_, err = s.Header(t.Context(), slot)
		require.ErrorIs(t, err, store.ErrNotFound)
	}

	other := f.block(f.slot(1, 1), "other", 10)
	err = s.Commit(t.Context(), []store.Write{store.PutCertified{Block: other, Certificate: f.certify(other, 0, 1, 2)}})
	require.ErrorIs(t, err, store.ErrConflict)
	found, err = s.CertifiedByID(t.Context(), put.Block.ID())
	require.NoError(t, err)
	f.requireCertified(put, found)
	_, err = s.Block(t.Context(), other.ID())
	require.ErrorIs(t, err, store.ErrNotFound)
}

func testCursor(t *testing.T, s *session) {
	f := newFixture(t, 1)
	for _, step := range []struct{ put, want uint64 }{{3, 3}, {2, 3}, {4, 4}, {1, 4}, {4, 4}} {
		f.commit(s, store.PutDelivered{Slot: f.slot(1, step.put)})
		require.Equal(t, step.want, f.load(s).Chains[0].Delivered)
	}
	s.reopen()
	require.Equal(t, []store.Chain{{Creator: f.slot(1, 1).Creator, Delivered: 4}}, f.load(s).Chains)
}

func testEvidence(t *testing.T, s *session) {
	f := newFixture(t, 1)
	first, later, other := f.evidence(2, "first"), f.evidence(2, "later"), f.evidence(0, "other")
	f.commit(s, store.PutEvidence{Evidence: first})
	f.commit(s, store.PutEvidence{Evidence: later}, store.PutEvidence{Evidence: other})
	s.reopen()
	require.Equal(t, store.State{Evidence: []store.Evidence{other, first}}, f.load(s))
}

func testGroupsAreSeparate(t *testing.T, s *session) {
	one, two := newFixture(t, 1), newFixture(t, 2)
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
	f := newFixture(t, 1)
	var puts []store.PutCertified
	for _, height := range []uint64{1, 2, 3, 4, 6, 7} { // 5 is missing
		puts = append(puts, f.certified(1, height, 100))
		f.commit(s, puts[len(puts)-1])
	}
	size := puts[0].Block.Messages[0].Size()
	for _, test := range []struct {
		from         uint64
		count, bytes int
		want         []int // indices into puts
	}{
		{1, 10, 100 * size, []int{0, 1, 2, 3}},
		{2, 10, 100 * size, []int{1, 2, 3}},
		{1, 2, 100 * size, []int{0, 1}},
		{1, 10, 2 * size, []int{0, 1}},
		{1, 10, 3*size - 1, []int{0, 1}},
		{1, 10, 0, []int{0}}, // the first block always
		{1, 10, -1, []int{0}},
		{6, 10, 100 * size, []int{4, 5}},
		{5, 10, 100 * size, nil},
		{8, 10, 100 * size, nil},
		{0, 10, 100 * size, nil},
		{1, 0, 100 * size, nil},
		{1, -1, 100 * size, nil},
	} {
		found, err := s.CertifiedFrom(t.Context(), f.slot(1, test.from), test.count, test.bytes)
		require.NoError(t, err)
		require.Len(t, found, len(test.want), "from %d, %d blocks, %d bytes", test.from, test.count, test.bytes)
		for i, which := range test.want {
			f.requireCertified(puts[which], found[i])
		}
	}
}

// A peer may request any height.
func testHugeHeights(t *testing.T, s *session) {
	f := newFixture(t, 1)
	f.commit(s, f.certified(1, 1, 10))
	for _, height := range []uint64{math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
		_, err := s.Certified(t.Context(), f.slot(1, height))
		require.ErrorIs(t, err, store.ErrNotFound)
		found, err := s.CertifiedFrom(t.Context(), f.slot(1, height), 10, 10)
		require.NoError(t, err)
		require.Empty(t, found)
	}
}

func testGroups(t *testing.T, s *session) {
	one, two := newFixture(t, 1), newFixture(t, 2)
	none, err := s.Groups(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutClosed{Group: one.group.ID()}}), store.ErrNotFound)

	one.commit(s, store.PutGroup{Group: two.group})
	one.commit(s, store.PutGroup{Group: one.group}, store.PutClosed{Group: one.group.ID()})
	// Recording a closed group again does not reopen it.
	one.commit(s, store.PutGroup{Group: one.group})
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
	f := newFixture(t, 1)
	identity := store.Identity{Network: "storetest", Key: f.members[0].Public(), Starts: 1}
	require.NoError(t, s.SetIdentity(t.Context(), identity))
	identity.Starts, identity.MutedThrough = 2, 7
	require.NoError(t, s.SetIdentity(t.Context(), identity))
	for _, foreign := range []store.Identity{{Network: "other", Key: identity.Key}, {Network: identity.Network, Key: f.members[1].Public()}} {
		require.ErrorIs(t, s.SetIdentity(t.Context(), foreign), store.ErrForeign)
	}
	s.reopen()
	have, err := s.Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, identity, have)
}

func testVotesCounted(t *testing.T, s *session) {
	f := newFixture(t, 1)
	votes := func() uint64 {
		identity, err := s.Identity(t.Context())
		require.NoError(t, err)
		return identity.Votes
	}
	first := f.block(f.slot(1, 1), "first", 10)
	f.commit(s, store.PutVote{Block: first}) // before the store knows whose it is
	identity := store.Identity{Network: "storetest", Key: f.members[0].Public(), Starts: 1}
	require.NoError(t, s.SetIdentity(t.Context(), identity))
	require.Equal(t, uint64(1), votes())
	f.commit(s, f.certified(1, 2, 10), store.PutDelivered{Slot: f.slot(1, 1)})
	require.Equal(t, uint64(1), votes(), "no vote")
	f.commit(s, f.certified(2, 1, 10), store.PutVote{Block: f.block(f.slot(1, 2), "a", 1)}, store.PutVote{Block: f.block(f.slot(1, 3), "b", 1)})
	require.Equal(t, uint64(2), votes(), "two votes in one commit")
	f.commit(s, store.PutVote{Block: first, Again: true})
	require.Equal(t, uint64(3), votes(), "the same vote again")
	refused := []store.Write{store.PutVote{Block: f.block(f.slot(3, 1), "c", 1)}, store.PutVote{Block: f.block(f.slot(1, 1), "d", 1)}}
	require.ErrorIs(t, s.Commit(t.Context(), refused), store.ErrVoted)
	require.Equal(t, uint64(3), votes(), "a refused commit")
	s.reopen()
	require.Equal(t, uint64(3), votes())

	for _, step := range []struct{ set, want uint64 }{{2, 3}, {math.MaxInt32, math.MaxInt32}, {0, math.MaxInt32}} {
		identity.Votes = step.set
		require.NoError(t, s.SetIdentity(t.Context(), identity))
		s.reopen()
		require.Equal(t, step.want, votes(), "the count never decreases")
	}
	f.commit(s, store.PutVote{Block: f.block(f.slot(1, 4), "e", 1)})
	require.Equal(t, uint64(math.MaxInt32+1), votes())
}

func testDurable(t *testing.T, s *session) {
	f := newFixture(t, 1)
	put, vote := f.certified(1, 1, 1000), f.block(f.slot(2, 1), "vote", 0)
	empty := block.New(f.group, f.slot(3, 1).Creator, 1, block.ID{}, 7, nil)
	f.commit(s, put, store.PutVote{Block: vote}, store.PutVote{Block: empty}, store.PutDelivered{Slot: f.slot(1, 1)}, store.PutEvidence{Evidence: f.evidence(0, "x")})
	before := f.load(s)
	s.reopen()
	after := f.load(s)
	require.Equal(t, before.Evidence, after.Evidence)
	require.Len(t, after.Chains, 3)
	for i := range before.Chains {
		f.requireBlocks(before.Chains[i].Votes, after.Chains[i].Votes)
		before.Chains[i].Votes, after.Chains[i].Votes = nil, nil
	}
	require.Equal(t, before.Chains, after.Chains)
	for _, b := range []block.Block{put.Block, vote, empty} {
		held, err := s.Block(t.Context(), b.ID())
		require.NoError(t, err)
		f.requireBlocks([]block.Block{b}, []block.Block{held})
		require.NoError(t, held.Check(f.group))
	}
	found, err := s.CertifiedByID(t.Context(), put.Block.ID())
	require.NoError(t, err)
	f.requireCertified(put, found)
	_, err = s.CertifiedByID(t.Context(), vote.ID())
	require.ErrorIs(t, err, store.ErrNotFound)
}

func testLocked(t *testing.T, s *session) {
	_, err := s.opener()
	require.ErrorIs(t, err, store.ErrLocked)
	s.reopen() // the refused attempt left no lock behind
}

func testCancelled(t *testing.T, s *session) {
	f := newFixture(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Commit(ctx, []store.Write{f.certified(1, 1, 10)}), context.Canceled)
	require.Equal(t, store.State{}, f.load(s))
}

// Each commit certifies one height in two chains and moves both cursors. A read that sees one
// without the other is not atomic.
func testConcurrentReads(t *testing.T, s *session) {
	const heights = 40
	f := newFixture(t, 1)
	var readers errgroup.Group
	for range 4 {
		readers.Go(func() error {
			for seen := uint64(0); seen < heights; {
				state, err := s.Load(t.Context(), f.group.ID())
				if err != nil {
					return err
				}
				if len(state.Chains) == 0 {
					continue
				}
				seen = state.Chains[0].Certified
				for _, chain := range state.Chains {
					if len(state.Chains) != 2 || chain.Certified != seen || chain.Delivered != seen {
						t.Errorf("read a part of a commit: %+v", state.Chains)
						return nil
					}
				}
				found, err := s.CertifiedFrom(t.Context(), f.slot(2, 1), heights, math.MaxInt)
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
		f.commit(s, f.certified(1, height+1, 50), f.certified(2, height+1, 50),
			store.PutDelivered{Slot: f.slot(1, height+1)}, store.PutDelivered{Slot: f.slot(2, height+1)})
	}
	require.NoError(t, readers.Wait())
}
