package compare

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// Offence is what a Nym-API was caught at.
type Offence string

// The offences.
const (
	TwoReports        Offence = "two_reports"        // signed, for one epoch
	TwoBlocks         Offence = "two_blocks"         // signed, for one slot
	RefusedSubmission Offence = "refused_submission" // by the contract, as invalid
)

// Caught is a Nym-API that was caught, with evidence that the others or the contract hold.
type Caught struct {
	Mode    Mode    `json:"mode"`
	Name    string  `json:"name"` // of the Nym-API
	Offence Offence `json:"offence"`
	// Epochs are those of the offence in ascending order, with a trace the numbers in the file. For
	// TwoBlocks they are heights of the Nym-API's chain instead.
	Epochs []int64 `json:"epochs"`
	Count  int     `json:"count"` // number of offences, at least that of the epochs
}

// offences collects what Nym-APIs were caught at: how often at each epoch or height.
type offences map[offender]map[int64]int

type offender struct {
	key     keys.Public
	offence Offence
}

// set records an offence that several Nym-APIs may have found.
func (o offences) set(key keys.Public, what Offence, at int64, count int) {
	who := offender{key, what}
	if o[who] == nil {
		o[who] = map[int64]int{}
	}
	o[who][at] = count
}

// addReports adds double reports in a Nym-API's folder. The Nym-API must have stopped.
func (o offences) addReports(ctx context.Context, dir string, epochs int) error {
	double, err := service.DoubleReporters(ctx, dir, contract.Epoch(epochs))
	for epoch, members := range double {
		for _, member := range members {
			o.set(member, TwoReports, int64(epoch), 1)
		}
	}
	return err
}

// addBlocks adds the equivocations that a store holds.
func (o offences) addBlocks(ctx context.Context, held store.Store) error {
	proofs, err := held.Equivocations(ctx)
	for _, proof := range proofs {
		slot := proof.A.Header.Slot()
		o.set(slot.Creator, TwoBlocks, int64(slot.Height), 1)
	}
	return err
}

// addSubmissions adds what the contract refused of members.
func (o offences) addSubmissions(records []Record, names map[keys.Public]string) {
	for i, record := range records {
		refused := map[keys.Public]int{}
		for _, attempt := range record.Detail.Attempts {
			if _, member := names[attempt.Submitter]; member && attempt.Verdict == contract.VerdictInvalid {
				refused[attempt.Submitter]++
			}
		}
		for key, count := range refused {
			o.set(key, RefusedSubmission, int64(i+1), count)
		}
	}
}

// list returns the offences by name.
func (o offences) list(mode Mode, names map[keys.Public]string, name func(epoch int) int64) []Caught {
	all := []Caught{}
	for who, at := range o {
		c := Caught{Mode: mode, Name: names[who.key], Offence: who.offence, Epochs: slices.Sorted(maps.Keys(at))}
		if c.Name == "" {
			c.Name = who.key.Short()
		}
		for i, epoch := range c.Epochs {
			c.Count += at[epoch]
			if who.offence != TwoBlocks {
				c.Epochs[i] = name(int(epoch))
			}
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Caught) int {
		return cmp.Or(contract.CompareNames(a.Name, b.Name), strings.Compare(string(a.Offence), string(b.Offence)))
	})
	return all
}

// Sentence says who was caught at what, such as "nymapi-1 signed two reports in epochs 1 to 5".
func (c Caught) Sentence() string {
	switch c.Offence {
	case TwoReports:
		return fmt.Sprintf("%s signed two reports in %s", c.Name, ranges("epoch", c.Epochs))
	case TwoBlocks:
		return fmt.Sprintf("%s signed two blocks at %s of its chain", c.Name, ranges("height", c.Epochs))
	default:
		times := "once"
		if c.Count > 1 {
			times = fmt.Sprintf("%d times", c.Count)
		}
		return fmt.Sprintf("%s submitted what the contract refused, %s, in %s", c.Name, times, ranges("epoch", c.Epochs))
	}
}

// ranges lists ascending numbers, at least one, with three or more consecutive ones as a range.
func ranges(what string, numbers []int64) string {
	var parts []string
	for i := 0; i < len(numbers); {
		end := i
		for end+1 < len(numbers) && numbers[end+1] == numbers[end]+1 {
			end++
		}
		if end-i >= 2 {
			parts = append(parts, fmt.Sprintf("%d to %d", numbers[i], numbers[end]))
		} else {
			end = i
			parts = append(parts, strconv.FormatInt(numbers[i], 10))
		}
		i = end + 1
	}
	if len(numbers) > 1 {
		what += "s"
	}
	return what + " " + strings.Join(parts, ", ")
}
