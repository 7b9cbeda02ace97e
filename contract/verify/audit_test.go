package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

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

// Each change of a settled epoch that its owner could make is found.
func TestAuditComparesTheRecordWithTheEpoch(t *testing.T) {
	rewarded, empty := core(epochNumber(3), 2, nil), contract.Core{Version: contract.CoreVersion, Description: epochNumber(3).Encode()}
	for name, c := range map[string]struct {
		change func(*contract.Record)
		core   contract.Core
		says   string
	}{
		"another epoch":          {func(r *contract.Record) { r.Epoch = 4 }, rewarded, "expected epoch 3"},
		"another network":        {func(r *contract.Record) { r.Network = "other" }, rewarded, "expected epoch 3"},
		"another description":    {func(r *contract.Record) { r.Description[0] ^= 1 }, rewarded, "expected epoch 3"},
		"other rewards":          {func(r *contract.Record) { r.Rewards[0] ^= 1 }, rewarded, "with rewards"},
		"another submission":     {func(r *contract.Record) { r.Submission[0] ^= 1 }, rewarded, "with submission"},
		"a removed winner":       {func(*contract.Record) {}, empty, "although it has no winner"},
		"a winner of one missed": {func(r *contract.Record) { *r, _ = missed(epochNumber(3)) }, rewarded, "although it has a winner"},
	} {
		r := recordOf(rewarded)
		c.change(&r)
		r.Previous[0] = 1
		_, err := verify.Audit(with(c.core, r.Sign(contracttest.ContractKey())))
		require.ErrorIs(t, err, verify.ErrMismatch, name)
		require.ErrorContains(t, err, c.says, name)
	}
	r := recordOf(rewarded)
	r.Previous[0] = 1
	_, err := verify.Audit(with(rewarded, r.Sign(contracttest.ContractKey())))
	require.NoError(t, err)
	_, err = verify.Audit(with(rewarded, r.Sign(contracttest.Key(1))))
	require.ErrorContains(t, err, "of contract", "a member signs a record")
	r = r.Sign(contracttest.ContractKey())
	r.SettledAt++
	_, err = verify.Audit(with(rewarded, r))
	require.ErrorContains(t, err, "signature")
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
