package scenes

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func verifier() Scene {
	return Scene{
		Name: "verifier", Title: "A new verifier pays otherwise than the old rule", Reports: []string{"helium #337"}, Median: another,
		Happened: text(
			"Helium moved the computation of rewards from its chain to an oracle, the verifier. The verifier computed the shares of",
			"witnesses otherwise than the rule that it replaced, and nothing compared the two. A user found the difference.",
		),
		Teaches: text(
			"If only one program knows the rule, the rule changes with the program. Here the description of an epoch names the",
			"estimator and its version before anything is measured, and n-f members sign its hash with their reports. A program",
			"with another version refuses to compute, and anyone can recompute the result from the signed reports. In the",
			"performance contract, anyone can recompute the median from the stored values until the admin removes them. The word of",
			"a single Nym-API cannot be checked at all.",
		),
		Play: playVerifier,
	}
}

func playVerifier(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	victims := s.good(mixnodes / 10)
	w := during()
	lied := s.values(w, upTo(faulty()), victims, zero)
	v := view{over: say("the %d victims", len(victims)), which: victims, epochs: w}
	act := Act{
		Title: say("Nym-APIs 1 to %d report 0 for %d good mixnodes, and a new program takes the mean", faulty(), len(victims)), Over: v.over, First: w.first, Last: w.last,
		Lines: []Line{lied.line("Median, as described", wayMedian, v), lied.line("Mean, unannounced", wayMean, v)},
	}
	act.Table, act.Says, err = lied.recompute(w.first)
	return []Act{act}, err
}

// recompute compares what the mean pays in an epoch with what the evidence of each way yields.
func (s stage) recompute(epoch int) (*Table, []string, error) {
	m, err := newMembers()
	if err != nil {
		return nil, nil, err
	}
	d := m.describe(epoch)
	var messages []block.Message
	for i, row := range s.reports[epoch-1] {
		message, err := m.sign(i+1, d, d.Mixnodes, row)
		if err != nil {
			return nil, nil, err
		}
		messages = append(messages, message)
	}
	matrix, err := m.matrix(d, messages)
	if err != nil {
		return nil, nil, err
	}
	described, err := verify.Result(matrix, d)
	if err != nil {
		return nil, nil, err
	}
	paid := metrics.Apply(matrix, estimator("mean"), faulty())
	kept, removed, err := s.recomputeContract(epoch, paid)
	if err != nil {
		return nil, nil, err
	}
	table := &Table{Head: []string{"evidence", "mixnodes whose payment it proves wrong"}, Rows: [][]string{
		{wayAlone, "none: nothing can be recomputed"},
		{wayContract, say("%d of %d", kept, mixnodes)},
		{wayContract + ", epoch removed", say("%d of %d", removed, mixnodes)},
		{wayMedian, say("%d of %d", differing(described.Values, paid.Values), mixnodes)},
	}}
	return table, []string{refusal(matrix, d)}, nil
}

// recomputeContract counts the mixnodes whose stored values yield another payment, before and after
// the admin removes the epoch.
func (s stage) recomputeContract(epoch int, paid metrics.Result) (kept, removed int, err error) {
	c, err := newContract()
	if err != nil {
		return 0, 0, err
	}
	number := performance.EpochID(epoch)
	c.Advance(uint32(epoch))
	for i, row := range s.reports[epoch-1] {
		if _, err := c.Batch(monitor(i+1), number, batch(row)); err != nil {
			return 0, 0, err
		}
	}
	count := func() int {
		different := 0
		for j := range mixnodes {
			bundle, found := c.Bundle(number, performance.NodeID(j+1))
			if found && bundle.Medians()[performance.Liveness] != performance.PercentOf(paid.Values[j]) {
				different++
			}
		}
		return different
	}
	kept = count()
	if err := c.RemoveEpoch(admin, number); err != nil {
		return 0, 0, err
	}
	return kept, count(), nil
}

func differing(a, b []metrics.Uptime) int {
	different := 0
	for j := range a {
		if a[j] != b[j] {
			different++
		}
	}
	return different
}

// refusal says what a program does whose median is another version than that of the description.
func refusal(matrix metrics.Matrix, d contract.Description) string {
	d.Rules.Version++
	_, err := verify.Result(matrix, d)
	return fmt.Sprintf("A program with another version of the median refuses to compute: %v.", err)
}
