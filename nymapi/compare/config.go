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
	SourceUniform Source = "uniform" // independent numbers 0..100, as in the original prototype: no truth
	SourceTrace   Source = "trace"   // a file of recorded measurements
)

// The submission orders and the contract's ways to verify.
const (
	SubmitRace   = "race"
	SubmitStaged = "staged"
	VerifyFull   = "full"
	VerifyNone   = "none"
)

// What a Config may ask for at most. They bound memory and time of one process; the protocol's own
// bounds are elsewhere.
const (
	maxNodes    = 100
	maxMixnodes = 10_000
	maxEpochs   = 10_000
	maxTicks    = 1_000
	minEpoch    = 200 * time.Millisecond
	maxEpoch    = 24 * time.Hour
)

// Config says what to run; [Default] is where to begin. Fields have the names of the flags of
// `nymapi compare`.
type Config struct {
	Nodes     int           // Nym-APIs; 0 with a trace: its observers
	Mixnodes  int           // rewarded mixnodes; 0 with a trace: the file's
	Epochs    int           // epochs to run; 0 with a trace: all of the file, else its first Epochs
	Epoch     time.Duration // length of an epoch; 0 with a trace: 1 s, or more where this machine needs it
	Ticks     int           // measurements of each mixnode in an epoch; 0 with a trace: 1
	Estimator string        // a name that metrics.ParseEstimator reads
	Seed      uint64        // of the simulated sources and of the victims
	Source    Source
	Missing   float64 // share of the world's ticks that is lost, 0 <= Missing < 1
	Submit    string  // SubmitRace or SubmitStaged
	Verify    string  // VerifyFull or VerifyNone

	Liars     int   // the first Liars Nym-APIs lie
	LiarsAt   []int // if given: these Nym-APIs lie, and Liars must be 0 or their number
	Lie       Lie
	Offline   int   // the last Offline Nym-APIs never run
	OfflineAt []int // if given: these never run, and Offline must be 0 or their number
	Single    int   // the one Nym-API of the single mode

	Trace     string   // file, for SourceTrace only
	Observers []string // the trace's observers that are the Nym-APIs, in this order; none: all
	Truth     []string // the trace's observers whose median is the truth; none: no truth
}

// Default returns the configuration of `nymapi compare` without flags.
func Default() Config {
	return Config{
		Nodes: 4, Mixnodes: 240, Epochs: 5, Epoch: 4 * time.Second, Ticks: 4, Estimator: "median", Seed: 1, Source: SourceWorld,
		Missing: 0.02, Submit: SubmitRace, Verify: VerifyFull, Lie: LieZero, Single: 1,
	}
}

// FlagError says what is wrong with a flag: what was expected, and what to do.
type FlagError struct {
	Flag     string // without dashes
	Got      string
	Expected string
	Try      string // what to do
}

// Error returns one sentence for the user.
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

// complete fills in what other fields decide.
func (c Config) complete() Config {
	if c.Source == SourceTrace {
		setDefault(&c.Epoch, time.Second)
		setDefault(&c.Ticks, 1)
	}
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
		}{{"trace", nonEmpty(c.Trace)}, {"observers", c.Observers}, {"truth", c.Truth}} {
			if len(f.got) > 0 {
				return wrong(f.flag, strings.Join(f.got, ","), "it with --source trace only", "add --source trace or remove it")
			}
		}
	case SourceTrace:
		if c.Trace == "" {
			return wrong("trace", "", "a trace file", "give --trace metrics/testdata/seattle/seattle_uptime.csv or a file in that layout")
		}
		if c.Ticks != 1 {
			return wrong("ticks", c.Ticks, "1 with --source trace, where one value is one tick", "remove it")
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

// checkSizes checks the numbers. Those that a trace decides may be 0, for not given.
func (c Config) checkSizes() error {
	least := 1
	if c.Source == SourceTrace {
		least = 0
	}
	for _, f := range []struct {
		flag              string
		got, least, most  int
		what, instruction string
	}{
		{"nodes", c.Nodes, least, maxNodes, "Nym-APIs", "--nodes 4"},
		{"mixnodes", c.Mixnodes, least, maxMixnodes, "mixnodes", "--mixnodes 240"},
		{"epochs", c.Epochs, least, maxEpochs, "epochs", "--epochs 5"},
		{"ticks", c.Ticks, 1, maxTicks, "measurements per epoch", "--ticks 4"},
	} {
		if f.got < f.least || f.got > f.most {
			return wrong(f.flag, f.got, fmt.Sprintf("%d to %d %s", max(1, f.least), f.most, f.what), "give "+f.instruction)
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
		return wrong("estimator", c.Estimator, "mean, median, lowmedian, trimmed, trimmed(k) or mad", "give one of them")
	}
	if c.Submit != SubmitRace && c.Submit != SubmitStaged {
		return wrong("submit", c.Submit, "race or staged", "give one of them")
	}
	if c.Verify != VerifyFull && c.Verify != VerifyNone {
		return wrong("verify", c.Verify, "full or none", "give one of them")
	}
	return c.Lie.check()
}
