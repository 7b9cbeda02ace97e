package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// testRefusedIsForgotten finds a store that takes for stored what a refused commit would have
// stored.
func testRefusedIsForgotten(t *testing.T, s *session) {
	f := newFixture(t, 1)
	f.commit(s, store.PutVote{Block: f.block(f.slot(1, 1), "first", 10)}, f.certified(3, 1, 10))
	voted, first, second := f.block(f.slot(2, 1), "voted", 10), f.certified(0, 1, 10), f.certified(3, 2, 10)
	writes := []store.Write{store.PutVote{Block: voted}, first, second, store.PutDelivered{Slot: f.slot(3, 1)}}
	refused := store.PutVote{Block: f.block(f.slot(1, 1), "second", 10)}
	require.ErrorIs(t, s.Commit(t.Context(), append(writes, refused)), store.ErrVoted)

	// None of these writes has any effect if the store believes that it holds them already.
	certified := store.PutCertified{Block: voted, Certificate: f.certify(voted, 0, 1, 2)}
	f.commit(s, first, certified, second, store.PutDelivered{Slot: f.slot(3, 1)})
	for _, want := range []store.PutCertified{first, certified, second} {
		have, err := s.Certified(t.Context(), want.Block.Header.Slot())
		require.NoError(t, err)
		f.requireCertified(want, have)
	}
	for _, chain := range f.load(s).Chains {
		switch chain.Creator {
		case f.slot(0, 1).Creator, f.slot(2, 1).Creator:
			require.Equal(t, uint64(1), chain.Certified)
		case f.slot(3, 1).Creator:
			require.Equal(t, uint64(2), chain.Certified)
			require.Equal(t, uint64(1), chain.Delivered)
		}
	}
}

// testWrittenTogether stores a message that is in several blocks of one commit, and a vote together
// with its certificate and its repair.
func testWrittenTogether(t *testing.T, s *session) {
	f := newFixture(t, 1)
	all := []store.PutCertified{f.at(0, 1, 10, 7), f.at(1, 1, 10, 7), f.at(2, 1, 10, 7)}
	f.commit(
		s, store.PutVote{Block: all[0].Block}, store.PutVote{Block: all[1].Block}, all[0], store.PutRepaired(all[0]), all[2],
		store.PutDelivered{Slot: f.slot(0, 1)}, store.PutDelivered{Slot: f.slot(2, 1)},
	)
	f.commit(s, all[1])

	// The message goes with the last of the three bodies.
	for removed, creator := range []int{0, 2, 1} {
		for i, other := range []int{0, 2, 1} {
			have, err := s.Certified(t.Context(), f.slot(other, 1))
			require.NoError(t, err)
			require.Equal(t, i < removed, have.Block.Pruned(), "creator %d after %d removals", other, removed)
		}
		f.commit(s, store.PutRepaired(withoutMessages(all[creator])))
	}
}

// testManyMessages stores blocks of many messages, of which the later ones hold some that a store
// that was reopened no longer knows to be stored: none, one, all but one, all, and the last ones.
func testManyMessages(t *testing.T, s *session) {
	const most = 75
	f := newFixture(t, 1)
	messages := f.messages(4 * most)
	var all []store.PutCertified
	put := func(messages []block.Message) {
		all = f.append(s, all, messages)
		s.reopen()
	}
	put(messages[:most])
	put(messages[most : 2*most])
	put(messages[2*most-1 : 3*most-1])
	put(messages[2*most : 3*most])
	put(messages[most : 2*most])
	put(append(slices.Clone(messages[3*most:3*most+3]), messages[:5]...))
	// A message stays as long as one body that holds it.
	for removed := range all {
		for i, want := range all {
			have, err := s.Certified(t.Context(), want.Block.Header.Slot())
			require.NoError(t, err)
			if require.Equal(t, i < removed, have.Block.Pruned()); i >= removed {
				f.requireCertified(want, have)
			}
		}
		f.commit(s, store.PutRepaired(withoutMessages(all[removed])))
	}
}

// testRemovedMessages stores messages again of which some were removed since the store was opened.
func testRemovedMessages(t *testing.T, s *session) {
	f := newFixture(t, 1)
	messages := f.messages(60)
	all := f.append(s, nil, messages[:40])
	all = f.append(s, all, messages[20:])
	f.commit(s, store.PutRepaired(withoutMessages(all[0])))
	all = f.append(s, all, messages)
	f.commit(s, store.PutRepaired(withoutMessages(all[1])))
	have, err := s.Certified(t.Context(), all[2].Block.Header.Slot())
	require.NoError(t, err)
	f.requireCertified(all[2], have)
}

// messages returns different messages.
func (f *fixture) messages(count int) (messages []block.Message) {
	for i := range count {
		m, err := block.NewMessage(f.members[0], f.group.Network(), fmt.Sprint(i), make([]byte, i), 1)
		require.NoError(f.t, err)
		messages = append(messages, m)
	}
	return messages
}

// append stores the next block of a chain, certified and delivered, and returns the longer chain.
func (f *fixture) append(s store.Store, chain []store.PutCertified, messages []block.Message) []store.PutCertified {
	slot, parent := f.slot(1, uint64(len(chain)+1)), block.ID{}
	if len(chain) > 0 {
		parent = chain[len(chain)-1].Block.ID()
	}
	b := block.New(f.group, slot.Creator, slot.Height, parent, 0, messages)
	b.Signature = f.members[1].Sign(b.Header.SigningBytes())
	put := store.PutCertified{Block: b, Certificate: f.certify(b, 0, 1, 2)}
	f.commit(s, put, store.PutDelivered{Slot: slot})
	return append(chain, put)
}
