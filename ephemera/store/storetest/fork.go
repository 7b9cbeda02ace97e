package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// fork returns two certificates for different blocks of a slot.
func (f *fixture) fork(creator int, height uint64, salt string) store.Fork {
	slot := f.slot(creator, height)
	return store.NewFork(f.certify(f.block(slot, salt+"a", 1), 0, 1, 2), f.certify(f.block(slot, salt+"b", 1), 1, 2, 3))
}

func testForks(t *testing.T, s *session) {
	one, two, unknown := newFixture(t, 1), newFixture(t, 2), newFixture(t, 3)
	want := []store.Fork{
		one.fork(1, 1, "a"), one.fork(3, canonical.MaxNumber, "b"), two.fork(0, 5, "c"), two.fork(2, 5, "d"), unknown.fork(0, 5, "e"),
	}
	for _, i := range []int{4, 3, 0, 2, 1} {
		one.commit(s, store.PutFork{Fork: want[i]})
	}
	// The first of a chain is kept.
	one.commit(s, store.PutFork{Fork: one.fork(1, 2, "second")}, store.PutFork{Fork: want[0]})
	one.commit(s, store.PutGroup{Group: two.group}, store.PutGroup{Group: one.group})
	s.reopen()
	have, err := s.Forks(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, have)
	require.Equal(t, store.State{Forks: want[:2]}, one.load(s))

	// The certified block stays what it was.
	put := one.certified(1, 1, 10)
	one.commit(s, put)
	held, err := s.Certified(t.Context(), one.slot(1, 1))
	require.NoError(t, err)
	one.requireCertified(put, held)
	require.Equal(t, want[:2], one.load(s).Forks)
}
