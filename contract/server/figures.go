package server

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/scrape"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// figures are the contract's metrics for Prometheus. Their labels have few values: endpoints,
// statuses, verdicts and outcomes, never names of callers. A restart sets counters to zero.
type figures struct {
	registry    *prometheus.Registry
	requests    *scrape.Requests
	submissions *prometheus.CounterVec
	epochs      *prometheus.CounterVec
	decided     prometheus.Histogram
	coverage    prometheus.Gauge
	reporters   prometheus.Gauge
}

// Outcomes of epochs.
const (
	outcomeRewarded = "rewarded"
	outcomeMissed   = "missed"
)

// verdictAccepted is the verdict on the winner's submission, also when it is sent again. That of a
// refused one is the kind of its problem.
const verdictAccepted = "accepted"

// newFigures returns the metrics of a contract, all registered but those of its state.
func newFigures() *figures {
	f := &figures{
		registry: prometheus.NewPedanticRegistry(),
		requests: scrape.NewRequests("contract"),
		submissions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "contract_submissions_total", Help: "Submissions by verdict: accepted, or why they were refused.",
		}, []string{"verdict"}),
		epochs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "contract_epochs_total", Help: "Epochs settled, by outcome.",
		}, []string{"outcome"}),
		decided: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "contract_time_to_decision_seconds", Help: "Time from the end of an epoch to its winner's submission.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600},
		}),
		coverage: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "contract_coverage_ratio", Help: "Share of the mixnodes that the newest rewarded epoch paid a value that was measured in it.",
		}),
		reporters: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "contract_members_seen", Help: "Members whose reports counted in the newest rewarded epoch.",
		}),
	}
	f.registry.MustRegister(
		f.requests, f.submissions, f.epochs, f.decided, f.coverage, f.reporters,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	for _, outcome := range []string{outcomeRewarded, outcomeMissed} {
		f.epochs.WithLabelValues(outcome)
	}
	f.submissions.WithLabelValues(verdictAccepted)
	return f
}

// submitted counts a submission by its answer. Faults of the contract itself are not verdicts.
func (f *figures) submitted(err error) {
	var refused *contract.Problem
	switch {
	case err == nil:
		f.submissions.WithLabelValues(verdictAccepted).Inc()
	case errors.As(err, &refused):
		f.submissions.WithLabelValues(string(refused.Kind())).Inc()
	}
}

// rewarded records an epoch that was won that long after its end.
func (f *figures) rewarded(after time.Duration, reporters int, rewards []contract.Reward) {
	fresh := 0
	for _, reward := range rewards {
		if reward.Value != metrics.Missing && reward.CarriedFrom == 0 {
			fresh++
		}
	}
	f.epochs.WithLabelValues(outcomeRewarded).Inc()
	f.decided.Observe(after.Seconds())
	f.coverage.Set(float64(fresh) / float64(max(1, len(rewards))))
	f.reporters.Set(float64(reporters))
}

func (f *figures) missed() { f.epochs.WithLabelValues(outcomeMissed).Inc() }

// state exports what the contract knows at the time of a scrape.
type state struct{ keeper *keeper }

var (
	build    = prometheus.NewDesc("contract_build_info", "The program; always 1.", []string{"version", "go"}, nil)
	epoch    = prometheus.NewDesc("contract_epoch", "Number of the newest epoch, 0 before the first one.", nil, nil)
	members  = prometheus.NewDesc("contract_members", "Members that have enrolled.", nil, nil)
	expected = prometheus.NewDesc("contract_members_expected", "Members that the group has, or will have.", nil, nil)
	closed   = prometheus.NewDesc("contract_group_closed", "1 once all expected members have enrolled.", nil, nil)
	spread   = prometheus.NewDesc("contract_submitted_spread_points",
		"Largest difference between what two submissions for the newest rewarded epoch would pay a mixnode, of 100 points.", nil, nil)
	arrived = prometheus.NewDesc("contract_submissions_verified", "Submissions for the newest rewarded epoch that verified, the winner's included.", nil, nil)
)

// Describe implements prometheus.Collector.
func (state) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{build, epoch, members, expected, closed, spread, arrived} {
		out <- desc
	}
}

// scrapeTimeout bounds how long a scrape waits for the database.
const scrapeTimeout = 2 * time.Second

// Collect implements prometheus.Collector.
func (s state) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	k := s.keeper
	gauge(build, 1, k.cfg.Version, runtime.Version())
	k.mu.Lock()
	newest, enrolled, group := k.newest.Epoch, len(k.members), k.group
	k.mu.Unlock()
	gauge(epoch, float64(newest))
	gauge(members, float64(enrolled))
	if group == nil {
		gauge(closed, 0)
		gauge(expected, float64(k.cfg.expected()))
		return
	}
	gauge(closed, 1)
	gauge(expected, float64(group.N()))
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	last, err := k.store.NewestSpread(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return
	}
	if err != nil {
		k.log.Warn("cannot read the spread for a scrape", "err", err)
		return
	}
	gauge(spread, last.Points)
	gauge(arrived, float64(last.Submissions))
}
