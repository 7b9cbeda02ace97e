package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
)

// audits gives an auditor one epoch after the other, with the records that the contract signs.
type audits struct {
	auditor verify.Auditor
	last    contract.Record
}

// rewarded audits a bundle as the next epoch.
func (a *audits) rewarded(b contract.Bundle) error {
	r := recordOf(b)
	return a.next(r, b)
}

func (a *audits) next(r contract.Record, b contract.Bundle) error {
	if a.last.Epoch != 0 {
		r.Previous = a.last.Hash()
	}
	a.last = r.Sign(contracttest.ContractKey())
	_, err := a.auditor.Next(a.last, b)
	return err
}

// recordOf returns the record of a rewarded epoch, without previous record and signature.
func recordOf(b contract.Bundle) contract.Record {
	d, err := contract.DecodeDescription(b.Description)
	if err != nil {
		panic(err)
	}
	return contract.Record{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Status: contract.StatusRewarded,
		Rewards: contract.HashRewards(d.Network, d.Epoch, b.Rewards), Submission: contract.Digest(b.Submission), SettledAt: d.End, Origin: contract.OriginSettlement,
	}
}

func missed(d contract.Description) (contract.Record, contract.Bundle) {
	r := contract.Record{Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Status: contract.StatusMissed, Reason: "nobody submitted", SettledAt: d.End, Origin: contract.OriginSettlement}
	return r, contract.Bundle{Description: d.Encode()}
}

func epochNumber(number contract.Epoch) contract.Description {
	d := contracttest.Description(4, 2)
	d.Epoch, d.Start, d.End = number, d.Start+contract.Millis(number)*1000, d.End+contract.Millis(number)*1000
	return d
}

// Each change of a settled epoch that its owner could make without the contract's key is found, and
// so is each signature by another key.
func TestAuditorChecksTheChainOfRecords(t *testing.T) {
	first := bundle(epochNumber(1), 1, nil)
	second, secondBundle := missed(epochNumber(2))
	third := bundle(epochNumber(3), 2, nil)
	chain := func() *audits {
		var a audits
		require.NoError(t, a.rewarded(first))
		require.NoError(t, a.next(second, secondBundle))
		return &a
	}
	require.NoError(t, chain().rewarded(third))

	for name, c := range map[string]struct {
		change func(*contract.Record)
		bundle contract.Bundle
		says   string
	}{
		"a removed epoch":        {func(r *contract.Record) { r.Epoch = 4 }, third, "epochs were removed"},
		"another network":        {func(r *contract.Record) { r.Network = "other" }, third, `in network "other"`},
		"another description":    {func(r *contract.Record) { r.Description[0] ^= 1 }, third, "expected epoch 3"},
		"other rewards":          {func(r *contract.Record) { r.Rewards[0] ^= 1 }, third, "with rewards"},
		"another submission":     {func(r *contract.Record) { r.Submission[0] ^= 1 }, third, "with submission"},
		"a removed winner":       {func(*contract.Record) {}, secondBundle, "although it has no winner"},
		"a winner of one missed": {func(r *contract.Record) { *r, _ = missed(epochNumber(3)) }, third, "although it has a winner"},
		"rewards of one missed": {func(r *contract.Record) {
			*r, _ = missed(epochNumber(3))
			r.Rewards[0] = 1
		}, contract.Bundle{Description: epochNumber(3).Encode()}, "with rewards"},
	} {
		r := recordOf(third)
		c.change(&r)
		err := chain().next(r, c.bundle)
		require.ErrorIs(t, err, verify.ErrMismatch, name)
		require.ErrorContains(t, err, c.says, name)
	}

	forged := recordOf(third)
	a := chain()
	forged.Previous = a.last.Hash()
	_, err := a.auditor.Next(forged.Sign(contracttest.Key(1)), third)
	require.ErrorContains(t, err, "of contract", "a member signs a record")
	a = chain()
	forged = forged.Sign(contracttest.ContractKey())
	forged.SettledAt++
	_, err = a.auditor.Next(forged, third)
	require.ErrorContains(t, err, "bad signature")
	a = chain()
	cut := forged
	cut.Previous[0] ^= 1
	_, err = a.auditor.Next(cut.Sign(contracttest.ContractKey()), third)
	require.ErrorContains(t, err, "it follows record")
	_, err = new(verify.Auditor).Next(cut.Sign(contracttest.ContractKey()), third)
	require.ErrorContains(t, err, "expected 1", "the beginning was removed")
}
