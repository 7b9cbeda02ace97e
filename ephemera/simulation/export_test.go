package simulation

// Names of the package that its tests use.
const (
	LabelPoison = labelPoison
	LabelSlow   = labelSlow
)

// Shrink is tested directly, because a search only shrinks what it finds.
var Shrink = shrink

// MeasuredCosts is tested directly: only drawn schedules use it.
var MeasuredCosts = measuredCosts
