package epoch

import (
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// offsetSamples is the number of recent responses from which the offset is estimated: few, so that
// it follows drifting clocks.
const offsetSamples = 8

// offset estimates the contract's clock from responses that carry its time. The contract wrote a
// response between the moment when the request was sent and the moment when the response arrived,
// so the middle is wrong by at most half the round trip. The response with the shortest round trip
// is the most accurate one (the clock filter of NTP, RFC 5905 section 10, without its statistics).
type offset struct{ samples []offsetSample }

type offsetSample struct {
	trip time.Duration   // from request to response
	zero contract.Millis // contract time at elapsed 0
}

// add adds a response. Sent and received are the times elapsed on the program's own clock when the
// request was sent and when the response arrived.
func (o *offset) add(sent, received time.Duration, server contract.Millis) {
	middle := sent + (received-sent)/2
	o.samples = append(o.samples, offsetSample{trip: received - sent, zero: server - contract.Millis(middle.Milliseconds())})
	if len(o.samples) > offsetSamples {
		o.samples = o.samples[1:]
	}
}

// at returns the contract's time, and false before the first response.
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
