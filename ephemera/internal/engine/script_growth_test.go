package engine_test

import (
	"github.com/cockroachdb/datadriven"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
)

// rate reads the rate of chains.
func (s *script) rate(d *datadriven.TestData) broadcast.Rate {
	return broadcast.Rate{PerSecond: int64(s.number(d, "rate", 0)), Burst: int64(s.number(d, "burst", 0))}
}

// disk node=3 free=50: members have this much space left; the thresholds are 100 and 10
func (s *script) disk(d *datadriven.TestData) {
	for _, place := range s.list(d, "node") {
		s.step(place, engine.Space{Free: int64(s.number(d, "free", 0)), Low: 100, Critical: 10})
	}
}
