package contract

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// EpochMatrix is the response of GET /contract/epochs/{id}/matrix: what the reports in the winner's
// block say, and what was paid.
type EpochMatrix struct {
	Epoch    Epoch           `json:"epoch"`
	Mixnodes []metrics.MixID `json:"mixnodes"` // the columns, in byte order
	// Rows are the reports, in the order of the Nym-APIs' numbers. Without Ephemera, Rows is empty.
	Rows []MatrixRow `json:"rows"`
	// Percent and CarriedFrom are what the mixnodes were paid, as many as there are columns. Percent
	// is nil for nothing. CarriedFrom is the epoch in which an old value was measured, 0 for a new
	// one.
	Percent     []*float64 `json:"percent"`
	CarriedFrom []Epoch    `json:"carried_from"`
	Coverage    Coverage   `json:"coverage"`
	// Submissions is the number of submissions, the winner's and late ones, that verified, and
	// SubmittedSpread the largest difference between what two of them would have paid a mixnode, in
	// points. Blocks that were certified but not submitted are not in it.
	Submissions     int     `json:"submissions"`
	SubmittedSpread float64 `json:"submitted_spread"`
}

// MatrixRow is what one Nym-API reported.
type MatrixRow struct {
	NymAPI  string      `json:"nymapi"` // its name, or the key without one
	Key     keys.Public `json:"key"`
	Percent []*float64  `json:"percent"` // as many as there are columns, nil for no value
}

// Coverage counts the mixnodes of an epoch by what was paid.
type Coverage struct {
	Cells   int `json:"cells"`   // all
	Fresh   int `json:"fresh"`   // a new value
	Carried int `json:"carried"` // an old value
	Unpaid  int `json:"unpaid"`  // nothing
}

// Reporters is the response of GET /contract/reporters.
type Reporters struct {
	Reporters []ReporterTotal `json:"reporters"` // in the order of their numbers
	Caught    []Caught        `json:"caught"`    // in all epochs, by name and offence
}

// ReporterTotal is how far the reports of a Nym-API were from the results of all epochs.
type ReporterTotal struct {
	NymAPI    string   `db:"nymapi" json:"nymapi"` // its name, or the key without one
	Epochs    int      `db:"epochs" json:"epochs"`
	Cells     int      `db:"cells" json:"cells"`                 // reported values
	Missing   int      `db:"missing" json:"missing"`             // gaps in reports
	Mean      *float64 `db:"mean_distance" json:"mean_distance"` // points; nil without a new uptime
	RMS       *float64 `db:"rms_distance" json:"rms_distance"`   // points; nil without a new uptime
	Deviation int64    `db:"v" json:"v"`                         // in the history: see State
	Caught    int      `db:"caught" json:"caught"`               // number of offences
}

// MixnodeReports is the response of GET /contract/mixnodes/{id}: what was reported about a mixnode
// in rewarded epochs.
type MixnodeReports struct {
	Mixnode metrics.MixID  `json:"mixnode"`
	Epochs  []MixnodeEpoch `json:"epochs"` // newest first
	// Next is the number from which older epochs continue, 0 if there are no older ones.
	Next Epoch `json:"next"`
}

// MixnodeEpoch is what was reported about a mixnode in one epoch.
type MixnodeEpoch struct {
	Epoch Epoch `json:"epoch"`
	// Percent is what the mixnode was paid, nil for nothing. CarriedFrom is the epoch in which an old
	// value was measured, 0 for a new one.
	Percent     *float64   `json:"percent"`
	CarriedFrom Epoch      `json:"carried_from"`
	Reports     []Reported `json:"reports"` // in the order of the Nym-APIs' numbers
	// Estimates are what the estimators would have paid for these reports. Without reports, it is
	// empty.
	Estimates []Estimate `json:"estimates"`
}

// Reported is what a Nym-API reported about a mixnode.
type Reported struct {
	NymAPI  string   `json:"nymapi"`  // its name, or the key without one
	Percent *float64 `json:"percent"` // nil for no value
}

// Estimate is what an estimator would have paid a mixnode.
type Estimate struct {
	Estimator string `json:"estimator"`
	// Percent is nil if the contract would have carried an old value, because there are too few
	// reports.
	Percent *float64 `json:"percent"`
}

// Percent returns an uptime as JSON shows it to people: percent with at most two decimals, nil for
// metrics.Missing.
func Percent(u metrics.Uptime) *float64 {
	points, ok := u.Points()
	if !ok {
		return nil
	}
	return &points
}
