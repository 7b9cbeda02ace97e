package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Refusing is a store that can be made to take no writes: another program locks it, or its disk is
// full.
type Refusing struct {
	Open   Opener
	Refuse func(t *testing.T) // may be called while the store is open
	Accept func(t *testing.T) // undoes Refuse
	Want   error              // of a refused commit
}

// refusedBytes is the least payload of a refused commit: it does not fit into the free part of a
// file.
const refusedBytes = 60_000

// RunRefused checks what store.ErrBusy and store.ErrFull promise: a refused commit wrote nothing,
// and the same commit succeeds once the store takes writes. fresh returns a new, empty store. Every
// implementation on a disk must pass for each way in which it refuses writes.
func RunRefused(t *testing.T, fresh func(t *testing.T) Refusing) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *session, Refusing)
	}{
		{"a refused commit writes nothing, and then everything", testRefusedCommit},
		{"a store that takes no writes is read and closed", testRefusedReads},
		{"the greatest commit is refused like any other", testRefusedLarge},
		{"a store takes writes again as often as it must", testRefusedAgain},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := fresh(t)
			s := &session{t: t, opener: r.Open}
			s.reopen()
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			test.run(t, s, r)
		})
	}
}

// votes returns how many commits with votes the store counts.
func (s *session) votes() uint64 {
	identity, err := s.Identity(s.t.Context())
	require.NoError(s.t, err)
	return identity.Votes
}

func (s *session) refuses(r Refusing, writes ...store.Write) {
	s.t.Helper()
	require.ErrorIs(s.t, s.Commit(s.t.Context(), writes), r.Want)
}

func testRefusedCommit(t *testing.T, s *session, r Refusing) {
	f := newFixture(t, 1)
	require.NoError(t, s.SetIdentity(t.Context(), store.Identity{Network: "n", Starts: 1}))
	certified := f.certified(2, 1, 100)
	writes := []store.Write{
		store.PutGroup{Group: f.group},
		store.PutVote{Block: f.block(f.slot(1, 1), "vote", refusedBytes)},
		certified,
		store.PutEvidence{Evidence: f.evidence(3, "x")},
	}
	r.Refuse(t)
	for range 2 {
		s.refuses(r, writes...)
	}
	r.Accept(t)
	require.Zero(t, s.votes())
	require.Equal(t, store.State{}, f.load(s))
	groups, err := s.Groups(t.Context())
	require.NoError(t, err)
	require.Empty(t, groups)

	f.commit(s, writes...)
	s.reopen()
	require.EqualValues(t, 1, s.votes())
	held, err := s.CertifiedByID(t.Context(), certified.Block.ID())
	require.NoError(t, err)
	f.requireCertified(certified, held)
	require.Len(t, f.load(s).Chains, 2) // and evidence about a third
}

func testRefusedReads(t *testing.T, s *session, r Refusing) {
	f := newFixture(t, 1)
	certified := f.certified(2, 1, 100)
	f.commit(s, certified, store.PutDelivered{Slot: f.slot(2, 1)})
	r.Refuse(t)
	s.refuses(r, f.certified(2, 2, refusedBytes))
	held, err := s.Certified(t.Context(), f.slot(2, 1))
	require.NoError(t, err)
	f.requireCertified(certified, held)
	require.NoError(t, s.Close())
	r.Accept(t)
	s.Store = nil
	s.reopen()
	f.commit(s, f.certified(2, 2, refusedBytes))
	require.EqualValues(t, 2, f.load(s).Chains[0].Certified)
}

func testRefusedLarge(t *testing.T, s *session, r Refusing) {
	f := newFixture(t, 1)
	var writes []store.Write
	for height := range uint64(128) {
		writes = append(writes, store.PutVote{Block: f.block(f.slot(1, height+1), "large", refusedBytes)})
	}
	r.Refuse(t)
	s.refuses(r, writes...)
	r.Accept(t)
	require.Empty(t, f.load(s).Chains)
	f.commit(s, writes...)
	s.reopen()
	require.Len(t, f.load(s).Chains[0].Votes, len(writes))
}

func testRefusedAgain(t *testing.T, s *session, r Refusing) {
	f := newFixture(t, 1)
	require.NoError(t, s.SetIdentity(t.Context(), store.Identity{Network: "n", Starts: 1}))
	for height := range uint64(4) {
		vote := store.PutVote{Block: f.block(f.slot(1, height+1), "again", refusedBytes)}
		r.Refuse(t)
		s.refuses(r, vote)
		r.Accept(t)
		f.commit(s, vote)
	}
	require.EqualValues(t, 4, s.votes())
	s.reopen()
	require.EqualValues(t, 4, s.votes())
	require.Len(t, f.load(s).Chains[0].Votes, 4)
}
