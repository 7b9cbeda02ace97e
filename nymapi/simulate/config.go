package simulate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// Config is what to simulate. Its fields are the flags of `nymapi simulate`.
type Config struct {
	Nodes       int
	Mixnodes    int
	Epochs      int
	Epoch       time.Duration // length, whole milliseconds
	Latency     Latency
	Adversaries []AdversaryCount
	Exchange    time.Duration // between two frontiers of a member (R6); see Interval for 0
	Seed        uint64
}

// AdversaryCount is a number of Nym-APIs that follow one adversary.
type AdversaryCount struct {
	Adversary string
	Count     int
}

// Latency is a model of one-way delays: a named one, or the same delay on every link.
type Latency struct {
	Model simulation.Latency
	Link  time.Duration // of simulation.Constant
}

// String returns the value of the flag.
func (l Latency) String() string {
	if l.Model == simulation.Constant {
		return l.Link.String()
	}
	return string(l.Model)
}

// Default returns the configuration of `nymapi simulate` without flags.
func Default() Config {
	return Config{
		Nodes: 10, Mixnodes: 375, Epochs: 24, Epoch: time.Hour, Latency: Latency{Model: simulation.WAN}, Seed: 1,
	}
}

// Bounds of a Config.
const (
	maxNodes    = 200 // larger groups take hours; the figures show growth up to 1000
	maxMixnodes = 10_000
	maxEpochs   = 10_000
	maxSpan     = 366 * 24 * time.Hour // of virtual time
	minEpoch    = time.Minute
	minExchange = 100 * time.Millisecond
	minLink     = time.Microsecond
	maxLink     = 10 * time.Second
)

// Validate checks all fields. The error is a *command.UsageError.
func (c Config) Validate() error {
	for _, f := range []struct {
		flag      string
		got, most int
		what, try string
	}{
		{"nodes", c.Nodes, maxNodes, "Nym-APIs", "give --nodes 10"},
		{"mixnodes", c.Mixnodes, maxMixnodes, "mixnodes", "give --mixnodes 375, which makes reports of 3 kB"},
		{"epochs", c.Epochs, maxEpochs, "epochs", "give --epochs 24 for a day"},
	} {
		if f.got < 1 || f.got > f.most {
			return wrong(f.flag, f.got, fmt.Sprintf("1 to %d %s", f.most, f.what), f.try)
		}
	}
	switch {
	case c.Epoch < minEpoch || c.Epoch > maxSpan || c.Epoch%time.Millisecond != 0:
		return wrong("epoch", c.Epoch, fmt.Sprintf("whole milliseconds from %s", minEpoch), "give --epoch 1h")
	case time.Duration(c.Epochs) > maxSpan/c.Epoch:
		return wrong("epochs", c.Epochs, fmt.Sprintf("at most a year, which is %d epochs of %s", maxSpan/c.Epoch, c.Epoch), "give fewer, or a shorter --epoch")
	case c.Exchange != 0 && (c.Exchange < minExchange || c.Exchange > c.Epoch):
		return wrong("exchange", c.Exchange, fmt.Sprintf("%s up to the length of an epoch", minExchange), "give --exchange 1s, or none")
	}
	return c.checkAdversaries()
}

func (c Config) checkAdversaries() error {
	total := 0
	for _, a := range c.Adversaries {
		if !slices.Contains(simulation.Adversaries(), a.Adversary) {
			return wrong("adversary", a.Adversary, "one of "+strings.Join(simulation.Adversaries(), ", "), "give --adversary equivocate=1")
		}
		if a.Count < 1 || a.Count > c.Nodes {
			return wrong("adversary", fmt.Sprintf("%s=%d", a.Adversary, a.Count), fmt.Sprintf("1 to %d Nym-APIs", c.Nodes), "give fewer, or more --nodes")
		}
		total += a.Count
	}
	if total >= c.Nodes && total > 0 {
		return wrong("adversary", adversariesText(c.Adversaries), fmt.Sprintf("at least one honest Nym-API among %d", c.Nodes), "give fewer, or more --nodes")
	}
	return nil
}

// F returns the number of Byzantine Nym-APIs that the group tolerates.
func (c Config) F() int { return quorum.Faulty(c.Nodes) }

// byzantine returns the number of Byzantine Nym-APIs.
func (c Config) byzantine() int {
	total := 0
	for _, a := range c.Adversaries {
		total += a.Count
	}
	return total
}

// Interval returns the time between two frontiers of a member while something changes: Exchange, or
// one second, the default of a node.
func (c Config) Interval() time.Duration {
	if c.Exchange != 0 {
		return c.Exchange
	}
	return time.Second
}

// Warnings returns what a user may not expect.
func (c Config) Warnings() []string {
	var warnings []string
	if bad := c.byzantine(); bad > c.F() {
		warnings = append(warnings, fmt.Sprintf("%d of %d Nym-APIs are Byzantine, more than f = %d: invariants may be violated", bad, c.Nodes, c.F()))
	}
	return warnings
}

// ParseLatency parses the value of --latency. The error is a *command.UsageError.
func ParseLatency(text string) (Latency, error) {
	if link, err := time.ParseDuration(text); err == nil {
		if link < minLink || link > maxLink {
			return Latency{}, wrong("latency", text, fmt.Sprintf("%s to %s on each link", minLink, maxLink), "give --latency 50ms")
		}
		return Latency{Model: simulation.Constant, Link: link.Truncate(minLink)}, nil
	}
	model, err := simulation.ParseLatency(text)
	if err != nil || model == simulation.Constant {
		return Latency{}, wrong("latency", text, "wan, uniform, heavy or a one-way delay", "give --latency wan or --latency 50ms")
	}
	return Latency{Model: model}, nil
}

// ParseAdversaries parses the value of --adversary: name=count, separated by commas. The error is a
// *command.UsageError.
func ParseAdversaries(text string) ([]AdversaryCount, error) {
	var all []AdversaryCount
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, number, ok := strings.Cut(part, "=")
		count, err := strconv.Atoi(number)
		if !ok || err != nil || name == "" {
			return nil, wrong("adversary", text, "name=count, separated by commas", "give --adversary equivocate=10,silent=5")
		}
		if slices.ContainsFunc(all, func(c AdversaryCount) bool { return c.Adversary == name }) {
			return nil, wrong("adversary", text, "each name once", "add the counts of "+name)
		}
		all = append(all, AdversaryCount{Adversary: name, Count: count})
	}
	return all, nil
}

// adversariesText returns the value that ParseAdversaries parses.
func adversariesText(all []AdversaryCount) string {
	parts := make([]string, len(all))
	for i, c := range all {
		parts[i] = fmt.Sprintf("%s=%d", c.Adversary, c.Count)
	}
	return strings.Join(parts, ",")
}

// wrong says what is wrong with a flag: what was expected, and what to do.
func wrong(flag string, got any, expected, try string) error {
	text := fmt.Sprint(got)
	if text == "" {
		text = `""`
	}
	return command.Usage("--%s %s: expected %s; %s", flag, text, expected, try)
}
