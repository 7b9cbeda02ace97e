package rewards_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/collector"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
	"github.com/ephemera-go/nym-rewarding/nymapi/samples"
)

// eventually waits until another goroutine makes f true.
func eventually(t *testing.T, f func() bool, what string) {
	t.Helper()
	require.Eventually(t, f, 30*time.Second, 2*time.Millisecond, what)
}

// meter is a source that measures the same percentage for all mixnodes, or fails.
type meter struct {
	percent uint8
	fail    error
}

func (m meter) Measure(_ context.Context, mixnodes []metrics.MixID, _ int64) ([]collector.Measurement, error) {
	measured := make([]collector.Measurement, len(mixnodes))
	for i, id := range mixnodes {
		measured[i] = collector.Measurement{Mixnode: id, Percent: m.percent}
	}
	return measured, m.fail
}

// outbox collects what a distributor publishes.
type outbox struct {
	mu   sync.Mutex
	fail error
	sent []block.Message
	hook func() // called before a message is accepted
}

func (o *outbox) publish(_ context.Context, _ contract.Description, m block.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hook != nil {
		o.hook()
	}
	if o.fail != nil {
		return o.fail
	}
	o.sent = append(o.sent, m)
	return nil
}

func (o *outbox) messages() []block.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]block.Message(nil), o.sent...)
}

func (o *outbox) set(fail error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = fail
}

// distribute runs a distributor of Nym-API 1 with the databases in dir until the returned function
// is called.
func distribute(t *testing.T, dir string, source collector.Source, calendar *calendar, change func(*rewards.Distributor)) (*rewards.Store, func()) {
	t.Helper()
	store := openStore(t, dir)
	measured, err := samples.Open(t.Context(), filepath.Join(dir, "samples.sqlite"), nil)
	require.NoError(t, err)
	collecting, err := collector.New(source, measured, 4)
	require.NoError(t, err)
	d := &rewards.Distributor{
		Key: contracttest.Key(1), Store: store, Calendar: calendar, Collector: collecting, Submit: func() {},
		Retention: time.Hour, Logger: silent(),
	}
	change(d)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return store, func() {
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, measured.Close())
	}
}

func TestAReportIsSignedOnceAndResent(t *testing.T) {
	d, dir, out := describe(1, 4), t.TempDir(), &outbox{}
	calendar := newCalendar(d)
	calendar.set(d.Start + 1)
	store, stop := distribute(t, dir, meter{percent: 90}, calendar, func(r *rewards.Distributor) {
		r.Publish = out.publish
		out.hook = func() { // what is published is durable
			_, err := r.Store.Report(t.Context(), 1)
			require.NoError(t, err)
		}
	})
	_, err := store.Report(t.Context(), 1)
	require.ErrorIs(t, err, rewards.ErrNotFound)
	require.Empty(t, out.messages())
	calendar.set(d.End)
	eventually(t, func() bool { return len(out.messages()) == 1 }, "reported at the end")
	stop()
	first := out.messages()[0]
	require.Equal(t, "epoch/1", first.Label())
	require.True(t, first.Verify())
	report, err := metrics.DecodeReport(first.Payload(), metrics.LimitsFor(3))
	require.NoError(t, err)
	require.Equal(t, [32]byte(d.Hash()), report.Description)
	require.Equal(t, []metrics.Uptime{9000, 9000, 9000}, report.Values)

	_, stop = distribute(t, dir, meter{percent: 10}, calendar, func(r *rewards.Distributor) { r.Publish = out.publish })
	eventually(t, func() bool { return len(out.messages()) == 2 }, "sent again")
	stop()
	require.Equal(t, first.Encode(), out.messages()[1].Encode(), "the same bytes, although the measurements have changed")
}

func TestAReportIsSentUntilTheNodeAcceptsIt(t *testing.T) {
	d, out := describe(1, 4), &outbox{fail: errors.New("mempool is full")}
	calendar := newCalendar(d)
	_, stop := distribute(t, t.TempDir(), meter{percent: 90}, calendar, func(r *rewards.Distributor) { r.Publish = out.publish })
	defer stop()
	require.Empty(t, out.messages())
	out.set(nil)
	eventually(t, func() bool { return len(out.messages()) == 1 }, "tried again")

	refused := &outbox{fail: ephemera.ErrRefused}
	asked := make(chan struct{}, 100)
	refused.hook = func() { asked <- struct{}{} }
	_, stopRefused := distribute(t, t.TempDir(), meter{percent: 90}, calendar, func(r *rewards.Distributor) { r.Publish = refused.publish })
	<-asked
	calendar.set(d.End + 1)
	calendar.set(d.End + 2)
	stopRefused()
	require.Empty(t, asked, "a refusal is final")
}

func TestWhatCannotBeMeasuredIsMissing(t *testing.T) {
	d, out := describe(1, 4), &outbox{}
	calendar := newCalendar(d)
	_, stop := distribute(t, t.TempDir(), meter{fail: errors.New("no network")}, calendar, func(r *rewards.Distributor) { r.Publish = out.publish })
	eventually(t, func() bool { return len(out.messages()) == 1 }, "reported")
	stop()
	report, err := metrics.DecodeReport(out.messages()[0].Payload(), metrics.LimitsFor(3))
	require.NoError(t, err)
	require.Equal(t, []metrics.Uptime{metrics.Missing, metrics.Missing, metrics.Missing}, report.Values)
}

func TestALiarSignsItsLie(t *testing.T) {
	d, out := describe(1, 4), &outbox{}
	_, stop := distribute(t, t.TempDir(), meter{percent: 90}, newCalendar(d), func(r *rewards.Distributor) {
		r.Publish = out.publish
		r.Report = func(_ contract.Description, honest metrics.Report) metrics.Report {
			honest.Values[0] = 0
			return honest
		}
	})
	eventually(t, func() bool { return len(out.messages()) == 1 }, "reported")
	stop()
	report, err := metrics.DecodeReport(out.messages()[0].Payload(), metrics.LimitsFor(3))
	require.NoError(t, err)
	require.Equal(t, []metrics.Uptime{0, 9000, 9000}, report.Values)
}

func TestSettledEpochsAreNotReported(t *testing.T) {
	first, next, out := describe(1, 4), describe(2, 4), &outbox{}
	calendar := newCalendar(first, next)
	calendar.settle(1, contract.StatusMissed, nil)
	calendar.set(next.End)
	_, stop := distribute(t, t.TempDir(), meter{percent: 90}, calendar, func(r *rewards.Distributor) { r.Publish = out.publish })
	eventually(t, func() bool { return len(out.messages()) == 1 }, "reported")
	stop()
	require.Equal(t, "epoch/2", out.messages()[0].Label())
}

func TestTheAuthorisedNymAPISubmitsItsAverages(t *testing.T) {
	for number, authorised := range map[int]bool{1: true, 2: false} {
		d := describe(1, 2)
		d.Rules.Mode, d.Rules.Authorised = contract.ModeSingle, public(number)
		submitted := make(chan struct{}, 1)
		store, stop := distribute(t, t.TempDir(), meter{percent: 80}, newCalendar(d), func(r *rewards.Distributor) {
			r.Single = true
			r.Submit = func() { submitted <- struct{}{} }
		})
		if !authorised {
			stop()
			_, err := store.Submission(t.Context(), 1)
			require.ErrorIs(t, err, rewards.ErrNotFound)
			continue
		}
		<-submitted
		stop()
		stored, err := store.Submission(t.Context(), 1)
		require.NoError(t, err)
		submission, err := contract.DecodeSubmission(stored.Body, len(stored.Body))
		require.NoError(t, err)
		verified, err := verify.Submission(d, submission)
		require.NoError(t, err)
		require.Equal(t, []metrics.Uptime{8000, 8000, 8000}, verified.Result.Values)
	}
}
