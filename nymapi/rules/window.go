package rules

import "github.com/ephemera-go/nym-rewarding/contract"

// How long blocks wait after the end of an epoch, as parts of its duration.
const (
	// deadlineParts: a block may lack reports once a quarter of an epoch has passed.
	deadlineParts = 4
	// graceParts: it may lack a report that had arrived by the deadline another tenth later.
	graceParts = 10
	// turnParts: staged submissions follow each other by a twentieth.
	turnParts = 20
)

// Window is the half-open window [Start, End) of an epoch, in contract time.
type Window struct{ Start, End contract.Millis }

// WindowOf returns the window of the epoch that d describes.
func WindowOf(d contract.Description) Window { return Window{Start: d.Start, End: d.End} }

// Deadline returns the moment from which a block may lack reports. A creator makes its block before
// it only if the reports of all members are there.
func (w Window) Deadline() contract.Millis { return w.End + (w.End-w.Start)/deadlineParts }

// Grace returns the moment from which members sign every justified block. From the deadline to this
// moment they sign only a block that includes every report that they held at the deadline.
func (w Window) Grace() contract.Millis { return w.Deadline() + (w.End-w.Start)/graceParts }

// Turn returns when a staged submission is sent that was made at that time and has that place, from
// 0, in the order of the members.
func (w Window) Turn(made contract.Millis, place int) contract.Millis {
	return made + contract.Millis(place)*(w.End-w.Start)/turnParts
}
