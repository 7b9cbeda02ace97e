package scenes

import (
	"errors"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func staleList() Scene {
	return Scene{
		Name: "stale-list", Title: "Observers use a live list, the contract a frozen one", Reports: []string{"ar-io-sdk #717"}, Median: another,
		Happened: text(
			"AR.IO's contract freezes the number of gateways when an epoch begins, while its observers read the live registry. In",
			"epoch 523 a gateway joined. All 50 observers sent results for 645 gateways instead of 644, and the contract refused",
			"every one. A gateway that leaves is worse: results are bits by position, so they can be credited to another gateway",
			"without an error.",
		),
		Teaches: text(
			"Both sides must use the same list. Here the description of an epoch fixes it: Nym-APIs measure the mixnodes of the",
			"description, and a report lists them by name. A report about another list is refused, as it was there, but its values",
			"never count for other mixnodes. The performance contract identifies nodes by number, and takes what fits. More",
			"observers do not help if all of them read the wrong list.",
		),
		Play: playStaleList,
	}
}

// changed is the epoch in which the live list changes.
const changed = 9

// Lines of this scene.
const (
	byPosition = "AR.IO, by position"
	byLength   = "AR.IO, by length"
	liveNames  = "Ephemera, live list"
)

func playStaleList(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	joins, err := playJoin(s)
	if err != nil {
		return nil, err
	}
	leaves, err := playLeave(s)
	return []Act{joins, leaves}, err
}

// playJoin adds a mixnode to the live list.
func playJoin(s stage) (Act, error) {
	v := view{epochs: window{changed, changed}}
	live := names(mixnodes + 1)
	named, err := s.byNames(live, func(row []metrics.Uptime) []metrics.Uptime { return append(slices.Clone(row), metrics.Full) })
	if err != nil {
		return Act{}, err
	}
	own, err := s.byNames(names(mixnodes), slices.Clone[[]metrics.Uptime])
	if err != nil {
		return Act{}, err
	}
	contract, skipped, err := s.byNumber(func(row []metrics.Uptime) []performance.Entry {
		return batch(append(slices.Clone(row), metrics.Full))
	})
	if err != nil {
		return Act{}, err
	}
	length := s.silent(v.epochs, func(int) bool { return len(live) != mixnodes })
	return Act{
		Title: say("A mixnode joins in epoch %d, and observers read the live list", changed), First: changed, Last: changed,
		Lines: []Line{
			length.line(byLength, wayMedian, v), named.line(liveNames, wayMedian, v), contract.line(wayContract, wayContract, v), own.line(wayMedian, wayMedian, v),
		},
		Says: []string{say("The performance contract skips node %d in %d reports, and takes the rest of each.", mixnodes+1, skipped)},
	}, nil
}

// playLeave removes a mixnode from the live list: the last one takes its place.
func playLeave(s stage) (Act, error) {
	gone, last := s.worst(), mixnodes-1
	v := view{over: "both mixnodes", which: []int{gone, last}, epochs: window{changed, changed}}
	without := func(row []metrics.Uptime) []metrics.Uptime { return slices.Delete(slices.Clone(row), gone, gone+1) }
	named, err := s.byNames(slices.Delete(names(mixnodes), gone, gone+1), without)
	if err != nil {
		return Act{}, err
	}
	own, err := s.byNames(names(mixnodes), slices.Clone[[]metrics.Uptime])
	if err != nil {
		return Act{}, err
	}
	contract, _, err := s.byNumber(func(row []metrics.Uptime) []performance.Entry { return slices.Delete(batch(row), gone, gone+1) })
	if err != nil {
		return Act{}, err
	}
	contract = contract.values(v.epochs, upTo(nymAPIs), []int{gone}, absent)
	position := s.with(func(epoch, _ int, row []metrics.Uptime) []metrics.Uptime {
		if epoch == changed {
			row[gone], row[last] = row[last], metrics.Missing
		}
		return row
	})
	return Act{
		Title: say("Mixnode %d, which was down, leaves in epoch %d, and the last of the list takes its place", gone+1, changed), Over: v.over, First: changed, Last: changed,
		Lines: []Line{
			position.line(byPosition, wayMedian, v), named.line(liveNames, wayMedian, v), contract.line(wayContract, wayContract, v), own.line(wayMedian, wayMedian, v),
		},
	}, nil
}

// byNames returns the stage in which the reports on the epoch of the change list these mixnodes:
// if too few of them count, nobody has reported.
func (s stage) byNames(list []metrics.MixID, measure func([]metrics.Uptime) []metrics.Uptime) (stage, error) {
	m, err := newMembers()
	if err != nil {
		return stage{}, err
	}
	d := m.describe(changed)
	var messages []block.Message
	for i, row := range s.reports[changed-1] {
		message, err := m.sign(i+1, d, list, measure(row))
		if err != nil {
			return stage{}, err
		}
		messages = append(messages, message)
	}
	_, refused := m.matrix(d, messages)
	if refused != nil && !errors.Is(refused, verify.ErrTooFewReports) {
		return stage{}, refused
	}
	return s.silent(window{changed, changed}, func(int) bool { return refused != nil }), nil
}

// byNumber returns the stage in which the performance contract takes the reports on the epoch of
// the change, and how many entries it skips.
func (s stage) byNumber(entries func([]metrics.Uptime) []performance.Entry) (stage, int, error) {
	c, err := newContract()
	if err != nil {
		return stage{}, 0, err
	}
	c.Advance(changed)
	skipped, refused := 0, map[int]bool{}
	for i, row := range s.reports[changed-1] {
		done, err := c.Batch(monitor(i+1), changed, entries(row))
		skipped += len(done.NotBonded)
		refused[i+1] = err != nil
	}
	return s.silent(window{changed, changed}, func(i int) bool { return refused[i] }), skipped, nil
}
