package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
)

// Only two signed and different receipts of one contract for one epoch prove that it signed twice.
func TestOnlyTwoReceiptsForOneEpochProveEquivocation(t *testing.T) {
	key := contracttest.ContractKey()
	first := contract.Receipt{Network: contracttest.Network, Epoch: 3, Submitter: contracttest.Key(1).Public(), AcceptedAt: 5}
	change := func(f func(*contract.Receipt)) contract.Receipt {
		r := first
		f(&r)
		return r.Sign(key)
	}
	signed := first.Sign(key)
	for name, other := range map[string]contract.Receipt{
		"winner":  change(func(r *contract.Receipt) { r.Submitter = contracttest.Key(2).Public() }),
		"block":   change(func(r *contract.Receipt) { r.Block[0] = 1 }),
		"rewards": change(func(r *contract.Receipt) { r.Rewards[0] = 1 }),
		"time":    change(func(r *contract.Receipt) { r.AcceptedAt++ }),
	} {
		require.NoError(t, verify.Equivocation(key.Public(), signed, other), name)
		require.NoError(t, verify.Equivocation(key.Public(), other, signed), name)
		require.ErrorIs(t, verify.Equivocation(contracttest.Key(1).Public(), signed, other), verify.ErrNoEquivocation)
	}
	forged := change(func(r *contract.Receipt) { r.AcceptedAt++ })
	forged.AcceptedAt++
	resigned := signed
	resigned.Signature[0] ^= 1
	for name, other := range map[string]contract.Receipt{
		"the same":         signed,
		"another epoch":    change(func(r *contract.Receipt) { r.Epoch++ }),
		"another network":  change(func(r *contract.Receipt) { r.Network = "other" }),
		"another contract": first.Sign(contracttest.Key(1)),
		"forged":           forged,
		"not signed":       resigned,
	} {
		require.ErrorIs(t, verify.Equivocation(key.Public(), signed, other), verify.ErrNoEquivocation, name)
		require.ErrorIs(t, verify.Equivocation(key.Public(), other, signed), verify.ErrNoEquivocation, name)
	}
}
