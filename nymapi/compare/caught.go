package compare

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// Caught is a Nym-API that was caught in a mode. With a trace, its epochs are the numbers in the
// file.
type Caught struct {
	Mode Mode `json:"mode"`
	contract.Caught
}

// offences collects what Nym-APIs were caught at: how often at each epoch or height.
type offences map[offender]map[int64]int

type offender struct {
	key     keys.Public
	offence contract.Offence
}

// set records an offence that several Nym-APIs may have found.
func (o offences) set(key keys.Public, what contract.Offence, at int64, count int) {
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
			o.set(member, contract.TwoReports, int64(epoch), 1)
		}
	}
	return err
}

// addRefused adds reports that a Nym-API has found not to count. The Nym-API must have stopped.
func (o offences) addRefused(ctx context.Context, dir string, epochs int) error {
	refused, err := service.RefusedReports(ctx, dir)
	for member, numbers := range refused {
		for _, epoch := range numbers {
			if int(epoch) <= epochs {
				o.set(member, contract.RefusedReport, int64(epoch), 1)
			}
		}
	}
	return err
}

// addBlocks adds the equivocations that a store holds.
func (o offences) addBlocks(ctx context.Context, held store.Store) error {
	proofs, err := held.Equivocations(ctx)
	for _, proof := range proofs {
		slot := proof.A.Header.Slot()
		o.set(slot.Creator, contract.TwoBlocks, int64(slot.Height), 1)
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
			o.set(key, contract.RefusedSubmission, int64(i+1), count)
		}
	}
}

// list returns the offences by name.
func (o offences) list(mode Mode, names map[keys.Public]string, name func(epoch int) int64) []Caught {
	all := []Caught{}
	for who, at := range o {
		c := Caught{Mode: mode, Caught: contract.Caught{Name: names[who.key], Offence: who.offence, Epochs: slices.Sorted(maps.Keys(at))}}
		if c.Name == "" {
			c.Name = who.key.Short()
		}
		for i, epoch := range c.Epochs {
			c.Count += at[epoch]
			if who.offence != contract.TwoBlocks {
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
