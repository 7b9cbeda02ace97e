package server_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func configureMedians(t testing.TB, n, mixnodes int) server.Config {
	cfg := configure(t, n, mixnodes)
	cfg.Mode = contract.ModePerformance
	return cfg
}

// batch returns a batch of a member, with values as the mixnodes have their places.
func batch(t testing.TB, d contract.Description, member int, values ...metrics.Uptime) contract.Submission {
	result := metrics.Result{Mixnodes: d.Mixnodes, Values: values, Reports: make([]uint16, len(values))}
	for i, value := range values {
		if value != metrics.Missing {
			result.Reports[i] = 1
		}
	}
	s, err := contract.NewSubmission(contracttest.Key(member), d, result, nil)
	require.NoError(t, err)
	return s
}

func (w *world) batch(d contract.Description, member int, values ...metrics.Uptime) error {
	_, err := w.SubmitBatch(context.Background(), batch(w.t, d, member, values...))
	return err
}

func (w *world) paid(epoch contract.Epoch) (paid []metrics.Uptime) {
	detail, err := w.EpochDetail(context.Background(), epoch)
	require.NoError(w.t, err)
	require.Equal(w.t, contract.StatusRewarded, detail.Status)
	for _, reward := range detail.Result {
		paid = append(paid, reward.Value)
	}
	return paid
}

func TestMediansOfBatchesArePaidWhenTheEpochEnds(t *testing.T) {
	w := start(t, configureMedians(t, 4, 3))
	ctx, d := context.Background(), w.description(1)
	require.NoError(t, w.batch(d, 1, 9950, 9000, metrics.Missing))
	require.NoError(t, w.batch(d, 2, 0, 8000, metrics.Missing))
	w.clock.set(end(1) - 1)
	require.NoError(t, w.batch(d, 3, 9849, metrics.Missing, metrics.Missing))

	w.clock.set(end(1))
	require.Equal(t, []metrics.Uptime{9800, 8500, metrics.Missing}, w.paid(1), "one lie of three moves no median out of the honest values")
	detail, err := w.EpochDetail(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, 3, detail.Batches)
	require.EqualValues(t, len(batch(t, d, 1, 9950, 9000, metrics.Missing).Encode())+len(batch(t, d, 2, 0, 8000, metrics.Missing).Encode())+
		len(batch(t, d, 3, 9849, metrics.Missing, metrics.Missing).Encode()), detail.BatchBytes)
	require.Empty(t, detail.Reporters, "nothing says who submitted")
	scraped := w.scrape()
	require.Contains(t, scraped, "\ncontract_members_seen 3\n")
	require.Contains(t, scraped, "\ncontract_submissions_total{verdict=\"accepted\"} 3\n")

	core, err := w.Core(ctx, 1)
	require.NoError(t, err)
	audited, err := verify.Audit(core)
	require.NoError(t, err)
	require.False(t, audited.Proven())
	raw, err := contract.DecodeRawValues(audited.Submission.Block)
	require.NoError(t, err)
	require.Equal(t, contract.RawValues{{0, 98, 100}, {80, 90}, {}}, raw)
	report := check.New(check.Config{}).Next(check.Evidence{Core: core.Encode()})
	require.Zero(t, report.Count(check.Fail), report.Text())
	require.Contains(t, strings.Join(strings.Fields(report.Text()), " "), "submission not checkable: the medians of values without names and signatures")
}

func TestBatchesAreRefusedByTheRulesOfThePerformanceContract(t *testing.T) {
	cfg := configureMedians(t, 4, 2)
	cfg.FirstEpoch = end(1).Time()
	w := start(t, cfg)
	ctx, d := context.Background(), w.description(1)
	require.ErrorIs(t, w.batch(d, 1, 1, 1), contract.NotStarted)
	w.clock.set(d.Start)
	refused := func(err error, kind contract.Kind, why string) {
		t.Helper()
		p := problem(t, err)
		require.ErrorIs(t, err, kind)
		require.Contains(t, p.Detail, why)
	}
	require.NoError(t, w.batch(d, 1, 100, metrics.Missing))
	refused(w.batch(d, 1, 100, 100), contract.BatchRefused, "StalePerformanceSubmission: node 1 of epoch 1 is not after node 1 of epoch 1")
	require.NoError(t, w.batch(d, 1, metrics.Missing, 100), "the cursor is at the first mixnode")
	require.NoError(t, w.batch(d, 2, metrics.Missing, metrics.Missing), "an empty batch changes nothing")
	require.NoError(t, w.batch(d, 2, 100, 100))
	refused(w.batch(d, 9, 100, 100), contract.BatchRefused, "NotAuthorised: ")
	later := d
	later.Epoch = 2
	refused(w.batch(later, 3, 100, 100), contract.BatchRefused, "EpochNotCurrent: epoch 2 was submitted, the current one is 1")

	other := d
	other.Mixnodes = contracttest.Mixnodes(3)
	refused(w.batch(other, 3, 1, 1, 1), contract.WrongDescription, "carries description")
	forged := batch(t, d, 3, 100, 100)
	forged.Signature[0] ^= 1
	_, err := w.SubmitBatch(ctx, forged)
	refused(err, contract.BadSignature, "not signed by")
	_, err = w.Submit(ctx, batch(t, d, 1, 100, 100))
	refused(err, contract.NotAuthorised, "computes it from batches")

	w.clock.set(d.End)
	refused(w.batch(d, 3, 100, 100), contract.BatchRefused, "EpochNotCurrent: epoch 1 was submitted, the current one is 2")
	require.Equal(t, []metrics.Uptime{100, 100}, w.paid(1))
	full := start(t, configure(t, 4, 2))
	refused(full.batch(full.description(1), 1, 100, 100), contract.BatchRefused, "takes no batches in mode full")
}

func TestRestartLosesNoBatchAndNoCursor(t *testing.T) {
	w := start(t, configureMedians(t, 4, 1))
	d := w.description(1)
	require.NoError(t, w.batch(d, 1, 4000))
	w = w.restart()
	require.ErrorIs(t, w.batch(d, 1, 9000), contract.BatchRefused)
	require.NoError(t, w.batch(d, 2, 6000))
	w.stop()
	w.clock.set(end(6)) // after the epoch would have closed
	w = w.restart()
	require.Equal(t, []metrics.Uptime{5000}, w.paid(1))

	db, err := store.OpenReader(context.Background(), w.cfg.Database)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Core(context.Background(), 1)
	require.NoError(t, err)
}

func TestAnEpochWithoutBatchesPaysTheNewestOf24(t *testing.T) {
	w := start(t, configureMedians(t, 4, 1))
	require.NoError(t, w.batch(w.description(1), 1, 7000))
	for epoch := 1; epoch < 27; epoch++ {
		w.clock.set(end(epoch))
		w.description(contract.Epoch(epoch + 1))
	}
	require.Equal(t, []metrics.Uptime{7000}, w.paid(25), "24 epochs after it was measured")
	require.Equal(t, []metrics.Uptime{metrics.Missing}, w.paid(26))
}

// What the contract pays is what the rules of package performance say about the same batches, with
// gaps within and beyond the look-back.
func TestRewardsAreTheRewardingInputsOfTheRules(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		const monitors, nodes = 3, 2
		w := start(t, configureMedians(t, monitors, nodes))
		defer w.stop()
		rules, err := performance.New(performance.Start{
			Admin: "a", Epoch: 1, Monitors: []performance.Address{"1", "2", "3"}, Weights: performance.LivenessOnly(), Bonded: []performance.NodeID{1, 2},
		})
		require.NoError(t, err)
		epochs := rapid.IntRange(1, 60).Draw(r, "epochs")
		for epoch := 1; epoch <= epochs; epoch++ {
			w.clock.set(end(epoch - 1))
			d := w.description(contract.Epoch(epoch))
			for monitor := 1; monitor <= monitors; monitor++ {
				if rapid.IntRange(0, 15).Draw(r, "submits") > 0 {
					continue
				}
				values := []metrics.Uptime{metrics.Uptime(rapid.IntRange(-1, 10000).Draw(r, "first")), metrics.Uptime(rapid.IntRange(-1, 10000).Draw(r, "second"))}
				require.NoError(t, w.batch(d, monitor, values...))
				entries, err := verify.Batch(d, batch(t, d, monitor, values...))
				require.NoError(t, err)
				_, err = rules.Batch(performance.Address(strconv.Itoa(monitor)), performance.EpochID(epoch), entries)
				require.NoError(t, err)
			}
			rules.Advance(1)
		}
		w.clock.set(end(epochs))
		for epoch := 1; epoch <= epochs; epoch++ {
			want := []metrics.Uptime{
				rules.Inputs(performance.EpochID(epoch), 1).Score.Uptime(), rules.Inputs(performance.EpochID(epoch), 2).Score.Uptime(),
			}
			require.Equal(r, want, w.paid(contract.Epoch(epoch)), "epoch %d", epoch)
		}
	})
}
