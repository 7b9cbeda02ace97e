package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Summary is the content of summary.json. Errors are in points of 0..100. Missing values are null.
type Summary struct {
	Seed    uint64         `json:"seed"`
	Flags   map[string]any `json:"flags"` // every flag with its value
	Version string         `json:"version"`
	// Truth says against what errors are measured, and TruthOther what rmse_other and bias_other are
	// against. Both are empty without a truth.
	Truth       string        `json:"truth"`
	TruthOther  string        `json:"truth_other"`
	CommonCells int           `json:"common_cells"` // number of cells that all modes paid
	Modes       []ModeSummary `json:"modes"`
	Missed      []Missed      `json:"missed"`
	Caught      []Caught      `json:"caught"`
}

// ModeSummary is the row of one mode.
type ModeSummary struct {
	Mode     Mode `json:"mode"`
	Epochs   int  `json:"epochs"` // settled
	Rewarded int  `json:"rewarded"`

	Quality

	AcceptMSP50 *int64 `json:"accept_ms_p50"` // from the end of an epoch to its winner, nearest rank
	AcceptMSMax *int64 `json:"accept_ms_max"`

	SubmissionsAccepted int `json:"submissions_accepted"`
	SubmissionsLate     int `json:"submissions_late"`
	SubmissionsRefused  int `json:"submissions_refused"`

	// Transactions and ContractBytes are what Nym-APIs sent to the contract in all settled epochs.
	Transactions  int   `json:"transactions"`
	ContractBytes int64 `json:"contract_bytes"`

	BytesPerNodeEpoch *int64         `json:"bytes_per_node_epoch"` // sent
	Winners           map[string]int `json:"winners"`              // number of epochs by name

	Verification *Verification `json:"verification"` // of the evidence, null if no epoch is settled

	*SingleSummary   // nil except in the single mode
	*EphemeraSummary // nil except in the ephemera mode
}

// SingleSummary shows how much the single mode depends on the choice of the Nym-API.
type SingleSummary struct {
	RMSEBest   *float64 `json:"rmse_best"` // over all Nym-APIs, each as if it were the only one
	RMSEMedian *float64 `json:"rmse_median"`
	RMSEWorst  *float64 `json:"rmse_worst"`
	// RMSESameProbes is that of the single Nym-API if it sent as many packets as all together.
	RMSESameProbes *float64 `json:"rmse_same_probes"`

	Alone      []AloneSummary `json:"alone"` // best first; without those that paid nothing
	SameProbes *Quality       `json:"same_probes"`
}

// AloneSummary is what one Nym-API would have paid as the only one.
type AloneSummary struct {
	NymAPI int `json:"nymapi"` // its number
	Quality
}

// EphemeraSummary shows the results of all estimators on the same certified matrices.
type EphemeraSummary struct {
	Estimators []EstimatorSummary `json:"estimators"`
	// BlockSpread is the largest difference, in points, between what the certified blocks of an epoch
	// would have paid a mixnode, and null without a block. Spreads has it for each settled epoch.
	// They are about all certified blocks, also those that were not submitted.
	BlockSpread *float64      `json:"block_spread"`
	Spreads     []EpochSpread `json:"spreads"`
}

// EstimatorSummary is the result of one estimator.
type EstimatorSummary struct {
	Name string `json:"name"`
	Quality
}

// Missed is a missed epoch.
type Missed struct {
	Mode   Mode   `json:"mode"`
	Epoch  int64  `json:"epoch"` // with a trace, the number in the file
	Reason string `json:"reason"`

	explained bool
}

// NewSummary scores the outcome of each mode against the truth. It is a pure function.
func NewSummary(p *Plan, version string, outcomes []Outcome) Summary {
	s := Summary{Seed: p.Seed, Flags: p.flags(), Version: version, Modes: []ModeSummary{}, Missed: []Missed{}, Caught: []Caught{}}
	s.Truth, s.TruthOther = p.input.truths()
	common := p.common(outcomes)
	s.CommonCells = common.size()
	for _, o := range outcomes {
		s.Modes = append(s.Modes, p.summarise(o, common))
		s.Caught = append(s.Caught, o.Caught...)
		for i, record := range o.Records {
			if record.Detail.Status == contract.StatusMissed {
				s.Missed = append(s.Missed, p.missed(o.Mode, i+1, record))
			}
		}
	}
	return s
}

// Explained reports whether the flags explain every missed epoch: too many Nym-APIs are offline or
// silent.
func (s Summary) Explained() bool {
	for _, m := range s.Missed {
		if !m.explained {
			return false
		}
	}
	return true
}

// Verified reports whether no check of the evidence failed.
func (s Summary) Verified() bool {
	for _, m := range s.Modes {
		if v := m.Verification; v != nil && v.Failed > 0 {
			return false
		}
	}
	return true
}

// common returns the cells that every mode paid.
func (p *Plan) common(outcomes []Outcome) cellSet {
	all := make([]payments, len(outcomes))
	for i, o := range outcomes {
		all[i] = o.paid()
	}
	return paidByAll(len(p.input.mixnodes()), all)
}

func (p *Plan) summarise(o Outcome, common cellSet) ModeSummary {
	times := o.acceptTimes()
	accepted, late, refused := o.submissions()
	m := ModeSummary{
		Mode: o.Mode, Epochs: len(o.Records), Rewarded: len(times), Quality: p.quality(o.paid(), common),
		AcceptMSP50: percentile(times, 0.5), AcceptMSMax: percentile(times, 1),
		SubmissionsAccepted: accepted, SubmissionsLate: late, SubmissionsRefused: refused,
		BytesPerNodeEpoch: o.bytesPerNodeEpoch(), Winners: o.winners(), Verification: o.Verification,
	}
	m.Transactions, m.ContractBytes = o.toContract()
	switch o.Mode {
	case Single:
		m.SingleSummary = p.single(len(o.Records), common)
	case Ephemera:
		m.EphemeraSummary = &EphemeraSummary{Estimators: p.estimators(o.Records, common)}
		m.Spreads, m.BlockSpread = p.spreads(o.Records)
	}
	return m
}

func (p *Plan) single(epochs int, common cellSet) *SingleSummary {
	s := &SingleSummary{Alone: []AloneSummary{}, SameProbes: p.sameProbes(epochs, common)}
	if s.SameProbes != nil {
		s.RMSESameProbes = s.SameProbes.RMSE
	}
	if all := p.everybodyAlone(epochs, common); len(all) > 0 {
		s.Alone = all
		s.RMSEBest, s.RMSEMedian, s.RMSEWorst = all[0].RMSE, s.median().RMSE, all[len(all)-1].RMSE
	}
	return s
}

// median returns the middle of Alone, which has at least one element.
func (s *SingleSummary) median() Quality {
	sorted := make([]Quality, len(s.Alone))
	for i, one := range s.Alone {
		sorted[i] = one.Quality
	}
	return middle(sorted)
}

func (p *Plan) estimators(records []Record, common cellSet) []EstimatorSummary {
	estimators := metrics.Estimators()
	if !slices.ContainsFunc(estimators, func(e metrics.Estimator) bool { return e.Name() == p.Estimator }) {
		if e, err := metrics.ParseEstimator(p.Estimator); err == nil {
			estimators = append(estimators, e) // trimmed(k)
		}
	}
	var lines []EstimatorSummary
	for _, e := range estimators {
		lines = append(lines, EstimatorSummary{Name: e.Name(), Quality: p.quality(estimated(records, e, p.F()), common)})
	}
	return lines
}

// missed returns why an epoch was missed, according to the flags and to the contract.
func (p *Plan) missed(mode Mode, epoch int, record Record) Missed {
	m := Missed{Mode: mode, Epoch: p.input.name(epoch), Reason: record.Detail.Reason}
	var why string
	switch {
	case mode == Single && p.roles.isOffline(p.Single):
		why = fmt.Sprintf("Nym-API %d, the only one that may submit, is offline", p.Single)
	case mode == Ephemera && p.silent() > p.F():
		why = fmt.Sprintf("%d of %d Nym-APIs are offline or silent, more than f = %d: no block can hold the reports of n-f = %d",
			p.silent(), p.Nodes, p.F(), quorum.Correct(p.Nodes))
	}
	m.explained = why != ""
	m.Reason = strings.TrimSuffix(strings.Join(append(nonEmpty(why), nonEmpty(m.Reason)...), "; "), ".")
	return m
}

// flags returns every flag with its value.
func (p *Plan) flags() map[string]any {
	list := func(names []string) []string { return append([]string{}, names...) }
	return map[string]any{
		"nodes": p.Nodes, "mixnodes": p.Mixnodes, "epochs": p.Epochs, "epoch": p.Epoch.String(), "ticks": p.Ticks,
		"estimator": p.Estimator, "seed": p.Seed, "source": p.Source, "missing": p.Missing, "submit": p.Submit,
		"verify": p.Verify, "performance-contract": p.Performance, "lie": p.Lie, "single": p.Single,
		"liars": len(p.roles.liars), "liars-at": append([]int{}, p.roles.liars...),
		"offline": len(p.roles.offline), "offline-at": append([]int{}, p.roles.offline...),
		"trace": p.Trace, "observers": list(p.Observers), "truth": list(p.Truth), "truth-by": p.TruthBy,
	}
}
