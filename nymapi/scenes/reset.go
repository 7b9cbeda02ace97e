package scenes

import (
	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func reset() Scene {
	return Scene{
		Name: "reset", Title: "A monitor loses its database", Reports: []string{"nym #7035"}, Median: another,
		Happened: text(
			"Nym's API identified a measurement by its submitter and the number that the submitter's database gave it. When the",
			"database of a submitter was reset, its numbers began at 1 again, and new measurements were dropped as duplicates.",
			"Since the fix, a measurement is identified by node, time and submitter.",
		),
		Teaches: text(
			"The identity of a measurement must not depend on the memory of the party that makes it. Here a report carries the hash",
			"of the epoch's description, which the contract makes, so it counts once for each member, for this epoch and no other.",
			"The cursor of the performance contract, an epoch and a node, works as well. The median makes no difference: one update",
			"may reset all databases.",
		),
		Play: playReset,
	}
}

// lastBefore is the last epoch before the databases are reset.
const lastBefore = 8

func playReset(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	v := view{epochs: window{lastBefore + 1, 2 * lastBefore}}
	here, replays, err := byDescription(s)
	if err != nil {
		return nil, err
	}
	cursor, err := byCursor(s)
	if err != nil {
		return nil, err
	}
	counter := byIdentity(s, func(epoch, j int) int {
		if epoch > lastBefore {
			epoch -= lastBefore
		}
		return (epoch-1)*mixnodes + j + 1
	})
	time := byIdentity(s, func(epoch, j int) int { return (epoch-1)*mixnodes + j })
	act := Act{
		Title: say("All databases are reset after epoch %d, and numbers begin again", lastBefore),
		First: v.epochs.first, Last: v.epochs.last,
		Lines: []Line{
			counter.line("Nym-API 1, by number", wayAlone, v), time.line("Nym-API 1, by time", wayAlone, v),
			cursor.line(wayContract, wayContract, v), here.line(wayMedian, wayMedian, v),
		},
		Says: []string{say("When the report on epoch 1 is sent again in each of the %d later epochs, %d of these copies count here.", epochs-1, replays)},
	}
	return []Act{act}, nil
}

// byIdentity keeps the measurements whose identity at their Nym-API is new.
func byIdentity(s stage, identity func(epoch, mixnode int) int) stage {
	known := make([]map[int]bool, nymAPIs)
	for i := range known {
		known[i] = map[int]bool{}
	}
	return s.with(func(epoch, i int, row []metrics.Uptime) []metrics.Uptime {
		kept := false
		for j := range row {
			id := identity(epoch, j)
			if known[i-1][id] {
				row[j] = metrics.Missing
				continue
			}
			known[i-1][id], kept = true, true
		}
		if !kept {
			return nil
		}
		return row
	})
}

// byDescription keeps the reports that count by the rule of each epoch's description. It also
// returns how many copies of the report of Nym-API 1 on epoch 1 count in later epochs.
func byDescription(s stage) (kept stage, replays int, err error) {
	m, err := newMembers()
	if err != nil {
		return stage{}, 0, err
	}
	var old verify.Reading
	kept = s.with(func(epoch, i int, row []metrics.Uptime) []metrics.Uptime {
		d := m.describe(epoch)
		message, signErr := m.sign(i, d, d.Mixnodes, row)
		reading, readErr := verify.Read(message)
		if err = firstOf(err, signErr, readErr); err != nil {
			return nil
		}
		rule := verify.NewRule(d)
		if i == 1 && epoch == 1 {
			old = reading
		} else if i == 1 && rule.Counts(old) {
			replays++
		}
		if !rule.Counts(reading) {
			return nil
		}
		return row
	})
	return kept, replays, err
}

// byCursor keeps the reports that the performance contract takes.
func byCursor(s stage) (stage, error) {
	c, err := newContract()
	if err != nil {
		return stage{}, err
	}
	current := 1
	return s.with(func(epoch, i int, row []metrics.Uptime) []metrics.Uptime {
		c.Advance(uint32(epoch - current))
		current = epoch
		if _, refused := c.Batch(monitor(i), performance.EpochID(epoch-1), batch(row)); refused != nil {
			return nil
		}
		return row
	}), nil
}

// firstOf returns the first error that is not nil.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
