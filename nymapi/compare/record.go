package compare

import (
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Mode is a way to reward: with one Nym-API, with many and Ephemera, or with many that submit to
// Nym's performance contract.
type Mode string

// The modes in the order in which they are shown.
const (
	Single      Mode = "single"
	Ephemera    Mode = "ephemera"
	Performance Mode = "performance-contract"
)

// Short returns the name of the mode in tables and sentences.
func (m Mode) Short() string {
	if m == Performance {
		return "performance"
	}
	return string(m)
}

// Modes returns the modes of the run, in the order in which they are shown.
func (p *Plan) Modes() []Mode {
	if p.Performance {
		return []Mode{Single, Ephemera, Performance}
	}
	return []Mode{Single, Ephemera}
}

// Record is a contract's record of one settled epoch.
type Record struct {
	Detail contract.EpochDetail
	// Matrix holds the reports of a certified block of the epoch: the winner's block, or the first
	// that a Nym-API holds if the winner submitted none. It is nil without a certified block.
	Matrix *metrics.Matrix
	blocks blockRange // what the certified blocks that a Nym-API holds would have paid
}

// acceptedAfter returns the time from the end of the epoch to the acceptance of its winner, and
// false for a missed epoch.
func (r Record) acceptedAfter() (time.Duration, bool) {
	if r.Detail.Status != contract.StatusRewarded || r.Detail.Winner == nil {
		return 0, false
	}
	return r.Detail.Winner.AcceptedAt.Sub(r.Detail.End), true
}

// Outcome is the outcome of one mode.
type Outcome struct {
	Mode    Mode
	Records []Record // of the settled epochs 1, 2, … in order
	// SentBytes is the number of bytes that the running Nym-APIs sent until Ended epochs had ended:
	// frames of Ephemera and bodies of HTTP requests.
	SentBytes uint64
	Names     map[keys.Public]string // of the members
	Caught    []Caught
	// Verification is what the checks of the evidence found, nil if no epoch is settled.
	Verification *Verification
	Running      int // number of started Nym-APIs
	Ended        int // number of ended epochs
}

// paid returns what mixnodes are paid.
func (o Outcome) paid() payments {
	paid := make(payments, len(o.Records))
	for i, record := range o.Records {
		if record.Detail.Status == contract.StatusRewarded {
			paid[i] = record.Detail.Result
		}
	}
	return paid
}

// attempts counts the stored submissions with that verdict.
func (o Outcome) attempts(verdict contract.Verdict) int {
	count := 0
	for _, record := range o.Records {
		for _, attempt := range record.Detail.Attempts {
			if attempt.Verdict == verdict {
				count++
			}
		}
	}
	return count
}

// submissions counts what Nym-APIs submitted: accepted, late and refused. In mode Performance these
// are batches.
func (o Outcome) submissions() (accepted, late, refused int) {
	late, refused = o.attempts(contract.VerdictLate), o.attempts(contract.VerdictInvalid)
	if o.Mode != Performance {
		return o.attempts(contract.VerdictAccepted), late, refused
	}
	for _, record := range o.Records {
		accepted += record.Detail.Batches
	}
	return accepted, late, refused
}

// toContract returns how many transactions Nym-APIs sent to the contract, and their bytes, accepted
// or not. Those that the contract only counts have no size here.
func (o Outcome) toContract() (transactions int, bytes int64) {
	for _, record := range o.Records {
		d := record.Detail
		transactions, bytes = transactions+d.Batches+d.AttemptsDropped, bytes+d.BatchBytes
		for _, attempt := range d.Attempts {
			if o.Mode != Performance || attempt.Verdict != contract.VerdictAccepted { // the contract's own
				transactions, bytes = transactions+1, bytes+int64(attempt.Bytes)
			}
		}
	}
	return transactions, bytes
}

// winners returns the number of epochs that each Nym-API won, by name.
func (o Outcome) winners() map[string]int {
	won := map[string]int{}
	for _, record := range o.Records {
		if w := record.Detail.Winner; w != nil {
			name := w.Name
			if name == "" {
				name = w.Key.Short()
			}
			won[name]++
		}
	}
	return won
}

// acceptTimes returns the times to acceptance of the rewarded epochs in milliseconds, in ascending
// order.
func (o Outcome) acceptTimes() []int64 {
	var times []int64
	for _, record := range o.Records {
		if after, ok := record.acceptedAfter(); ok {
			times = append(times, after.Milliseconds())
		}
	}
	slices.Sort(times)
	return times
}

// bytesPerNodeEpoch returns the mean over Nym-APIs and epochs, nil if no epoch ended.
func (o Outcome) bytesPerNodeEpoch() *int64 {
	if o.Running == 0 || o.Ended == 0 {
		return nil
	}
	mean := int64(o.SentBytes) / int64(o.Running*o.Ended)
	return &mean
}
