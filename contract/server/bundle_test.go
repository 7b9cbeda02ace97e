package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func TestMissedEpochHasACore(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	ctx := context.Background()
	_, err := w.Core(ctx, 1)
	require.ErrorIs(t, err, contract.NotFound)
	require.ErrorContains(t, err, "epoch 1 is not settled")
	w.clock.set(end(5)) // it is closed by whatever is asked next
	core, err := w.Core(ctx, 1)
	require.NoError(t, err)
	require.True(t, core.Missed())
	audited, err := verify.Audit(core)
	require.NoError(t, err)
	require.Equal(t, contract.StatusMissed, audited.Record.Status)
	require.Contains(t, audited.Record.Reason, "nobody submitted")
}

// late returns a submission with a block of a creator that holds these messages.
func late(t *testing.T, d contract.Description, creator int, messages ...block.Message) contract.Submission {
	b := contracttest.Block(d, creator, messages)
	e := &contract.Evidence{Block: b, Certificate: contracttest.Certify(d, b, contracttest.Numbers(d.Group.Q())...)}
	s, err := contract.NewSubmission(contracttest.Key(creator), d, contracttest.Result(d, e), e)
	require.NoError(t, err)
	return s
}

// inventedBy returns a submission whose result is not that of its block.
func inventedBy(t *testing.T, d contract.Description, creator int) contract.Submission {
	result := contracttest.SingleResult(contracttest.Report(d, creator))
	s, err := contract.NewSubmission(contracttest.Key(creator), d, result, contracttest.Evidence(d, creator))
	require.NoError(t, err)
	return s
}

// decided requires that a submission is answered as one that came too late.
func (w *world) decided(s contract.Submission) {
	w.t.Helper()
	_, err := w.Submit(context.Background(), s)
	require.ErrorIs(w.t, err, contract.Decided)
}

func TestAnnexIsSealedWhenItsEpochCloses(t *testing.T) {
	cfg := configure(t, 4, 3)
	w := start(t, cfg)
	ctx, d := context.Background(), w.description(1)
	_, err := w.Annex(ctx, 99)
	require.ErrorIs(t, err, contract.NotFound)
	w.clock.set(end(1) + 10)
	w.win(d, contracttest.Messages(d, 1, 2, 3, 4))
	late2, late3 := late(t, d, 2, contracttest.Messages(d, 1, 2, 3, 4)...), late(t, d, 3, contracttest.Messages(d, 3, 2, 1)...)
	w.clock.set(end(1) + 20)
	w.decided(late3)
	w.decided(late3)
	w.clock.set(end(1) + 30)
	w.decided(late2)
	require.Len(t, w.attempts(1), 4, "each try is recorded")

	_, err = w.Annex(ctx, 1)
	early := problem(t, err)
	require.ErrorIs(t, early, contract.NotClosed)
	require.Equal(t, 3*duration-30*time.Millisecond, early.RetryAfter())
	w = w.restart()
	w.decided(inventedBy(t, d, 3))
	attempts := w.attempts(1)
	require.Equal(t, contract.VerdictLate, attempts[len(attempts)-1].Verdict, "not verified: one of the member is kept")
	w.clock.set(end(4))
	tooLate := late(t, d, 4, contracttest.Messages(d, 1, 2, 4)...)
	w.decided(tooLate)
	annex, err := w.Annex(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, end(4), annex.SealedAt)
	reader, err := store.OpenReader(ctx, w.cfg.Database)
	require.NoError(t, err)
	defer reader.Close()
	kept, err := reader.HasLate(ctx, 1, tooLate.Submitter)
	require.NoError(t, err)
	require.False(t, kept)
	core, err := w.Core(ctx, 1)
	require.NoError(t, err)
	opened, err := annex.Open(core)
	require.NoError(t, err)
	require.ElementsMatch(t, [][]byte{late2.Encode(), late3.Encode()}, [][]byte{opened.Late[0].Encode(), opened.Late[1].Encode()})
	for i, s := range opened.Late {
		_, err := verify.Submission(d, s)
		require.NoError(t, err)
		require.Equal(t, map[keys.Public]contract.Millis{late2.Submitter: end(1) + 30, late3.Submitter: end(1) + 20}[s.Submitter], annex.Late[i].ReceivedAt)
	}
	require.Len(t, opened.Late, 2, "one came after the epoch had closed")
	require.Empty(t, annex.Messages)

	w = w.restart()
	w.clock.set(end(9))
	same, err := w.Annex(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, annex.Encode(), same.Encode())
	missed, err := w.Annex(ctx, 2)
	require.NoError(t, err)
	require.Empty(t, missed.Late)
}

// Nobody has to ask for an annex.
func TestAnnexIsSealedWithoutBeingAskedFor(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	d := w.description(1)
	w.clock.set(end(1))
	w.win(d, contracttest.Messages(d, 1, 2, 3, 4))
	w.clock.set(end(4))
	w.description(2)
	reader, err := store.OpenReader(context.Background(), w.cfg.Database)
	require.NoError(t, err)
	defer reader.Close()
	require.Eventually(t, func() bool {
		_, err := reader.Annex(context.Background(), 1)
		return err == nil
	}, time.Minute, 20*time.Millisecond)
}

// A late submission that does not verify is answered like others, and recorded as invalid. One of
// each member is verified.
func TestLateSubmissionsAreVerifiedOnce(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	d := w.description(1)
	w.clock.set(end(1))
	w.win(d, contracttest.Messages(d, 1, 2, 3, 4))
	w.decided(inventedBy(t, d, 2))
	w.decided(contracttest.Submission(d, 2))
	w.decided(contracttest.Submission(d, 3))
	w.decided(late(t, d, 3, contracttest.Messages(d, 1, 2, 3)...))
	var verdicts []contract.Verdict
	for _, a := range w.attempts(1) {
		verdicts = append(verdicts, a.Verdict)
	}
	require.Equal(t, []contract.Verdict{contract.VerdictAccepted, contract.VerdictInvalid, contract.VerdictLate, contract.VerdictLate, contract.VerdictLate}, verdicts)
	require.Equal(t, contract.WrongResult.Type(), w.attempts(1)[1].Type)
	w.clock.set(end(4))
	annex, err := w.Annex(context.Background(), 1)
	require.NoError(t, err)
	require.Len(t, annex.Late, 1)
	require.Equal(t, contracttest.Key(3).Public(), annex.Late[0].Submitter)
	require.Len(t, annex.Refused, 3)
}

func TestAnnexConvictsMembersThatSignedTwice(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	ctx, d := context.Background(), w.description(1)
	w.clock.set(end(1))
	w.win(d, contracttest.Messages(d, 1, 2, 3, 4))
	another := contracttest.Report(d, 4)
	another.Values[0]++
	w.decided(late(t, d, 2, append(contracttest.Messages(d, 1, 2, 3), contracttest.Message(d, 4, another))...))
	uncertified := contracttest.Evidence(d, 3)
	uncertified.Certificate = contracttest.Certify(d, uncertified.Block, 3)
	refused, err := contract.NewSubmission(contracttest.Key(3), d, contracttest.Result(d, uncertified), uncertified)
	require.NoError(t, err)
	w.decided(refused)
	w = w.restart() // which forgets that one of this member was verified
	w.decided(late(t, d, 3, contracttest.Messages(d, 1, 2, 3)...))

	w.clock.set(end(4))
	annex, err := w.Annex(ctx, 1)
	require.NoError(t, err)
	require.Len(t, annex.Late, 2)
	require.Len(t, annex.Messages, 1, "the second report of member 4")
	require.Len(t, annex.DoubleReports, 1)
	require.Equal(t, contracttest.Key(4).Public(), annex.DoubleReports[0].Reporter)
	require.Len(t, annex.DoubleBlocks, 1)
	require.Equal(t, contracttest.Key(3).Public(), annex.DoubleBlocks[0].First.Header.Creator)
	core, err := w.Core(ctx, 1)
	require.NoError(t, err)
	opened, err := annex.Open(core)
	require.NoError(t, err)
	require.Equal(t, opened.DoubleReports, verify.DoubleReports(d, opened.DoubleReports[0][:]))
}

// Without verification nothing is kept, and one Nym-API alone has no block.
func TestAnnexesOfOtherModes(t *testing.T) {
	for mode, kept := range map[contract.Mode]int{contract.ModeSingle: 1, contract.ModeNone: 0} {
		cfg := configure(t, 2, 3)
		cfg.Mode = mode
		w := start(t, cfg)
		ctx, d := context.Background(), w.description(1)
		w.clock.set(end(1))
		for i, report := range []metrics.Report{contracttest.Report(d, 1), contracttest.Report(d, 2)} {
			s, err := contract.NewSubmission(contracttest.Key(1), d, contracttest.SingleResult(report), nil)
			require.NoError(t, err)
			if i == 0 {
				_, err = w.Submit(ctx, s)
				require.NoError(t, err)
			} else {
				w.decided(s)
			}
		}
		w.clock.set(end(4))
		annex, err := w.Annex(ctx, 1)
		require.NoError(t, err)
		core, err := w.Core(ctx, 1)
		require.NoError(t, err)
		opened, err := annex.Open(core)
		require.NoError(t, err)
		require.Len(t, opened.Late, kept, mode)
		require.Len(t, annex.Refused, 1-kept, mode)
	}
}
