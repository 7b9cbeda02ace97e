package verify_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// audits gives an auditor one epoch after the other, with the records that the contract signs.
type audits struct {
	auditor verify.Auditor
	last    contract.Record
}

// rewarded audits a core as the next epoch.
func (a *audits) rewarded(c contract.Core) error { return a.next(recordOf(c), c) }

// next audits a core with another record.
func (a *audits) next(r contract.Record, c contract.Core) error {
	if a.last.Epoch != 0 {
		r.Previous = a.last.Hash()
	}
	a.last = r.Sign(contracttest.ContractKey())
	_, err := a.auditor.Next(with(c, a.last))
	return err
}

func with(c contract.Core, r contract.Record) contract.Core {
	c.Record = r.Encode()
	return c
}

// recordOf returns the record of a rewarded epoch, without previous record and signature.
func recordOf(b contract.Core) contract.Record {
	d, err := contract.DecodeDescription(b.Description)
	if err != nil {
		panic(err)
	}
	return contract.Record{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Status: contract.StatusRewarded,
		Rewards: contract.HashRewards(d.Network, d.Epoch, b.Rewards), Submission: contract.Digest(b.Submission), SettledAt: d.End, Origin: contract.OriginSettlement,
	}
}

func missed(d contract.Description) (contract.Record, contract.Core) {
	r := contract.Record{Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Status: contract.StatusMissed, Reason: "nobody submitted", SettledAt: d.End, Origin: contract.OriginSettlement}
	return r, contract.Core{Version: contract.CoreVersion, Description: d.Encode()}
}

func epochNumber(number contract.Epoch) contract.Description {
	d := contracttest.Description(4, 2)
	d.Epoch, d.Start, d.End = number, d.Start+contract.Millis(number)*1000, d.End+contract.Millis(number)*1000
	return d
}

// Each change of a settled epoch that its owner could make without the contract's key is found, and
// so is each signature by another key.
func TestAuditorChecksTheChainOfRecords(t *testing.T) {
	first := core(epochNumber(1), 1, nil)
	second, secondCore := missed(epochNumber(2))
	third := core(epochNumber(3), 2, nil)
	chain := func() *audits {
		var a audits
		require.NoError(t, a.rewarded(first))
		require.NoError(t, a.next(second, secondCore))
		return &a
	}
	require.NoError(t, chain().rewarded(third))

	for name, c := range map[string]struct {
		change func(*contract.Record)
		core   contract.Core
		says   string
	}{
		"a removed epoch":        {func(r *contract.Record) { r.Epoch = 4 }, third, "epochs were removed"},
		"another network":        {func(r *contract.Record) { r.Network = "other" }, third, `in network "other"`},
		"another description":    {func(r *contract.Record) { r.Description[0] ^= 1 }, third, "expected epoch 3"},
		"other rewards":          {func(r *contract.Record) { r.Rewards[0] ^= 1 }, third, "with rewards"},
		"another submission":     {func(r *contract.Record) { r.Submission[0] ^= 1 }, third, "with submission"},
		"a removed winner":       {func(*contract.Record) {}, secondCore, "although it has no winner"},
		"a winner of one missed": {func(r *contract.Record) { *r, _ = missed(epochNumber(3)) }, third, "although it has a winner"},
		"rewards of one missed": {func(r *contract.Record) {
			*r, _ = missed(epochNumber(3))
			r.Rewards[0] = 1
		}, contract.Core{Version: contract.CoreVersion, Description: epochNumber(3).Encode()}, "with rewards"},
	} {
		r := recordOf(third)
		c.change(&r)
		err := chain().next(r, c.core)
		require.ErrorIs(t, err, verify.ErrMismatch, name)
		require.ErrorContains(t, err, c.says, name)
	}

	forged := recordOf(third)
	a := chain()
	forged.Previous = a.last.Hash()
	_, err := a.auditor.Next(with(third, forged.Sign(contracttest.Key(1))))
	require.ErrorContains(t, err, "of contract", "a member signs a record")
	a = chain()
	forged = forged.Sign(contracttest.ContractKey())
	forged.SettledAt++
	_, err = a.auditor.Next(with(third, forged))
	require.ErrorContains(t, err, "bad signature")
	a = chain()
	cut := forged
	cut.Previous[0] ^= 1
	_, err = a.auditor.Next(with(third, cut.Sign(contracttest.ContractKey())))
	require.ErrorContains(t, err, "it follows record")
	_, err = new(verify.Auditor).Next(with(third, cut.Sign(contracttest.ContractKey())))
	require.ErrorContains(t, err, "expected 1", "the beginning was removed")
}

// A description states the chain and the history of the epochs before it, of any that were settled
// since the description before.
func TestAuditorChecksTheStatesOfDescriptions(t *testing.T) {
	run := func(change func(*contract.State)) (errs [4]error) {
		var a audits
		states := []contract.State{{}}
		for number := contract.Epoch(1); number <= 4; number++ {
			d := epochNumber(number)
			d.State = states[max(0, int(number)-2)] // the epoch before is still open
			if number == 4 {
				d.State.History = slices.Clone(d.State.History)
				change(&d.State)
			}
			b := core(d, 1, nil)
			errs[number-1] = a.rewarded(b)
			matrix, _, err := verify.Matrix(contracttest.Evidence(d, 1).Block, d)
			require.NoError(t, err)
			states = append(states, states[number-1].After(a.last, d, matrix))
		}
		return errs
	}
	require.Equal(t, [4]error{}, run(func(*contract.State) {}))
	for name, c := range map[string]struct {
		change func(*contract.State)
		says   string
	}{
		"another record":       {func(s *contract.State) { s.Record[0] ^= 1 }, "it names record"},
		"a forged weight":      {func(s *contract.State) { s.History[2].Squared++ }, "description: deviation"},
		"an omitted reporter":  {func(s *contract.State) { s.History = s.History[1:] }, "a history of 3 reporters"},
		"an invented reporter": {func(s *contract.State) { s.History[0].Reporter[0] ^= 1 }, "description: "},
		"an older state":       {func(s *contract.State) { *s = contract.State{} }, "what was settled up to epoch 0, expected epoch 1..3"},
		"a later number":       {func(s *contract.State) { s.Settled = 3 }, "it names record"},
	} {
		errs := run(c.change)
		require.Equal(t, [3]error{}, [3]error(errs[:3]), name)
		require.ErrorIs(t, errs[3], verify.ErrMismatch, name)
		require.ErrorContains(t, errs[3], c.says, name)
	}
}

// The result under wmedian takes its weights from the description.
func TestResultUsesTheHistoryOfTheDescription(t *testing.T) {
	d := epochNumber(2)
	d.Rules.Estimator = metrics.WeightedByHistory().Name()
	messages := contracttest.Messages(d, 1, 2, 3)
	odd := contracttest.Report(d, 4)
	odd.Values[0] = 0
	b := contracttest.Block(d, 1, append(messages, contracttest.Message(d, 4, odd)))
	matrix, _, err := verify.Matrix(b, d)
	require.NoError(t, err)
	alike, err := verify.Result(matrix, d)
	require.NoError(t, err)
	require.Equal(t, metrics.Uptime(9015), alike.Values[0], "between the middle two of 0, 9010, 9020 and 9030")

	d.State = contract.State{Settled: 1, Record: contract.Hash{1}}
	for _, member := range d.Group.Members() {
		squared := int64(10_000)
		if member == contracttest.Key(4).Public() {
			squared = metrics.MaxDeviation
		}
		d.State.History = append(d.State.History, contract.Deviation{Reporter: member, Squared: squared})
	}
	weighted, err := verify.Result(matrix, d)
	require.NoError(t, err)
	require.Equal(t, metrics.Uptime(9020), weighted.Values[0], "the middle one of the others")
}
