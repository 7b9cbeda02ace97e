package server_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func TestFirstJustifiedSubmissionWinsAndItsRetryGetsTheSameReceipt(t *testing.T) {
	w := start(t, configure(t, 4, 5))
	ctx, d := context.Background(), w.description(1)
	first, second := contracttest.Submission(d, 2), contracttest.Submission(d, 3)

	_, err := w.Submit(ctx, first)
	early := problem(t, err)
	require.ErrorIs(t, early, contract.NotOver)
	require.Equal(t, 422, early.Status)
	require.Equal(t, duration, early.RetryAfter())

	w.clock.set(end(1) + 7)
	receipt, err := w.Submit(ctx, first)
	require.NoError(t, err)
	require.True(t, receipt.Verify())
	require.Equal(t, end(1)+7, receipt.AcceptedAt)

	w.clock.set(end(1) + 400)
	again, err := w.Submit(ctx, first)
	require.NoError(t, err)
	require.Equal(t, receipt, again)
	grown := contracttest.Evidence(d, 2)
	grown.Certificate = contracttest.Certify(d, grown.Block, 1, 2, 3, 4)
	merged, err := contract.NewSubmission(contracttest.Key(2), d, contracttest.Result(d, grown), grown)
	require.NoError(t, err)
	again, err = w.Submit(ctx, merged)
	require.NoError(t, err, "the same block, with a certificate that has grown")
	require.Equal(t, receipt, again)

	_, err = w.Submit(ctx, second)
	late := problem(t, err)
	require.ErrorIs(t, late, contract.Decided)
	require.Equal(t, 409, late.Status)
	require.Equal(t, "nymapi-2", late.Winner.Name)

	detail, err := w.EpochDetail(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, contract.StatusRewarded, detail.Status)
	require.Equal(t, first.Description, detail.Description.Hash())
	require.Len(t, detail.Reporters, 4)
	require.Len(t, detail.Signers, 3)
	verdicts := []contract.Verdict{}
	for _, a := range detail.Attempts {
		verdicts = append(verdicts, a.Verdict)
	}
	require.Equal(t, []contract.Verdict{contract.VerdictInvalid, contract.VerdictAccepted, contract.VerdictLate}, verdicts)
}

func TestAcceptedSubmissionIsKeptByteForByteAndAudited(t *testing.T) {
	w := start(t, configure(t, 4, 5))
	ctx, s := context.Background(), contracttest.Submission(w.description(1), 2)
	w.clock.set(end(1))
	_, err := w.Submit(ctx, s)
	require.NoError(t, err)
	core, err := w.Core(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, s.Encode(), core.Submission)
	audited, err := verify.Audit(core)
	require.NoError(t, err)
	require.True(t, audited.Proven())

	reader, err := store.OpenReader(ctx, w.cfg.Database)
	require.NoError(t, err)
	defer reader.Close()
	stored, err := reader.Core(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, core.Encode(), stored.Encode())
}

// unjustified are submissions that no honest Nym-API makes, each with its answer.
func unjustified(t *testing.T, d contract.Description) map[string]struct {
	submission contract.Submission
	kind       contract.Kind
	reason     string
} {
	make := func(signer int, d contract.Description, result metrics.Result, e *contract.Evidence) contract.Submission {
		s, err := contract.NewSubmission(contracttest.Key(signer), d, result, e)
		require.NoError(t, err)
		return s
	}
	honest := contracttest.Evidence(d, 1)
	result := contracttest.Result(d, honest)
	invented := contracttest.Result(d, honest)
	invented.Values = append([]metrics.Uptime{0}, invented.Values[1:]...)

	subset := contracttest.Block(d, 1, honest.Block.Messages[:3])
	chosen := contracttest.Result(d, &contract.Evidence{Block: subset})
	few := contracttest.Block(d, 1, honest.Block.Messages[:2])
	later, otherContract := d, d
	later.Epoch, later.Start, later.End = 2, d.End, d.End+1000
	otherContract.ContractKey = contracttest.Key(99).Public()
	otherGroup := contracttest.Description(5, len(d.Mixnodes))
	foreign := contracttest.Evidence(otherGroup, 1)
	uncertified := contracttest.Evidence(d, 1)
	uncertified.Certificate = contracttest.Certify(d, uncertified.Block, 1, 2)
	forged := contracttest.Evidence(d, 1)
	forged.Certificate.Signatures[0][3] ^= 1
	unsigned := contracttest.Submission(d, 1)
	unsigned.Signature[0] ^= 1
	old := contracttest.Evidence(later, 1)

	return map[string]struct {
		submission contract.Submission
		kind       contract.Kind
		reason     string
	}{
		"an invented vector":               {make(1, d, invented, honest), contract.WrongResult, "mixnode m0001: submitted 0.00, the block's reports give 90.25"},
		"a subset of the block's reports":  {make(1, d, chosen, honest), contract.WrongResult, "mixnode m0001"},
		"a block with too few reports":     {make(1, d, result, &contract.Evidence{Block: few, Certificate: contracttest.Certify(d, few, 1, 2, 3)}), contract.TooFewReports, "2 of the epoch's reports, expected at least 3"},
		"another's block":                  {make(2, d, result, honest), contract.NotOwnBlock, "submit your own"},
		"a block of another epoch":         {make(1, d, result, old), contract.TooFewReports, "0 of the epoch's reports"},
		"a description of another epoch":   {withEpoch(contracttest.Submission(later, 1), d.Epoch), contract.WrongDescription, "carries description"},
		"a block of another group":         {make(1, d, result, foreign), contract.WrongGroup, "the block is of group"},
		"another contract":                 {make(1, otherContract, contracttest.Result(otherContract, contracttest.Evidence(otherContract, 1)), contracttest.Evidence(otherContract, 1)), contract.WrongContract, "for the contract with key"},
		"a certificate of too few":         {make(1, d, result, uncertified), contract.NotCertified, "2 signers, quorum is 3"},
		"a forged certificate":             {make(1, d, result, forged), contract.NotCertified, "is not valid"},
		"no evidence":                      {make(1, d, result, nil), contract.BadEvidence, "block"},
		"a key that is not a member's":     {make(9, d, result, honest), contract.NotMember, "is not a member"},
		"a bad signature":                  {unsigned, contract.BadSignature, "is not signed by"},
		"other mixnodes":                   {make(1, d, metrics.Result{Mixnodes: []metrics.MixID{"x"}, Values: []metrics.Uptime{1}, Reports: []uint16{4}}, honest), contract.WrongMixnodes, "1 mixnodes"},
		"a message that its sender forged": {make(1, d, result, tampered(d)), contract.NotCertified, "not signed by its sender"},
	}
}

// withEpoch returns the submission signed for another epoch.
func withEpoch(s contract.Submission, epoch contract.Epoch) contract.Submission {
	s.Epoch = epoch
	return s.Sign(contracttest.Key(1))
}

// tampered returns a certified block in which one message carries another's signature.
func tampered(d contract.Description) *contract.Evidence {
	e := contracttest.Evidence(d, 1)
	encoded := e.Block.Messages[1].Encode()
	other := e.Block.Messages[2].Signature()
	copy(encoded[len(encoded)-len(other):], other[:])
	forged, err := block.DecodeMessage(encoded, d.Group.Limits().PayloadBytes)
	if err != nil {
		panic(err)
	}
	e.Block.Messages[1] = forged
	return e
}

func TestNothingUnjustifiedIsAccepted(t *testing.T) {
	w := start(t, configure(t, 4, 5))
	ctx, d := context.Background(), w.description(1)
	w.clock.set(end(1))
	for name, c := range unjustified(t, d) {
		t.Run(name, func(t *testing.T) {
			_, err := w.Submit(ctx, c.submission)
			p := problem(t, err)
			require.ErrorIs(t, p, c.kind)
			require.Contains(t, p.Detail, c.reason)
			require.Equal(t, contract.Epoch(1), p.Epoch)
		})
	}
	for _, a := range w.attempts(1) {
		require.Equal(t, contract.VerdictInvalid, a.Verdict)
		require.NotEmpty(t, a.Reason)
	}
	_, err := w.Submit(ctx, contracttest.Submission(d, 4))
	require.NoError(t, err, "an honest one still wins")
}

func TestReplayedSubmissionIsRefused(t *testing.T) {
	w := start(t, configure(t, 4, 5))
	ctx, d := context.Background(), w.description(1)
	s := contracttest.Submission(d, 2)
	w.clock.set(end(1))
	receipt, err := w.Submit(ctx, s)
	require.NoError(t, err)

	w.clock.set(end(2))
	replayed := s
	replayed.Epoch = 2
	_, err = w.Submit(ctx, replayed)
	require.ErrorIs(t, err, contract.BadSignature, "the epoch is signed")
	_, err = w.Submit(ctx, replayed.Sign(contracttest.Key(2)))
	require.ErrorIs(t, err, contract.WrongDescription)
	_, err = w.Submit(ctx, replayed.Sign(contracttest.Key(3)))
	require.ErrorIs(t, err, contract.WrongDescription)
	again, err := w.Submit(ctx, s)
	require.NoError(t, err)
	require.Equal(t, receipt, again, "the winner's own bytes change nothing")
	epochs, err := w.Epochs(ctx, 0, 0)
	require.NoError(t, err)
	require.Equal(t, contract.StatusOpen, epochs[1].Status)
}

func TestExactlyOneOfFiftyConcurrentSubmittersWins(t *testing.T) {
	const n = 10
	w := start(t, configure(t, n, 20))
	d := w.description(1)
	submissions := make([]contract.Submission, n)
	for i := range submissions {
		submissions[i] = contracttest.Submission(d, i+1)
	}
	w.clock.set(end(1))
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		winners = map[string]int{}
		refused int
	)
	for i := range 50 {
		wg.Go(func() {
			receipt, err := w.Submit(context.Background(), submissions[i%n])
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				winners[receipt.Submitter.String()+receipt.AcceptedAt.String()]++
			case errors.Is(err, contract.Decided):
				refused++
			default:
				t.Errorf("submitter %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	require.Len(t, winners, 1)
	require.Equal(t, 45, refused)
	detail, err := w.EpochDetail(context.Background(), 1)
	require.NoError(t, err)
	require.Len(t, detail.Attempts, 46)
}

func TestLaterEpochWaitsUntilEarlierOnesAreSettled(t *testing.T) {
	w := start(t, configure(t, 4, 5))
	ctx := context.Background()
	first := contracttest.Submission(w.description(1), 1)
	w.clock.set(end(1))
	second := contracttest.Submission(w.description(2), 2)
	w.clock.set(end(2))
	_, err := w.Submit(ctx, second)
	p := problem(t, err)
	require.ErrorIs(t, p, contract.EarlierOpen)
	require.Equal(t, 503, p.Status)
	require.Equal(t, 50*time.Millisecond, p.RetryAfter())
	require.True(t, p.Temporary())
	require.Empty(t, w.attempts(2), "a request to retry later does not count as an attempt")

	_, err = w.Submit(ctx, first)
	require.NoError(t, err)
	_, err = w.Submit(ctx, second)
	require.NoError(t, err)
}

func TestEpochIsMissedWithItsReason(t *testing.T) {
	w := start(t, configure(t, 4, 5))
	ctx, d := context.Background(), w.description(1)
	w.clock.set(end(1))
	d2 := w.description(2)
	_, err := w.Submit(ctx, withEpoch(contracttest.Submission(d2, 1), 1))
	require.ErrorIs(t, err, contract.WrongDescription)
	for epoch := 2; epoch <= 4; epoch++ {
		w.clock.set(end(epoch) - 1)
		epochs, err := w.Epochs(ctx, 1, 1)
		require.NoError(t, err)
		require.Equal(t, contract.StatusOpen, epochs[0].Status)
	}
	w.clock.set(end(4))
	epochs, err := w.Epochs(ctx, 1, 1)
	require.NoError(t, err)
	require.Equal(t, contract.StatusMissed, epochs[0].Status)
	require.Contains(t, epochs[0].Reason, "no valid result in time, 1 refused; the last one, of nymapi-1: the submission carries description")

	_, err = w.Submit(ctx, contracttest.Submission(d, 1))
	p := problem(t, err)
	require.ErrorIs(t, p, contract.Missed)
	require.Equal(t, 409, p.Status)
	_, err = w.Submit(ctx, contracttest.Submission(d2, 1))
	require.NoError(t, err, "the next epoch is not held up any more")

	w.clock.set(end(6))
	epochs, err = w.Epochs(ctx, 3, 1)
	require.NoError(t, err)
	require.Equal(t, "nobody submitted a result in time", epochs[0].Reason)
}

func TestMissingValuesAreCarriedForAFewEpochsAndMarked(t *testing.T) {
	cfg := configure(t, 4, 3)
	cfg.CarryLimit = 2
	w := start(t, cfg)
	ctx := context.Background()
	verifier := check.New(check.Config{Consecutive: true, First: 1})
	var values []metrics.Uptime
	var from []contract.Epoch
	for epoch := contract.Epoch(1); epoch <= 4; epoch++ {
		d := w.description(epoch)
		w.clock.set(end(int(epoch)))
		messages := contracttest.Messages(d, 1, 2, 3, 4)
		if epoch > 1 { // only two of four know m0002
			for i := range 2 {
				r := contracttest.Report(d, i+1)
				r.Values[1] = metrics.Missing
				messages[i] = contracttest.Message(d, i+1, r)
			}
		}
		w.win(d, messages)
		detail, err := w.EpochDetail(ctx, epoch)
		require.NoError(t, err)
		values, from = append(values, detail.Result[1].Value), append(from, detail.Result[1].CarriedFrom)
		w.verify(verifier, epoch)
	}
	require.Equal(t, []metrics.Uptime{9026, 9026, 9026, metrics.Missing}, values)
	require.Equal(t, []contract.Epoch{0, 1, 1, 0}, from)
}

func TestContractContinuesWithItsDatabase(t *testing.T) {
	w := start(t, configure(t, 4, 5))
	ctx, d := context.Background(), w.description(1)
	s := contracttest.Submission(d, 2)
	w.clock.set(end(1))
	receipt, err := w.Submit(ctx, s)
	require.NoError(t, err)
	info, err := w.PeerInfo(ctx)
	require.NoError(t, err)
	d2 := w.description(2)

	w = w.restart()
	again, err := w.PeerInfo(ctx)
	require.NoError(t, err)
	require.Equal(t, info, again)
	require.Equal(t, d2, w.description(2), "an epoch under way keeps its description")
	same, err := w.Submit(ctx, s)
	require.NoError(t, err)
	require.Equal(t, receipt, same)
	w.clock.set(end(2))
	_, err = w.Submit(ctx, contracttest.Submission(d2, 3))
	require.NoError(t, err)
}

func TestEpochsOfAnAbsenceCanStillBeRewarded(t *testing.T) {
	w := start(t, configure(t, 4, 5))
	ctx := context.Background()
	w.clock.set(end(8) + 1)
	current, err := w.Epoch(ctx)
	require.NoError(t, err)
	require.Equal(t, end(8), current.Start, "windows stay on their grid")
	require.Equal(t, contract.Epoch(5), current.ID, "windows that nobody could be rewarded for any more have no epoch")
	epochs, err := w.Epochs(ctx, 0, 10)
	require.NoError(t, err)
	require.Equal(t, contract.StatusMissed, epochs[4].Status)
	require.Equal(t, end(5), epochs[3].Start)
	require.Equal(t, contract.StatusOpen, epochs[3].Status)
	_, err = w.Submit(ctx, contracttest.Submission(w.description(2), 1))
	require.NoError(t, err)
}

func TestNextEpochBeginsWhenOneIsDecided(t *testing.T) {
	cfg := configure(t, 4, 5)
	cfg.Advance = server.WhenDecided
	w := start(t, cfg)
	ctx := context.Background()
	w.clock.set(end(1) + 100)
	current, err := w.Epoch(ctx)
	require.NoError(t, err)
	require.Equal(t, contract.Epoch(1), current.ID)
	_, err = w.Submit(ctx, contracttest.Submission(w.description(1), 1))
	require.NoError(t, err)
	current, err = w.Epoch(ctx)
	require.NoError(t, err)
	require.Equal(t, contract.Epoch(2), current.ID)
	require.Equal(t, end(1)+100, current.Start)
}

func TestSingleAcceptsTheAuthorisedNymAPIAlone(t *testing.T) {
	cfg := configure(t, 3, 5)
	cfg.Mode, cfg.Authorised = contract.ModeSingle, "nymapi-2"
	w := start(t, cfg)
	ctx, d := context.Background(), w.description(1)
	result := contracttest.SingleResult(contracttest.Report(d, 2))
	result.Values[0], result.Reports[0] = metrics.Missing, 0
	w.clock.set(end(1))
	other, err := contract.NewSubmission(contracttest.Key(1), d, result, nil)
	require.NoError(t, err)
	_, err = w.Submit(ctx, other)
	require.ErrorIs(t, err, contract.NotAuthorised)
	own, err := contract.NewSubmission(contracttest.Key(2), d, result, nil)
	require.NoError(t, err)
	receipt, err := w.Submit(ctx, own)
	require.NoError(t, err)
	again, err := w.Submit(ctx, own)
	require.NoError(t, err)
	require.Equal(t, receipt, again)
	require.Equal(t, block.ID{}, receipt.Block)
	core, err := w.Core(ctx, 1)
	require.NoError(t, err)
	audited, err := verify.Audit(core)
	require.NoError(t, err)
	require.False(t, audited.Proven())
}

func TestWithoutVerificationTheFirstSubmissionIsPaid(t *testing.T) {
	cfg := configure(t, 4, 5)
	cfg.Mode = contract.ModeNone
	w := start(t, cfg)
	ctx, d := context.Background(), w.description(1)
	lie := contracttest.SingleResult(contracttest.Report(d, 1))
	for i := range lie.Values {
		lie.Values[i] = 0
	}
	s, err := contract.NewSubmission(contracttest.Key(77), d, lie, nil)
	require.NoError(t, err)
	_, err = w.Submit(ctx, s)
	require.ErrorIs(t, err, contract.NotOver)
	w.clock.set(end(1))
	_, err = w.Submit(ctx, s)
	require.NoError(t, err)
	_, err = w.Submit(ctx, contracttest.Submission(d, 1))
	require.ErrorIs(t, err, contract.Decided)
	detail, err := w.EpochDetail(ctx, 1)
	require.NoError(t, err)
	require.Empty(t, detail.Winner.Name)
	require.Equal(t, metrics.Uptime(0), detail.Result[0].Value)
}

func TestAttemptsAreBoundedPerMemberAndEpoch(t *testing.T) {
	w := start(t, configure(t, 4, 5))
	ctx, d := context.Background(), w.description(1)
	w.clock.set(end(1))
	other := d
	other.ContractKey = contracttest.Key(50).Public()
	for i := range store.AttemptsPerMember + 3 {
		bad := contracttest.Submission(other, 1)
		bad.Description[0] = byte(i)
		_, err := w.Submit(ctx, bad.Sign(contracttest.Key(1)))
		require.ErrorIs(t, err, contract.WrongContract)
	}
	_, err := w.Submit(ctx, contracttest.Submission(other, 2))
	require.ErrorIs(t, err, contract.WrongContract)
	detail, err := w.EpochDetail(ctx, 1)
	require.NoError(t, err)
	require.Len(t, detail.Attempts, store.AttemptsPerMember+1)
	require.Equal(t, 3, detail.AttemptsDropped)
	_, err = w.Submit(ctx, contracttest.Submission(d, 1))
	require.NoError(t, err, "nobody is locked out")
}

func TestMalformedBodiesAreRefused(t *testing.T) {
	w := start(t, configure(t, 4, 5))
	d := w.description(1)
	good := contracttest.Submission(d, 1).Encode()
	for name, c := range map[string]struct {
		contentType string
		body        []byte
		status      int
	}{
		"empty":                {contract.ContentType, nil, 400},
		"cut":                  {contract.ContentType, good[:len(good)-1], 400},
		"longer":               {contract.ContentType, append(bytes.Clone(good), 0), 400},
		"JSON":                 {"application/json", []byte("{}"), 415},
		"without content type": {"", good, 415},
		"too large":            {contract.ContentType, make([]byte, contract.MaxSubmissionBytes(d.Group, 5)+1), 413},
	} {
		t.Run(name, func(t *testing.T) {
			answer := w.post(contract.PathSubmit, c.contentType, bytes.NewReader(c.body))
			require.Equal(t, c.status, answer.StatusCode)
			require.Equal(t, contract.ProblemType, answer.Header.Get("Content-Type"))
		})
	}
}
