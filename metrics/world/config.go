package world

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// ErrConfig reports an invalid configuration.
var ErrConfig = errors.New("bad world")

const (
	// DefaultPackets is the number of packets sent to each mixnode per tick.
	DefaultPackets = 9
	// MaxMixnodes and MaxPackets bound a configuration.
	MaxMixnodes = 100_000
	MaxPackets  = 100_000
	// MaxWindow is the largest number of ticks for which there is a truth.
	MaxWindow = 1 << 24
	// MaxTick is the first tick without samples.
	MaxTick = 1 << 60
)

// Config describes a source. Sources of equal configurations are equal.
type Config struct {
	Seed     uint64 // selects the world
	Mixnodes int    // 1 to MaxMixnodes
	// Packets is the number of packets per tick and mixnode, 1 to MaxPackets. 0 means DefaultPackets.
	// It does not affect the truth.
	Packets int
	Missing float64 // share of the samples that are lost, 0 to 1
}

// Validate returns nil, or an error that wraps [ErrConfig] and says what was expected.
func (c Config) Validate() error {
	switch {
	case c.Mixnodes < 1 || c.Mixnodes > MaxMixnodes:
		return fmt.Errorf("%w: %d mixnodes, expected 1 to %d", ErrConfig, c.Mixnodes, MaxMixnodes)
	case c.Packets < 0 || c.Packets > MaxPackets:
		return fmt.Errorf("%w: %d packets, expected 1 to %d, or 0 for %d", ErrConfig, c.Packets, MaxPackets, DefaultPackets)
	case !(c.Missing >= 0 && c.Missing <= 1): // also NaN
		return fmt.Errorf("%w: missing share %v, expected 0 to 1", ErrConfig, c.Missing)
	}
	return nil
}

// source is what both kinds of source have in common.
type source struct {
	seed     draw.State
	missing  uint64 // as a fraction of one
	mixnodes []metrics.MixID
}

// newSource returns the source of a valid configuration.
func newSource(c Config) source {
	// At least three digits, and as many for every mixnode, so that the names sort like the numbers.
	width := max(3, len(fmt.Sprint(c.Mixnodes)))
	s := source{seed: draw.State(c.Seed), missing: uint64(c.Missing * draw.One), mixnodes: make([]metrics.MixID, c.Mixnodes)}
	for i := range s.mixnodes {
		s.mixnodes[i] = metrics.MixID(fmt.Sprintf("m%0*d", width, i+1))
	}
	return s
}

// Mixnodes returns the names of the mixnodes in strictly ascending order: m001, m002, … The slice
// is shared and must not be modified.
func (s *source) Mixnodes() []metrics.MixID { return s.mixnodes }

// tick returns the state from which everything about one sample is drawn, and false if the sample
// does not exist or is lost.
func (s *source) tick(kind uint64, api, mix int, tick int64) (draw.State, bool) {
	at, ok := s.draw(kind, api, mix, tick)
	return at, ok && !s.lost(at)
}

// draw is tick for samples of which none is lost.
func (s *source) draw(kind uint64, api, mix int, tick int64) (draw.State, bool) {
	if api < 1 || mix < 0 || mix >= len(s.mixnodes) || tick < 0 || tick >= MaxTick {
		return 0, false
	}
	return s.seed.With(kind).With(uint64(api)).With(uint64(mix)).With(uint64(tick)), true
}

// lost reports whether the sample that is drawn from a state is lost.
func (s *source) lost(at draw.State) bool { return at.With(0).Fraction() < s.missing }
