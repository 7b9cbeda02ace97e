package compare

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Source names where measurements come from.
type Source string

// The sources.
const (
	SourceWorld   Source = "world"   // simulated mixnodes that have a true uptime
	SourceUniform Source = "uniform" // random numbers 0..100 without truth, as in the original
	SourceTrace   Source = "trace"   // a file of recorded measurements
)

// The orders of submissions, and what the contract verifies.
const (
	SubmitRace   = "race"
	SubmitStaged = "staged"
	VerifyFull   = "full"
	VerifyNone   = "none"
)

// What makes the truth of a trace of the values of several observers.
const (
	TruthMedian = "median"
	TruthMean   = "mean"
)

// Limits of a Config. They bound memory and time of one process; the protocol has its own limits.
const (
	maxNodes    = 100
	maxMixnodes = 10_000
	maxEpochs   = 10_000
	maxTicks    = 1_000
	minEpoch    = 200 * time.Millisecond
	usualEpoch  = 4 * time.Second
	maxEpoch    = 24 * time.Hour
)

// Config is what to run. Its fields are the flags of `nymapi compare`; [Default] has their
// defaults.
type Config struct {
	// With SourceTrace these may be 0, which means the observers and mixnodes of the file, all its
	// epochs, 1 s (or more if this machine needs it) and 1 tick.
	Nodes    int           // number of Nym-APIs
	Mixnodes int           // number of rewarded mixnodes
	Epochs   int           // number of epochs to run
	Epoch    time.Duration // length of an epoch; 0: the usual one, or what a large group needs
	Ticks    int           // measurements of each mixnode in an epoch

	Estimator string // a name that metrics.ParseEstimator accepts
	Seed      uint64 // of the simulated sources and of the victims
	Source    Source
	Missing   float64 // share of the world's ticks that is lost, 0 <= Missing < 1
	Submit    string  // SubmitRace or SubmitStaged
	Verify    string  // VerifyFull or VerifyNone
	// Performance adds the mode of Nym's performance contract.
	Performance bool

	Liars     int   // the first Liars Nym-APIs lie
	LiarsAt   []int // if not nil, these Nym-APIs lie, and Liars must be 0 or their number
	Lie       Lie
	Offline   int   // the last Offline Nym-APIs never run
	OfflineAt []int // if not nil, these never run, and Offline must be 0 or their number
	Single    int   // the only Nym-API of the single mode

	Trace     string   // file, for SourceTrace only
	Observers []string // observers of the trace that are the Nym-APIs, in this order; all if empty
	Truth     []string // observers of the trace that are the truth; no truth if empty
	TruthBy   string   // TruthMedian or TruthMean of them; empty: the median
}

// Default returns the configuration of `nymapi compare` without flags.
func Default() Config {
	return Config{
		Nodes: 4, Mixnodes: 240, Epochs: 5, Epoch: usualEpoch, Ticks: 4, Estimator: "median", Seed: 1, Source: SourceWorld,
		Missing: 0.02, Submit: SubmitRace, Verify: VerifyFull, Lie: LieZero, Single: 1,
	}
}

// FlagError is the error of an invalid flag.
type FlagError struct {
	Flag     string // without dashes
	Got      string
	Expected string
	Try      string // what to do instead
}

// Error returns what was expected, and what to do.
func (e *FlagError) Error() string {
	return fmt.Sprintf("--%s %s: expected %s; %s", e.Flag, e.Got, e.Expected, e.Try)
}

func wrong(flag string, got any, expected, try string) error {
	text := fmt.Sprint(got)
	if text == "" {
		text = `""`
	}
	return &FlagError{Flag: flag, Got: text, Expected: expected, Try: try}
}

// complete fills in the fields that depend on others.
func (c Config) complete() Config {
	if c.Source == SourceTrace {
		setDefault(&c.Epoch, time.Second)
		setDefault(&c.Ticks, 1)
		setDefault(&c.TruthBy, TruthMedian)
	}
	setDefault(&c.Epoch, usualEpoch)
	if c.LiarsAt != nil {
		setDefault(&c.Liars, len(c.LiarsAt))
	}
	if c.OfflineAt != nil {
		setDefault(&c.Offline, len(c.OfflineAt))
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate checks everything that can be checked without opening a file. The error is a
// [*FlagError].
func (c Config) Validate() error {
	c = c.complete()
	for _, check := range []func() error{c.checkSource, c.checkSizes, c.checkRules} {
		if err := check(); err != nil {
			return err
		}
	}
	if c.Source == SourceTrace {
		return nil // positions need the number of observers
	}
	_, err := c.positions(c.Nodes)
	return err
}

func (c Config) checkSource() error {
	switch c.Source {
	case SourceWorld, SourceUniform:
		for _, f := range []struct {
			flag string
			got  []string
		}{{"trace", nonEmpty(c.Trace)}, {"observers", c.Observers}, {"truth", c.Truth}, {"truth-by", nonEmpty(c.TruthBy)}} {
			if len(f.got) > 0 {
				return wrong(f.flag, strings.Join(f.got, ","), "it only with --source trace", "add --source trace or remove it")
			}
		}
	case SourceTrace:
		if c.Trace == "" {
			return wrong("trace", "", "a trace file", "give --trace metrics/testdata/seattle/seattle_uptime.csv or a file in that layout")
		}
		if c.Ticks != 1 {
			return wrong("ticks", c.Ticks, "1 with --source trace, where one value is one tick", "remove it")
		}
		if c.TruthBy != TruthMedian && c.TruthBy != TruthMean {
			return wrong("truth-by", c.TruthBy, "median or mean", "give one of them")
		}
	default:
		return wrong("source", c.Source, "world, uniform or trace", "give one of them")
	}
	return nil
}

func nonEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// checkSizes checks the numbers. Those that a trace provides may be 0.
func (c Config) checkSizes() error {
	least := 1
	if c.Source == SourceTrace {
		least = 0
	}
	for _, f := range []struct {
		flag             string
		got, least, most int
		what, try        string
	}{
		{"nodes", c.Nodes, least, maxNodes, "Nym-APIs", "--nodes 4"},
		{"mixnodes", c.Mixnodes, least, maxMixnodes, "mixnodes", "--mixnodes 240"},
		{"epochs", c.Epochs, least, maxEpochs, "epochs", "--epochs 5"},
		{"ticks", c.Ticks, 1, maxTicks, "measurements per epoch", "--ticks 4"},
	} {
		if f.got < f.least || f.got > f.most {
			return wrong(f.flag, f.got, fmt.Sprintf("%d to %d %s", max(1, f.least), f.most, f.what), "give "+f.try)
		}
	}
	if c.Epoch < minEpoch || c.Epoch > maxEpoch {
		return wrong("epoch", c.Epoch, fmt.Sprintf("%s to %s", minEpoch, maxEpoch), "give --epoch 4s")
	}
	if c.Epoch/time.Duration(c.Ticks) < time.Millisecond {
		return wrong("ticks", c.Ticks, fmt.Sprintf("at most one measurement per millisecond of an epoch of %s", c.Epoch), "give fewer, or a longer --epoch")
	}
	if math.IsNaN(c.Missing) || c.Missing < 0 || c.Missing >= 1 {
		return wrong("missing", c.Missing, "a share from 0 to below 1", "give --missing 0.02 for 2 %")
	}
	return nil
}

func (c Config) checkRules() error {
	if _, err := metrics.ParseEstimator(c.Estimator); err != nil {
		return wrong("estimator", c.Estimator, metrics.EstimatorNames(), "give one of them")
	}
	if c.Submit != SubmitRace && c.Submit != SubmitStaged {
		return wrong("submit", c.Submit, "race or staged", "give one of them")
	}
	if c.Verify != VerifyFull && c.Verify != VerifyNone {
		return wrong("verify", c.Verify, "full or none", "give one of them")
	}
	if c.Performance && c.Verify == VerifyNone {
		return wrong("performance-contract", c.Performance, "it only with --verify full: its rules leave no choice", "remove one of them")
	}
	return c.Lie.check()
}
