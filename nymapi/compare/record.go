package compare

import (
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Mode is a way to reward: one Nym-API, or many with Ephemera.
type Mode string

// The modes, in the order in which they are shown.
const (
	Single   Mode = "single"
	Ephemera Mode = "ephemera"
)

// Record is what a contract says about one settled epoch.
type Record struct {
	Detail contract.EpochDetail
	// Matrix holds the reports of a certified block of the epoch: the winner's, or where the winner
	// showed none the first that a Nym-API holds. Nil when there is none.
	Matrix *metrics.Matrix
}

// acceptedAfter returns the time from the end of the epoch to the acceptance of its winner, false
// for a missed one.
func (r Record) acceptedAfter() (time.Duration, bool) {
	if r.Detail.Status != contract.StatusRewarded || r.Detail.Winner == nil {
		return 0, false
	}
	return r.Detail.Winner.AcceptedAt.Sub(r.Detail.End), true
}

// Outcome is what became of one mode.
type Outcome struct {
	Mode    Mode
	Records []Record // of the settled epochs 1, 2, …, in order
	// SentBytes is what the running Nym-APIs sent while Ended epochs ended: frames of Ephemera and
	// bodies of HTTP requests.
	SentBytes uint64
	Running   int // Nym-APIs that were started
	Ended     int // epochs that had ended when SentBytes was read
}

// paid returns what mixnodes are paid.
func (o Outcome) paid() payments {
	paid := make(payments, len(o.Records))
	for i, record := range o.Records {
		if record.Detail.Status == contract.StatusRewarded {
			paid[i] = paidValues(record.Detail.Result)
		}
	}
	return paid
}

// attempts counts the stored submissions with a verdict.
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

// winners counts the epochs that each Nym-API won, by name.
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

// acceptTimes returns the times to acceptance of the rewarded epochs in milliseconds, ascending.
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

// bytesPerNodeEpoch returns the mean over Nym-APIs and epochs, nil when nothing ran.
func (o Outcome) bytesPerNodeEpoch() *int64 {
	if o.Running == 0 || o.Ended == 0 {
		return nil
	}
	mean := int64(o.SentBytes) / int64(o.Running*o.Ended)
	return &mean
}
