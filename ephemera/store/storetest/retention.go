package storetest

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// at makes a certified block of messages with these signed times. Its header's time is the height.
func (w *world) at(creator int, height uint64, size int, times ...int64) store.PutCertified {
	messages := make([]block.Message, len(times))
	for i, time := range times {
		var err error
		messages[i], err = block.NewMessage(w.members[0], w.group.Network(), "at", make([]byte, size), time)
		require.NoError(w.t, err)
	}
	parent := block.ID{}
	if height > 1 {
		parent = block.ID{1}
	}
	b := block.New(w.group, w.slot(creator, height).Creator, height, parent, int64(height), messages)
	b.Signature = w.members[creator].Sign(b.Header.SigningBytes())
	return store.PutCertified{Block: b, Certificate: w.certify(b, 0, 1, 2)}
}

// chain certifies and delivers heights 1 to n of a creator, one message each, signed at the
// height's time.
func (w *world) chain(s *session, creator int, n uint64, size int) []store.PutCertified {
	var puts []store.PutCertified
	for height := range n {
		put := w.at(creator, height+1, size, int64(100*creator)+int64(height+1))
		puts = append(puts, put)
		w.commit(s, store.PutVote{Block: put.Block}, put)
	}
	w.commit(s, store.PutDelivered{Slot: w.slot(creator, n)})
	return puts
}

// bare is the block without its messages.
func bare(put store.PutCertified) store.PutCertified {
	put.Block.Messages = nil
	return put
}

func (s *session) list(after uint64, creator keys.Public, count, bytes int) []store.Entry {
	s.t.Helper()
	found, err := s.List(s.t.Context(), after, creator, count, bytes)
	require.NoError(s.t, err)
	last := after
	for _, entry := range found {
		require.Greater(s.t, entry.Sequence, last)
		last = entry.Sequence
	}
	return found
}

func (s *session) prune(r store.Retention) store.Pruned {
	s.t.Helper()
	pruned, err := s.Prune(s.t.Context(), r)
	require.NoError(s.t, err)
	return pruned
}

func (w *world) requireEntries(want []store.PutCertified, have []store.Entry) {
	w.t.Helper()
	require.Len(w.t, have, len(want))
	for i := range want {
		w.requireCertified(want[i], have[i].Certified)
	}
}

func testList(t *testing.T, s *session) {
	one, two := newWorld(t, 1), newWorld(t, 2)
	none := keys.Public{}
	require.Empty(t, s.list(0, none, 10, math.MaxInt))
	// Not in the order of heights, across chains and groups; votes are not listed.
	puts := []store.PutCertified{one.certified(1, 2, 50), two.certified(1, 1, 50), one.certified(1, 1, 50), one.certified(3, 1, 50)}
	one.commit(s, store.PutVote{Block: one.block(one.slot(2, 1), "v", 1)}, puts[0])
	one.commit(s, puts[1], puts[2])
	one.commit(s, puts[3])
	all := s.list(0, none, 10, math.MaxInt)
	one.requireEntries(puts, all)
	require.Equal(t, uint64(1), all[0].Sequence)

	// A late echo writes the certificate again, and the block keeps its place.
	puts[0].Certificate = one.certify(puts[0].Block, 0, 1, 2, 3)
	one.commit(s, puts[0])
	s.reopen()
	again := s.list(0, none, 10, math.MaxInt)
	one.requireEntries(puts, again)
	for i := range all {
		require.Equal(t, all[i].Sequence, again[i].Sequence)
	}
	refused := one.block(one.slot(1, 1), "other", 1)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{
		one.certified(0, 1, 1), store.PutCertified{Block: refused, Certificate: one.certify(refused, 0, 1, 2)},
	}), store.ErrConflict)
	one.requireEntries(puts, s.list(0, none, 10, math.MaxInt))

	next := one.certified(1, 3, 50)
	one.commit(s, next)
	one.requireEntries([]store.PutCertified{next}, s.list(all[3].Sequence, none, 10, math.MaxInt))
	one.requireEntries([]store.PutCertified{puts[0], puts[1], puts[2], next}, s.list(0, one.slot(1, 1).Creator, 10, math.MaxInt))
	one.requireEntries([]store.PutCertified{puts[2], next}, s.list(all[1].Sequence, one.slot(1, 1).Creator, 10, math.MaxInt))
	require.Empty(t, s.list(0, one.slot(2, 1).Creator, 10, math.MaxInt))
	require.Empty(t, s.list(math.MaxUint64, none, 10, math.MaxInt))
	require.Empty(t, s.list(math.MaxInt64, none, 10, math.MaxInt))
}

func testListBounds(t *testing.T, s *session) {
	w := newWorld(t, 1)
	puts := w.chain(s, 1, 5, 100)
	size := puts[0].Block.Messages[0].Size()
	for _, creator := range []keys.Public{{}, w.slot(1, 1).Creator} {
		for _, test := range []struct{ count, bytes, want int }{
			{10, 5 * size, 5},
			{3, 5 * size, 3},
			{10, 3 * size, 3},
			{10, 3*size - 1, 2},
			{10, 0, 1},
			{10, -1, 1},
			{0, 5 * size, 0},
			{-1, 5 * size, 0},
		} {
			w.requireEntries(puts[:test.want], s.list(0, creator, test.count, test.bytes))
		}
	}
}

func testEquivocations(t *testing.T, s *session) {
	one, two, unknown := newWorld(t, 1), newWorld(t, 2), newWorld(t, 3)
	want := []store.Evidence{one.evidence(1, "a"), one.evidence(3, "b"), two.evidence(0, "c"), two.evidence(2, "d"), unknown.evidence(0, "e")}
	for _, i := range []int{4, 3, 0, 2, 1} {
		one.commit(s, store.PutEvidence{Evidence: want[i]})
	}
	one.commit(s, store.PutGroup{Group: two.group}, store.PutGroup{Group: one.group})
	s.reopen()
	have, err := s.Equivocations(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, have)
}

func testIncluded(t *testing.T, s *session) {
	w := newWorld(t, 1)
	own, other := 1, 2
	require.NoError(t, s.SetIdentity(t.Context(), store.Identity{Network: "storetest", Key: w.members[own].Public()}))
	shared := w.at(other, 1, 10, 5, 20, 30)
	mine := w.at(own, 1, 10, 20, 25)
	w.commit(s, shared, mine, store.PutVote{Block: w.block(w.slot(3, 1), "vote", 1)})
	expect := func(since int64, want ...store.Included) {
		t.Helper()
		for i := range want {
			message, err := block.NewMessage(w.members[0], w.group.Network(), "at", make([]byte, 10), want[i].Time)
			require.NoError(t, err)
			want[i].ID, want[i].Sender = message.ID(), w.members[0].Public()
		}
		have, err := s.Included(t.Context(), since)
		require.NoError(t, err)
		require.Equal(t, want, have)
	}
	all := []store.Included{{Time: 5}, {Time: 20, Own: true}, {Time: 25, Own: true}, {Time: 30}}
	expect(0, all...)
	s.reopen()
	expect(20, all[1:]...)
	expect(21, all[2:]...)
	expect(31)

	// Removed messages are known until all of their block are older than what is asked for.
	w.commit(s, store.PutDelivered{Slot: w.slot(other, 1)}, store.PutDelivered{Slot: w.slot(own, 1)})
	require.Equal(t, 2, s.prune(store.Retention{Before: 2, Messages: 25}).Blocks)
	s.reopen()
	expect(0, all...)
	require.Zero(t, s.prune(store.Retention{Messages: 26}))
	expect(0, store.Included{Time: 5}, store.Included{Time: 20}, store.Included{Time: 30})
	require.Zero(t, s.prune(store.Retention{Messages: 30}))
	require.Zero(t, s.prune(store.Retention{}))
	expect(30, all[3])
	require.Zero(t, s.prune(store.Retention{Messages: 31}))
	expect(0)
}

func testPrune(t *testing.T, s *session) {
	w := newWorld(t, 1)
	puts := w.chain(s, 1, 6, 1000)
	w.commit(s, store.PutEvidence{Evidence: w.evidence(3, "x")}, store.PutGroup{Group: w.group})
	before := w.load(s)
	size := int64(puts[0].Block.Messages[0].Size())
	require.Zero(t, s.prune(store.Retention{}))
	require.Zero(t, s.prune(store.Retention{Before: 1, Keep: 6, Messages: math.MaxInt64}))
	require.Zero(t, s.prune(store.Retention{Keep: math.MaxUint64}))
	require.Equal(t, store.Pruned{Blocks: 2, Bytes: 2 * size}, s.prune(store.Retention{Before: 3}))
	require.Zero(t, s.prune(store.Retention{Before: 3}), "once")
	require.Equal(t, store.Pruned{Blocks: 1, Bytes: size}, s.prune(store.Retention{Keep: 3}))
	s.reopen()
	require.Equal(t, before, w.load(s))

	for i, put := range puts {
		want := put
		_, err := s.Block(t.Context(), put.Block.ID())
		if i < 3 {
			want = bare(put)
			require.ErrorIs(t, err, store.ErrPruned)
		} else {
			require.NoError(t, err)
		}
		found, err := s.CertifiedByID(t.Context(), put.Block.ID())
		require.NoError(t, err)
		require.Equal(t, i < 3, found.Block.Pruned())
		w.requireCertified(want, found)
		found, err = s.Certified(t.Context(), put.Block.Header.Slot())
		require.NoError(t, err)
		w.requireCertified(want, found)
		require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: w.block(put.Block.Header.Slot(), "other", 1)}}), store.ErrVoted)
	}
	// In a bounded answer a removed body counts as its header.
	header := certifiedIn(t, s, puts[0]).Bytes()
	require.Less(t, header, 300)
	for _, test := range []struct{ bytes, want int }{{0, 1}, {3 * header, 3}, {3*header - 1, 2}, {3*header + int(size), 4}, {math.MaxInt, 6}} {
		piece, err := s.CertifiedFrom(t.Context(), w.slot(1, 1), 10, test.bytes)
		require.NoError(t, err)
		require.Len(t, piece, test.want)
		require.Len(t, s.list(0, keys.Public{}, 10, test.bytes), test.want)
	}
}

func certifiedIn(t *testing.T, s *session, put store.PutCertified) store.Certified {
	t.Helper()
	c, err := s.CertifiedByID(t.Context(), put.Block.ID())
	require.NoError(t, err)
	return c
}

// Whatever is not certified and delivered is still needed.
func testPruneSpares(t *testing.T, s *session) {
	w := newWorld(t, 1)
	everything := store.Retention{Before: math.MaxInt64, Keep: 1, Messages: math.MaxInt64}
	vote := w.block(w.slot(0, 1), "vote", 10)
	undelivered, gap := w.at(1, 1, 10, 1), w.at(2, 2, 10, 2)
	early := w.block(w.slot(3, 1), "early", 10)
	empty := w.at(0, 7, 0)
	w.commit(s, store.PutVote{Block: vote}, undelivered, gap, store.PutVote{Block: early}, empty,
		store.PutDelivered{Slot: w.slot(2, 2)}, store.PutDelivered{Slot: w.slot(3, 1)})
	require.Zero(t, s.prune(everything))
	for _, b := range []block.Block{vote, undelivered.Block, gap.Block, early, empty.Block} {
		held, err := s.Block(t.Context(), b.ID())
		require.NoError(t, err)
		w.requireBlocks([]block.Block{b}, []block.Block{held})
	}
	// A message that another body holds stays with it.
	sharing := w.at(1, 2, 10, 1, 3)
	w.commit(s, sharing, store.PutDelivered{Slot: w.slot(1, 1)})
	require.Equal(t, store.Pruned{Blocks: 1}, s.prune(everything))
	w.requireCertified(bare(undelivered), certifiedIn(t, s, undelivered))
	w.requireCertified(sharing, certifiedIn(t, s, sharing))
	w.commit(s, store.PutDelivered{Slot: w.slot(1, 2)})
	require.Equal(t, store.Pruned{Blocks: 1, Bytes: int64(2 * sharing.Block.Messages[0].Size())}, s.prune(everything))
	w.requireCertified(bare(sharing), certifiedIn(t, s, sharing))
	// A message that went may come again in another block.
	again := w.at(1, 3, 10, 1)
	w.commit(s, again)
	s.reopen()
	w.requireCertified(again, certifiedIn(t, s, again))
}

func testPutPruned(t *testing.T, s *session) {
	w := newWorld(t, 1)
	whole := w.at(1, 1, 10, 1, 2)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: bare(whole).Block}}), store.ErrPruned)
	w.commit(s, bare(whole))
	w.requireCertified(bare(whole), certifiedIn(t, s, whole))
	_, err := s.Block(t.Context(), whole.Block.ID())
	require.ErrorIs(t, err, store.ErrPruned)
	require.Equal(t, uint64(1), w.load(s).Chains[0].Certified)
	included, err := s.Included(t.Context(), 0)
	require.NoError(t, err)
	require.Empty(t, included)

	w.commit(s, whole) // the messages are found after all
	w.requireCertified(whole, certifiedIn(t, s, whole))
	later := bare(whole)
	later.Certificate = w.certify(whole.Block, 1, 2, 3)
	w.commit(s, later) // and are not lost again
	s.reopen()
	w.requireCertified(store.PutCertified{Block: whole.Block, Certificate: later.Certificate}, certifiedIn(t, s, whole))

	// A body that was voted for is not lost either; nor is one that comes back after it was removed.
	voted := w.at(1, 2, 10, 3)
	w.commit(s, store.PutVote{Block: voted.Block}, bare(voted))
	w.requireCertified(voted, certifiedIn(t, s, voted))
	w.commit(s, store.PutDelivered{Slot: w.slot(1, 2)})
	for range 2 {
		require.Equal(t, 2, s.prune(store.Retention{Before: 3}).Blocks)
		w.requireCertified(bare(voted), certifiedIn(t, s, voted))
		w.commit(s, voted, whole)
		w.requireCertified(voted, certifiedIn(t, s, voted))
	}
	// A vote brings messages back as well, and retention finds them again.
	require.Equal(t, 2, s.prune(store.Retention{Before: 3}).Blocks)
	w.commit(s, store.PutVote{Block: voted.Block})
	w.requireCertified(voted, certifiedIn(t, s, voted))
	require.Zero(t, s.prune(store.Retention{Messages: 4}))
	included, err = s.Included(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, included, 1)
	require.Equal(t, 1, s.prune(store.Retention{Before: 3}).Blocks)
	w.commit(s, voted, whole)
	included, err = s.Included(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, included, 3)
	require.True(t, slices.IsSortedFunc(included, func(a, b store.Included) int { return cmp.Compare(a.Time, b.Time) }))
	require.Len(t, s.list(0, keys.Public{}, 10, math.MaxInt), 2)
}

// Prune runs beside commits and reads: nobody sees half of a block.
func testPruneBeside(t *testing.T, s *session) {
	const heights = 60
	w := newWorld(t, 1)
	done := make(chan error)
	go func() {
		for removed := 0; removed < heights-2; {
			pruned, err := s.Prune(t.Context(), store.Retention{Keep: 2})
			if err != nil {
				done <- err
				return
			}
			removed += pruned.Blocks
			piece, err := s.CertifiedFrom(t.Context(), w.slot(1, 1), heights, math.MaxInt)
			if err != nil {
				done <- err
				return
			}
			for _, c := range piece {
				if !c.Block.Pruned() && c.Block.Check(w.group) != nil {
					t.Errorf("height %d has half of its messages", c.Block.Header.Height)
				}
			}
		}
		close(done)
	}()
	for height := range uint64(heights) {
		time := int64(10 * height)
		w.commit(s, w.at(1, height+1, 50, time, time+1, time+9, time+10), store.PutDelivered{Slot: w.slot(1, height+1)})
	}
	require.NoError(t, <-done)
	kept := s.list(heights-2, keys.Public{}, heights, math.MaxInt)
	require.Len(t, kept, 2)
	for _, entry := range kept {
		require.NoError(t, entry.Block.Check(w.group))
	}
}

func testSecondGroupAfterPruning(t *testing.T, s *session) {
	one, two := newWorld(t, 1), newWorld(t, 2)
	a := one.chain(s, 1, 2, 10)
	b := two.chain(s, 1, 2, 10) // the same messages in another group's chain
	require.Equal(t, 2, s.prune(store.Retention{Keep: 1}).Blocks)
	for _, puts := range [][]store.PutCertified{a, b} {
		one.requireCertified(bare(puts[0]), certifiedIn(t, s, puts[0]))
		one.requireCertified(puts[1], certifiedIn(t, s, puts[1]))
	}
	state, err := s.Load(t.Context(), membership.ID(two.group.ID()))
	require.NoError(t, err)
	require.Equal(t, uint64(2), state.Chains[0].Delivered)
}
