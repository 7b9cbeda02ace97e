package storetest

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/uptime"
)

// at returns a certified block of messages with these signed times. Its header's time is its
// height.
func (f *fixture) at(creator int, height uint64, size int, times ...int64) store.PutCertified {
	messages := make([]block.Message, len(times))
	for i, at := range times {
		var err error
		messages[i], err = block.NewMessage(f.members[0], f.group.Network(), "at", make([]byte, size), at)
		require.NoError(f.t, err)
	}
	parent := block.ID{}
	if height > 1 {
		parent = block.ID{1}
	}
	b := block.New(f.group, f.slot(creator, height).Creator, height, parent, int64(height), messages)
	b.Signature = f.members[creator].Sign(b.Header.SigningBytes())
	return store.PutCertified{Block: b, Certificate: f.certify(b, 0, 1, 2)}
}

// chain votes for, certifies and delivers the heights 1 to n of a creator, with one message each.
func (f *fixture) chain(s *session, creator int, n uint64, size int) []store.PutCertified {
	var puts []store.PutCertified
	for height := range n {
		put := f.at(creator, height+1, size, int64(100*creator)+int64(height+1))
		puts = append(puts, put)
		f.commit(s, store.PutVote{Block: put.Block}, put)
	}
	f.commit(s, store.PutDelivered{Slot: f.slot(creator, n)})
	return puts
}

func withoutMessages(put store.PutCertified) store.PutCertified {
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

// clocked is what every store offers besides store.Store: tests let its running time pass.
type clocked interface{ Clock() *uptime.Clock }

// pass lets running time pass.
func (s *session) pass(d time.Duration) { s.Store.(clocked).Clock().Advance(d) }

func (s *session) prune(r store.Retention) store.Pruned {
	s.t.Helper()
	pruned, err := s.Prune(s.t.Context(), r)
	require.NoError(s.t, err)
	return pruned
}

func (f *fixture) requireEntries(want []store.PutCertified, have []store.Entry) {
	f.t.Helper()
	require.Len(f.t, have, len(want))
	for i := range want {
		f.requireCertified(want[i], have[i].Certified)
	}
}

func testList(t *testing.T, s *session) {
	one, two := newFixture(t, 1), newFixture(t, 2)
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

	// Replacing a certificate, as a late echo does, keeps the block's sequence.
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
	f := newFixture(t, 1)
	puts := f.chain(s, 1, 5, 100)
	size := puts[0].Block.Messages[0].Size()
	for _, creator := range []keys.Public{{}, f.slot(1, 1).Creator} {
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
			f.requireEntries(puts[:test.want], s.list(0, creator, test.count, test.bytes))
		}
	}
}

func testEquivocations(t *testing.T, s *session) {
	one, two, unknown := newFixture(t, 1), newFixture(t, 2), newFixture(t, 3)
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
	f := newFixture(t, 1)
	own, other := 1, 2
	require.NoError(t, s.SetIdentity(t.Context(), store.Identity{Network: "storetest", Key: f.members[own].Public()}))
	shared := f.at(other, 1, 10, 5, 20, 30)
	ownBlock := f.at(own, 1, 10, 20, 25)
	f.commit(s, shared, ownBlock, store.PutVote{Block: f.block(f.slot(3, 1), "vote", 1)})
	expect := func(since int64, want ...store.Included) {
		t.Helper()
		for i := range want {
			message, err := block.NewMessage(f.members[0], f.group.Network(), "at", make([]byte, 10), want[i].Time)
			require.NoError(t, err)
			want[i].ID, want[i].Sender = message.ID(), f.members[0].Public()
		}
		have, err := s.Included(t.Context(), since)
		require.NoError(t, err)
		require.Equal(t, want, have)
	}
	forgotten, err := s.Forgotten(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(-1), forgotten)
	all := []store.Included{{Time: 5}, {Time: 20, Own: true}, {Time: 25, Own: true}, {Time: 30}}
	expect(0, all...)
	s.reopen()
	expect(20, all[1:]...)
	expect(21, all[2:]...)
	expect(31)

	// Removed messages are known until all messages of their block are older than
	// Retention.Messages.
	f.commit(s, store.PutDelivered{Slot: f.slot(other, 1)}, store.PutDelivered{Slot: f.slot(own, 1)})
	require.Equal(t, 2, s.prune(store.Retention{Age: 1, Messages: 25}).Blocks)
	s.reopen()
	expect(0, all...)
	require.Zero(t, s.prune(store.Retention{Messages: 26}))
	expect(0, store.Included{Time: 5}, store.Included{Time: 20}, store.Included{Time: 30})
	require.Zero(t, s.prune(store.Retention{Messages: 30}))
	require.Zero(t, s.prune(store.Retention{}))
	expect(30, all[3])
	forgotten, err = s.Forgotten(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(25), forgotten, "of the node's block")
	// They are forgotten only after some running time, however late it is by the wall clock.
	require.Zero(t, s.prune(store.Retention{Messages: 31, Remember: time.Hour}))
	expect(30, all[3])
	s.reopen()
	s.pass(time.Hour)
	require.Zero(t, s.prune(store.Retention{Messages: 31, Remember: time.Hour}))
	expect(0)
	forgotten, err = s.Forgotten(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(25), forgotten, "the other one was not own")
}

func testPrune(t *testing.T, s *session) {
	f := newFixture(t, 1)
	puts := f.chain(s, 1, 6, 1000)
	f.commit(s, store.PutEvidence{Evidence: f.evidence(3, "x")}, store.PutGroup{Group: f.group})
	before := f.load(s)
	size := int64(puts[0].Block.Messages[0].Size())
	require.Zero(t, s.prune(store.Retention{}))
	require.Zero(t, s.prune(store.Retention{Age: time.Hour, Keep: 6, Messages: math.MaxInt64}))
	require.Zero(t, s.prune(store.Retention{Keep: math.MaxUint64}))
	require.Equal(t, store.Pruned{Blocks: 2, Bytes: 2 * size}, s.prune(store.Retention{Keep: 4}))
	require.Zero(t, s.prune(store.Retention{Keep: 4}), "once")
	require.Equal(t, store.Pruned{Blocks: 1, Bytes: size}, s.prune(store.Retention{Keep: 3}))
	s.reopen()
	require.Equal(t, before, f.load(s))

	for i, put := range puts {
		want := put
		_, err := s.Block(t.Context(), put.Block.ID())
		if i < 3 {
			want = withoutMessages(put)
			require.ErrorIs(t, err, store.ErrPruned)
		} else {
			require.NoError(t, err)
		}
		found, err := s.CertifiedByID(t.Context(), put.Block.ID())
		require.NoError(t, err)
		require.Equal(t, i < 3, found.Block.Pruned())
		f.requireCertified(want, found)
		found, err = s.Certified(t.Context(), put.Block.Header.Slot())
		require.NoError(t, err)
		f.requireCertified(want, found)
		require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: f.block(put.Block.Header.Slot(), "other", 1)}}), store.ErrVoted)
	}
	// Where bytes are bounded, a block without messages counts with its header.
	header := certifiedIn(t, s, puts[0]).Bytes()
	require.Less(t, header, 300)
	for _, test := range []struct{ bytes, want int }{{0, 1}, {3 * header, 3}, {3*header - 1, 2}, {3*header + int(size), 4}, {math.MaxInt, 6}} {
		piece, err := s.CertifiedFrom(t.Context(), f.slot(1, 1), 10, test.bytes)
		require.NoError(t, err)
		require.Len(t, piece, test.want)
		require.Len(t, s.list(0, keys.Public{}, 10, test.bytes), test.want)
	}
}

// The age of a block counts from when the store had its certificate and its messages, and only
// while the store is open. The header's time has no part in it: that of these blocks is in 1970.
func testRetentionByAge(t *testing.T, s *session) {
	f := newFixture(t, 1)
	hour := store.Retention{Age: time.Hour}
	pruned := func(put store.PutCertified) bool { return certifiedIn(t, s, put).Block.Pruned() }
	voted, first, second := f.at(0, 1, 10, 1), f.at(1, 1, 10, 2), f.at(1, 2, 10, 3)
	bare := f.at(2, 1, 10, 4)
	f.commit(s, store.PutVote{Block: voted.Block}, first, withoutMessages(bare), store.PutDelivered{Slot: f.slot(0, 1)},
		store.PutDelivered{Slot: f.slot(1, 2)}, store.PutDelivered{Slot: f.slot(2, 1)})
	require.Zero(t, s.prune(hour), "dated 1970, and new here")
	s.pass(40 * time.Minute)
	f.commit(s, voted, second, bare)
	s.reopen()
	s.pass(15 * time.Minute)
	require.Zero(t, s.prune(hour), "the first was here for 55 minutes")

	again := first
	again.Certificate = f.certify(first.Block, 0, 1, 2, 3)
	f.commit(s, again) // a late echo does not make it younger
	s.pass(10 * time.Minute)
	require.Equal(t, 1, s.prune(hour).Blocks)
	require.True(t, pruned(first))
	require.Zero(t, s.prune(store.Retention{Age: math.MaxInt64}))

	f.commit(s, first) // its messages are stored again, as with an import
	s.pass(40 * time.Minute)
	require.Equal(t, 3, s.prune(hour).Blocks, "65 minutes")
	require.True(t, pruned(voted) && pruned(second) && pruned(bare))
	require.False(t, pruned(first))
	s.reopen()
	s.pass(25 * time.Minute)
	require.Equal(t, 1, s.prune(hour).Blocks)
}

func certifiedIn(t *testing.T, s *session, put store.PutCertified) store.Certified {
	t.Helper()
	c, err := s.CertifiedByID(t.Context(), put.Block.ID())
	require.NoError(t, err)
	return c
}

// Messages of blocks that are not both certified and delivered are still needed.
func testPruneKeepsUndelivered(t *testing.T, s *session) {
	f := newFixture(t, 1)
	everything := store.Retention{Age: 1, Keep: 1, Messages: math.MaxInt64}
	vote := f.block(f.slot(0, 1), "vote", 10)
	undelivered, gap := f.at(1, 1, 10, 1), f.at(2, 2, 10, 2)
	early := f.block(f.slot(3, 1), "early", 10)
	empty := f.at(0, 7, 0)
	f.commit(s, store.PutVote{Block: vote}, undelivered, gap, store.PutVote{Block: early}, empty,
		store.PutDelivered{Slot: f.slot(2, 2)}, store.PutDelivered{Slot: f.slot(3, 1)})
	require.Zero(t, s.prune(everything))
	for _, b := range []block.Block{vote, undelivered.Block, gap.Block, early, empty.Block} {
		held, err := s.Block(t.Context(), b.ID())
		require.NoError(t, err)
		f.requireBlocks([]block.Block{b}, []block.Block{held})
	}
	// A message that another block contains stays.
	sharing := f.at(1, 2, 10, 1, 3)
	f.commit(s, sharing, store.PutDelivered{Slot: f.slot(1, 1)})
	require.Equal(t, store.Pruned{Blocks: 1}, s.prune(everything))
	f.requireCertified(withoutMessages(undelivered), certifiedIn(t, s, undelivered))
	f.requireCertified(sharing, certifiedIn(t, s, sharing))
	f.commit(s, store.PutDelivered{Slot: f.slot(1, 2)})
	require.Equal(t, store.Pruned{Blocks: 1, Bytes: int64(2 * sharing.Block.Messages[0].Size())}, s.prune(everything))
	f.requireCertified(withoutMessages(sharing), certifiedIn(t, s, sharing))
	// A removed message may be certified again in another block.
	again := f.at(1, 3, 10, 1)
	f.commit(s, again)
	s.reopen()
	f.requireCertified(again, certifiedIn(t, s, again))
}

func testPutPruned(t *testing.T, s *session) {
	f := newFixture(t, 1)
	whole := f.at(1, 1, 10, 1, 2)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: withoutMessages(whole).Block}}), store.ErrPruned)
	f.commit(s, withoutMessages(whole))
	f.requireCertified(withoutMessages(whole), certifiedIn(t, s, whole))
	_, err := s.Block(t.Context(), whole.Block.ID())
	require.ErrorIs(t, err, store.ErrPruned)
	require.Equal(t, uint64(1), f.load(s).Chains[0].Certified)
	included, err := s.Included(t.Context(), 0)
	require.NoError(t, err)
	require.Empty(t, included)

	f.commit(s, whole) // adds the messages
	f.requireCertified(whole, certifiedIn(t, s, whole))
	later := withoutMessages(whole)
	later.Certificate = f.certify(whole.Block, 1, 2, 3)
	f.commit(s, later) // replaces the certificate and keeps the messages
	s.reopen()
	f.requireCertified(store.PutCertified{Block: whole.Block, Certificate: later.Certificate}, certifiedIn(t, s, whole))

	// The messages of a block that was voted for stay too, and so do messages that were removed and
	// added again.
	voted := f.at(1, 2, 10, 3)
	f.commit(s, store.PutVote{Block: voted.Block}, withoutMessages(voted))
	f.requireCertified(voted, certifiedIn(t, s, voted))
	f.commit(s, store.PutDelivered{Slot: f.slot(1, 2)})
	for range 2 {
		require.Equal(t, 2, s.prune(store.Retention{Age: 1}).Blocks)
		f.requireCertified(withoutMessages(voted), certifiedIn(t, s, voted))
		f.commit(s, voted, whole)
		f.requireCertified(voted, certifiedIn(t, s, voted))
	}
	// A vote adds removed messages too, and retention removes them again.
	require.Equal(t, 2, s.prune(store.Retention{Age: 1}).Blocks)
	f.commit(s, store.PutVote{Block: voted.Block})
	f.requireCertified(voted, certifiedIn(t, s, voted))
	require.Zero(t, s.prune(store.Retention{Messages: 4}))
	included, err = s.Included(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, included, 1)
	require.Equal(t, 1, s.prune(store.Retention{Age: 1}).Blocks)
	f.commit(s, voted, whole)
	included, err = s.Included(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, included, 3)
	require.True(t, slices.IsSortedFunc(included, func(a, b store.Included) int { return cmp.Compare(a.Time, b.Time) }))
	require.Len(t, s.list(0, keys.Public{}, 10, math.MaxInt), 2)
}

// While Prune runs concurrently with commits and reads, no read returns a part of a block's
// messages.
func testPruneConcurrently(t *testing.T, s *session) {
	const heights = 60
	f := newFixture(t, 1)
	done := make(chan error)
	go func() {
		for removed := 0; removed < heights-2; {
			pruned, err := s.Prune(t.Context(), store.Retention{Keep: 2})
			if err != nil {
				done <- err
				return
			}
			removed += pruned.Blocks
			piece, err := s.CertifiedFrom(t.Context(), f.slot(1, 1), heights, math.MaxInt)
			if err != nil {
				done <- err
				return
			}
			for _, c := range piece {
				if !c.Block.Pruned() && c.Block.Check(f.group) != nil {
					t.Errorf("height %d has a part of its messages", c.Block.Header.Height)
				}
			}
		}
		close(done)
	}()
	for height := range uint64(heights) {
		at := int64(10 * height)
		f.commit(s, f.at(1, height+1, 50, at, at+1, at+9, at+10), store.PutDelivered{Slot: f.slot(1, height+1)})
	}
	require.NoError(t, <-done)
	kept := s.list(heights-2, keys.Public{}, heights, math.MaxInt)
	require.Len(t, kept, 2)
	for _, entry := range kept {
		require.NoError(t, entry.Block.Check(f.group))
	}
}

func testSecondGroupAfterPruning(t *testing.T, s *session) {
	one, two := newFixture(t, 1), newFixture(t, 2)
	a := one.chain(s, 1, 2, 10)
	b := two.chain(s, 1, 2, 10) // the same messages in another group's chain
	require.Equal(t, 2, s.prune(store.Retention{Keep: 1}).Blocks)
	for _, puts := range [][]store.PutCertified{a, b} {
		one.requireCertified(withoutMessages(puts[0]), certifiedIn(t, s, puts[0]))
		one.requireCertified(puts[1], certifiedIn(t, s, puts[1]))
	}
	state, err := s.Load(t.Context(), membership.ID(two.group.ID()))
	require.NoError(t, err)
	require.Equal(t, uint64(2), state.Chains[0].Delivered)
}
