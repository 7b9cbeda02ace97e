package rewards_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// absent is a signer whose node does not respond.
type absent struct{ key keys.Public }

func (a absent) Public() keys.Public        { return a.key }
func (a absent) Sign([]byte) keys.Signature { return keys.Signature{} }

func TestCandidateOfThePolicyWaitsForReports(t *testing.T) {
	d := describe(1, 4)
	calendar := newCalendar(d)
	store := openStore(t, t.TempDir())
	submits := 0
	b, err := rewards.NewSidecar(t.Context(), rewards.ApplicationConfig{
		Key: contracttest.Key(1), Group: contracttest.Group(4), Store: store, Calendar: calendar, Submit: func() { submits++ }, Logger: silent(),
	})
	require.NoError(t, err)
	few := contracttest.Block(d, 1, contracttest.Messages(d, 1, 2))
	enough := contracttest.Block(d, 1, contracttest.Messages(d, 1, 2, 3))
	full := contracttest.Block(d, 1, contracttest.Messages(d, 1, 2, 3, 4))

	require.Equal(t, "later", b.CheckBlock(t.Context(), few).Name(), "more may arrive")
	require.Equal(t, "later", b.CheckBlock(t.Context(), enough).Name(), "the last one may arrive before the deadline")
	require.Equal(t, "accept", b.CheckBlock(t.Context(), full).Name())
	require.Equal(t, "accept", b.CheckBlock(t.Context(), full).Name(), "the first response may have been lost")

	require.NoError(t, b.Deliver(t.Context(), full, contracttest.Certify(d, full, 1, 2, 3)))
	require.NoError(t, b.Deliver(t.Context(), full, contracttest.Certify(d, full, 1, 2, 3)), "again, after a crash")
	require.Equal(t, 1, submits)
	s, err := store.Submission(t.Context(), 1)
	require.NoError(t, err)
	submission, err := contract.DecodeSubmission(s.Body, len(s.Body))
	require.NoError(t, err)
	require.True(t, submission.Verify())

	rejected := b.CheckBlock(t.Context(), few)
	require.Equal(t, "reject", rejected.Name(), "the epoch has its block")
	require.Equal(t, few.MessageIDs(), rejected.Drops())
	require.Equal(t, "reject", b.CheckBlock(t.Context(), enough).Name())
}

func TestMessagesOfSettledEpochsLeaveTheMempool(t *testing.T) {
	d := describe(1, 4)
	calendar := newCalendar(d)
	b, err := rewards.NewSidecar(t.Context(), rewards.ApplicationConfig{
		Key: contracttest.Key(1), Group: contracttest.Group(4), Store: openStore(t, t.TempDir()), Calendar: calendar, Submit: func() {}, Logger: silent(),
	})
	require.NoError(t, err)
	late := contracttest.Block(d, 1, contracttest.Messages(d, 4))
	require.Equal(t, "later", b.CheckBlock(t.Context(), late).Name())
	calendar.settle(1, contract.StatusRewarded, nil)
	require.Equal(t, late.MessageIDs(), b.CheckBlock(t.Context(), late).Drops())
}

// Nothing unsigned is submitted; the block is delivered again.
func TestBlockWaitsForTheSignature(t *testing.T) {
	d := describe(1, 4)
	store := openStore(t, t.TempDir())
	b, err := rewards.NewSidecar(t.Context(), rewards.ApplicationConfig{
		Key: absent{public(1)}, Group: contracttest.Group(4), Store: store, Calendar: newCalendar(d), Submit: func() {}, Logger: silent(),
	})
	require.NoError(t, err)
	full := contracttest.Block(d, 1, contracttest.Messages(d, 1, 2, 3, 4))
	require.ErrorIs(t, b.Deliver(t.Context(), full, contracttest.Certify(d, full, 1, 2, 3)), rewards.ErrUnsigned)
	_, err = store.Submission(t.Context(), 1)
	require.ErrorIs(t, err, rewards.ErrNotFound)
}
