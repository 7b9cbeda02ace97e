package check

import (
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Checks of what was computed and paid.

// column returns the values about a mixnode in ascending order.
func column(m metrics.Matrix, j int) []metrics.Uptime {
	values := make([]metrics.Uptime, 0, len(m.Rows))
	for _, row := range m.Rows {
		if v := row.Values[j]; v != metrics.Missing {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return values
}

func coverage(e *epoch) Finding {
	covered := 0
	for j, id := range e.matrix.Mixnodes {
		values := len(column(e.matrix, j))
		enough := values >= int(e.d.Rules.Coverage)
		switch {
		case values != int(e.claimed.Reports[j]):
			return fail("mixnode %s: submitted with %s, the block has %d", id, count(int(e.claimed.Reports[j]), "value"), values)
		case enough != (e.claimed.Values[j] != metrics.Missing):
			return fail("mixnode %s: submitted %s from %s, %d needed", id, show(e.claimed.Values[j]), count(values, "value"), e.d.Rules.Coverage)
		case enough:
			covered++
		}
	}
	return pass("%d of %d mixnodes have at least %d values", covered, len(e.matrix.Mixnodes), e.d.Rules.Coverage)
}

func columns(e *epoch) Finding {
	if e.recomputed == nil {
		_, err := verify.Result(e.matrix, e.d)
		return cannot("%v", err)
	}
	if j := differs(e.claimed.Values, e.recomputed.Values); j >= 0 {
		return fail("mixnode %s: submitted %s, the reports give %s", e.claimed.Mixnodes[j], show(e.claimed.Values[j]), show(e.recomputed.Values[j]))
	}
	return pass("%d of %d recomputed by %s as submitted", len(e.claimed.Values), len(e.claimed.Values), e.d.Rules.Estimator)
}

// differs returns the first place in which lists of the same length differ, -1 if they are equal.
func differs(a, b []metrics.Uptime) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

func show(u metrics.Uptime) string {
	if u == metrics.Missing {
		return "no value"
	}
	return u.String()
}

// payment compares what the contract stored with what was submitted. What it pays without a new
// uptime is up to the check "carried".
func payment(e *epoch) Finding {
	if err := verify.Payment(e.d, e.claimed, e.core.Rewards); err != nil {
		return fail("%s", strings.TrimPrefix(err.Error(), "rewards: "))
	}
	paid := 0
	for _, r := range e.core.Rewards {
		if fresh(r) {
			paid++
		}
	}
	return pass("%s paid as submitted", count(paid, "new uptime"))
}

// carried compares old values that are paid with the epochs that they come from.
func carried(e *epoch) Finding {
	old, unpaid := 0, 0
	for i, r := range e.core.Rewards {
		switch {
		case i >= len(e.claimed.Values) || e.claimed.Values[i] != metrics.Missing:
			continue
		case r.CarriedFrom == 0:
			unpaid++
		default:
			old++
			if f := e.carriedValue(r); f.Outcome != "" {
				return f
			}
		}
	}
	if old == 0 && unpaid == 0 {
		return pass("every mixnode has a new uptime")
	}
	for before := e.oldest(); before < e.d.Epoch; before++ {
		if _, given := e.results[before]; !given {
			return needs("bundle of epoch "+before.String(), "%d carried, %d unpaid: whether epoch %d had newer uptimes is not known", old, unpaid, before)
		}
	}
	return e.newest(old, unpaid)
}

// carriedValue compares one old value with the result of the epoch that it comes from.
func (e *epoch) carriedValue(r contract.Reward) Finding {
	result, given := e.results[r.CarriedFrom]
	if !given {
		return needs("bundle of epoch "+r.CarriedFrom.String(), "mixnode %s is paid %s of epoch %d, which was not given", r.Mixnode, show(r.Value), r.CarriedFrom)
	}
	measured := metrics.Missing
	if at, ok := slices.BinarySearch(result.Mixnodes, r.Mixnode); ok {
		measured = result.Values[at]
	}
	if measured != r.Value {
		return fail("mixnode %s is paid %s of epoch %d, which measured %s", r.Mixnode, show(r.Value), r.CarriedFrom, show(measured))
	}
	return Finding{}
}

// oldest returns the first epoch whose values can be carried.
func (e *epoch) oldest() contract.Epoch {
	return contract.Epoch(max(int64(e.d.Epoch)-int64(e.d.Rules.CarryLimit), 1))
}

// newest fills the gaps of the result from all epochs within the carry limit, as the contract did.
func (e *epoch) newest(old, unpaid int) Finding {
	values := verify.Values{}
	for before := e.oldest(); before < e.d.Epoch; before++ {
		values.Learn(before, e.results[before])
	}
	for i, expected := range values.Fill(e.d, e.claimed) {
		if got := e.core.Rewards[i]; expected.CarriedFrom != got.CarriedFrom || expected.Value != got.Value && !fresh(expected) {
			return fail("mixnode %s is paid %s of epoch %d, expected %s of epoch %d", got.Mixnode, show(got.Value), got.CarriedFrom, show(expected.Value), expected.CarriedFrom)
		}
	}
	return pass("%d carried from the newest epoch, %d unpaid", old, unpaid)
}

// bound checks, without any estimator, that what is paid lies between honest reports.
func bound(e *epoch) Finding {
	f, promised := e.d.Group.F(), e.promisesBound()
	inside, outside := 0, 0
	for j, id := range e.matrix.Mixnodes {
		values := column(e.matrix, j)
		if j >= len(e.core.Rewards) || !fresh(e.core.Rewards[j]) || len(values) < metrics.Coverage(f) {
			continue
		}
		paid, low, high := e.core.Rewards[j].Value, values[f], values[len(values)-1-f]
		switch {
		case paid >= low && paid <= high:
			inside++
		case promised:
			return fail("mixnode %s is paid %s, outside of %s to %s, the %s smallest and largest report", id, show(paid), show(low), show(high), ordinal(f+1))
		default:
			outside++
		}
	}
	if outside > 0 {
		return warn("%s promises none: %d of %d paid are outside the %s smallest and largest", e.d.Rules.Estimator, outside, inside+outside, ordinal(f+1))
	}
	return pass("%d paid within the %s smallest and largest report", inside, ordinal(f+1))
}

// promisesBound reports whether the estimator stays within the bound. An unknown one promises
// nothing.
func (e *epoch) promisesBound() bool {
	estimator, err := e.d.Estimator()
	return err == nil && metrics.Bounded(estimator, e.d.Group.F())
}
