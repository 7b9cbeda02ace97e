package epoch

import (
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// offsetSamples is how many of the last answers of the contract the offset is taken from: few, so
// that drifting clocks are followed.
const offsetSamples = 8

// offset estimates the contract's clock from answers that carry its time. An answer was written
// between the moment when the question left and the moment when it arrived, so the middle is wrong
// by half the round trip at most: the quickest answer knows best (the clock filter of NTP, RFC 5905
// section 10, without its statistics).
type offset struct{ samples []offsetSample }

type offsetSample struct {
	trip time.Duration   // from question to answer
	zero contract.Millis // contract time at elapsed 0
}

// add takes an answer that was asked for and had arrived when so much time had elapsed on the
// program's own clock.
func (o *offset) add(sent, received time.Duration, server contract.Millis) {
	middle := sent + (received-sent)/2
	o.samples = append(o.samples, offsetSample{trip: received - sent, zero: server - contract.Millis(middle.Milliseconds())})
	if len(o.samples) > offsetSamples {
		o.samples = o.samples[1:]
	}
}

// at returns the contract's time, and false while nothing is known.
func (o *offset) at(elapsed time.Duration) (contract.Millis, bool) {
	if len(o.samples) == 0 {
		return 0, false
	}
	best := o.samples[0]
	for _, s := range o.samples[1:] {
		if s.trip <= best.trip {
			best = s
		}
	}
	return best.zero.Add(elapsed), true
}
