package server

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"path/filepath"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/ledger"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// ErrConfig reports a configuration that a contract cannot run with.
var ErrConfig = errors.New("invalid configuration")

// DefaultNetwork is the network of a contract whose configuration does not name one.
const DefaultNetwork = "nym-rewarding"

// defaultMemory is how much memory a contract may use at least, if its configuration does not say.
const defaultMemory = 256 << 20

// Advance says when the next epoch begins.
type Advance = ledger.Advance

// The next epoch begins when one ends, or when one is decided.
const (
	Fixed       = ledger.Fixed
	WhenDecided = ledger.WhenDecided
)

// Config describes a contract. A field without a default must be set. The rules apply to epochs
// that begin from now on; an epoch that has begun keeps its description.
type Config struct {
	Database string // file, in a folder that exists
	// KeyFile holds the contract's key. The first start creates it; default: contract.key next to the
	// database.
	KeyFile string

	Listen   string       // address, default 127.0.0.1:0: a free port
	Listener net.Listener // used instead of Listen, and closed in the end
	// Hosts are further names under which callers address the contract, without ports. Requests with
	// another Host header than these, localhost or an IP address are refused, except probes.
	Hosts []string

	// Proxies are believed when they say in X-Forwarded-For whose request they pass on.
	Proxies webserver.Proxies

	Network string // default: DefaultNetwork
	// Limits are those of the group; default: membership.DefaultLimits, or more if the reports of all
	// members need more.
	Limits membership.Limits

	// Members are the members of a group that is closed from the start. Without them, Nym-APIs enrol
	// with Token until Expected of them have done so.
	Members  []membership.Peer
	Expected int
	Token    string // empty: none is needed

	// Epoch 1 begins at FirstEpoch, or FirstEpochDelay after the group is closed if that is zero.
	FirstEpoch      time.Time
	FirstEpochDelay time.Duration

	EpochDuration time.Duration // whole milliseconds
	AcceptEpochs  int           // how many durations an epoch stays open after its end; default: 3
	Advance       Advance       // default: Fixed

	Mixnodes   []metrics.MixID // strictly ascending
	Estimator  metrics.Estimator
	CarryLimit int           // epochs over which an old value replaces a missing one, 0: none
	Mode       contract.Mode // default: contract.ModeFull
	Authorised string        // only member that may submit in ModeSingle; default: the first by name

	// MemoryBytes is how much memory callers may make the contract use; default: 256 MiB, or more if
	// the submissions of all members need more. A quarter of it is for bodies and answers.
	MemoryBytes int64

	Version string           // of the program, in the OpenAPI document; default: "unknown"
	Logger  *slog.Logger     // default: none
	Now     func() time.Time // default: time.Now
}

// Validate returns an error if a contract cannot run with c. It wraps ErrConfig and says what was
// expected.
func (c Config) Validate() error {
	c = c.withDefaults()
	expected := c.expected()
	switch {
	case c.Database == "":
		return fmt.Errorf("%w: no file for the database", ErrConfig)
	case expected < 1 || expected > membership.MaxMembers:
		return fmt.Errorf("%w: %d members expected, a group has 1 to %d", ErrConfig, expected, membership.MaxMembers)
	case len(c.Members) > 0 && c.Expected != 0 && c.Expected != len(c.Members):
		return fmt.Errorf("%w: %d members expected, %d given", ErrConfig, c.Expected, len(c.Members))
	case c.Estimator == nil:
		return fmt.Errorf("%w: no estimator", ErrConfig)
	case c.CarryLimit < 0 || c.CarryLimit > contract.MaxCarry:
		return fmt.Errorf("%w: values carried over %d epochs, expected 0..%d", ErrConfig, c.CarryLimit, contract.MaxCarry)
	case !c.Mode.Valid():
		return fmt.Errorf("%w: mode %q, expected %s, %s, %s or %s",
			ErrConfig, c.Mode, contract.ModeFull, contract.ModeSingle, contract.ModeNone, contract.ModePerformance)
	case c.MemoryBytes < c.leastMemory():
		return fmt.Errorf("%w: %d bytes of memory, the submissions of %d members need at least %d", ErrConfig, c.MemoryBytes, expected, c.leastMemory())
	case c.FirstEpochDelay < 0 || c.FirstEpochDelay > 366*24*time.Hour:
		return fmt.Errorf("%w: the first epoch begins in %s, expected 0 up to a year", ErrConfig, c.FirstEpochDelay)
	}
	if err := membership.CheckNetwork(c.Network); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	for _, name := range c.Hosts {
		if err := webserver.CheckHost(name); err != nil {
			return fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	if err := c.schedule().Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if _, err := metrics.NewMatrix(c.Mixnodes, nil); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if err := c.validateReports(); err != nil {
		return err
	}
	return c.validateGroup()
}

// validateReports returns an error if a report about all mixnodes, or the reports of all members,
// exceed the group's limits.
func (c Config) validateReports() error {
	report, all := c.reportBytes()
	switch {
	case report > int64(c.Limits.PayloadBytes):
		return fmt.Errorf("%w: a report about %d mixnodes may have %d bytes, the group's limit for a message is %d", ErrConfig, len(c.Mixnodes), report, c.Limits.PayloadBytes)
	case all > int64(c.Limits.BlockBytes):
		return fmt.Errorf("%w: the reports of %d members may have %d bytes, the group's limit for a block is %d", ErrConfig, c.expected(), all, c.Limits.BlockBytes)
	case c.expected() > int(c.Limits.BlockMessages):
		return fmt.Errorf("%w: %d members, the group's limit for a block is %d messages", ErrConfig, c.expected(), c.Limits.BlockMessages)
	}
	return nil
}

// validateGroup returns an error if the given members, or any that enrol, cannot make a group with
// the limits.
func (c Config) validateGroup() error {
	members := []keys.Public{{2}} // any key that is not of small order
	names := map[string]bool{}
	if len(c.Members) > 0 {
		members = nil
	}
	for _, peer := range c.Members {
		if err := contract.CheckName(peer.Name); err != nil {
			return fmt.Errorf("%w: %w", ErrConfig, err)
		}
		if names[peer.Name] {
			return fmt.Errorf("%w: two members are called %s", ErrConfig, peer.Name)
		}
		names[peer.Name] = true
		members = append(members, peer.Key)
	}
	if _, err := membership.NewGroup(c.Network, 1, members, c.Limits); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

// reportBytes returns the largest size of a report, and of the messages with the reports of all
// members.
func (c Config) reportBytes() (report, all int64) {
	const (
		frame   = 64  // array heads and description of a report
		value   = 5   // head of a name, and an uptime
		message = 512 // what a message adds to its payload, at most
	)
	report = frame
	for _, id := range c.Mixnodes {
		report += int64(len(id) + value)
	}
	return report, int64(c.expected()) * (report + message)
}

// leastMemory returns the MemoryBytes with which two members may submit the largest body at once,
// or all of them the usual one, from one address.
func (c Config) leastMemory() int64 {
	_, reports := c.reportBytes()
	return memoryShare * max(2*webserver.LeastMemory(int64(c.Limits.BlockBytes)), int64(c.expected())*webserver.LeastMemory(reports))
}

// memoryShare is the part of MemoryBytes that bodies and answers may have. The rest is for
// connections, for requests that are decoded, and for the garbage of all this.
const memoryShare = 4

// limits returns the default limits for the mixnodes and members of c.
func (c Config) limits() membership.Limits {
	l := membership.DefaultLimits()
	report, all := c.reportBytes()
	// A second report of every member, or garbage of the same size, still fits. NewGroup refuses
	// limits that are too large.
	l.PayloadBytes = uint32(min(math.MaxUint32, max(int64(l.PayloadBytes), 2*report)))
	l.BlockBytes = uint32(min(math.MaxUint32, max(int64(l.BlockBytes), 2*all)))
	return l
}

func (c Config) schedule() ledger.Schedule {
	return ledger.Schedule{Duration: c.EpochDuration, AcceptEpochs: c.AcceptEpochs, Advance: c.Advance}
}

func (c Config) expected() int {
	if len(c.Members) > 0 {
		return len(c.Members)
	}
	return c.Expected
}

func (c Config) withDefaults() Config {
	if c.KeyFile == "" {
		c.KeyFile = filepath.Join(filepath.Dir(c.Database), "contract.key")
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Network == "" {
		c.Network = DefaultNetwork
	}
	if c.Limits == (membership.Limits{}) {
		c.Limits = c.limits()
	}
	if c.AcceptEpochs == 0 {
		c.AcceptEpochs = 3
	}
	if c.MemoryBytes == 0 {
		c.MemoryBytes = max(defaultMemory, c.leastMemory())
	}
	if c.Advance == "" {
		c.Advance = Fixed
	}
	if c.Mode == "" {
		c.Mode = contract.ModeFull
	}
	if c.Version == "" {
		c.Version = "unknown"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
