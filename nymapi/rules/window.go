package rules

import "github.com/ephemera-go/nym-rewarding/contract"

// Times after the end of an epoch, as fractions of its duration.
const (
	// A block may lack reports after a quarter of an epoch.
	deadlineParts = 4
	// It may lack a report that had arrived by the deadline after another tenth.
	graceParts = 10
	// Staged submissions are sent a twentieth apart.
	turnParts = 20
)

// Window is the half-open window [Start, End) of an epoch, in contract time.
type Window struct{ Start, End contract.Millis }

// WindowOf returns the window of the epoch that d describes.
func WindowOf(d contract.Description) Window { return Window{Start: d.Start, End: d.End} }

// Deadline returns the moment from which a block may lack reports. Before it a creator makes its
// block only if the reports of all members have arrived.
func (w Window) Deadline() contract.Millis { return w.End + (w.End-w.Start)/deadlineParts }

// Grace returns the moment from which members sign every valid block. Between the deadline and this
// moment a member signs only a block that includes every report that it held at the deadline.
func (w Window) Grace() contract.Millis { return w.Deadline() + (w.End-w.Start)/graceParts }

// Turn returns when a staged submission is sent. Made is when it was created, and place the place
// of the member in the order of submissions, from 0.
func (w Window) Turn(made contract.Millis, place int) contract.Millis {
	return made + contract.Millis(place)*(w.End-w.Start)/turnParts
}
