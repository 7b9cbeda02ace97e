package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
)

func TestTwoSavedAnswersProveThatTheContractSignedTwice(t *testing.T) {
	folder := t.TempDir()
	fill(t, filepath.Join(folder, databaseName))
	before, after := filepath.Join(folder, "before.json"), filepath.Join(folder, "after.json")
	_, out, errs := call(t, "inspect", "--db", filepath.Join(folder, databaseName), "--epoch", "2", "--json")
	require.NoError(t, os.WriteFile(before, []byte(out), 0o600), errs)
	var detail contract.EpochDetail
	require.NoError(t, json.Unmarshal([]byte(out), &detail))
	again := *detail.Receipt
	again.Submitter = contracttest.Key(4).Public()
	again = again.Sign(contracttest.ContractKey())
	detail.Receipt = &again
	write(t, after, detail)
	key := contracttest.ContractKey().Public().String()

	status, out, errs := call(t, "compare-receipts", "--key", key, before, after)
	require.Zero(t, status, errs)
	require.Contains(t, out, "signed two receipts for epoch 2")
	status, _, errs = call(t, "compare-receipts", "--key", key, before, before)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "they state the same")
	status, _, _ = call(t, "compare-receipts", "--key", "x", before, after)
	require.Equal(t, 2, status)
	status, _, errs = call(t, "compare-receipts", "--key", key, before)
	require.Equal(t, 2, status)
	require.Contains(t, errs, "1 receipts in 1 files, expected two")

	saved := filepath.Join(folder, "receipt.json") // as GET /contract/epochs/2/receipt answers
	write(t, saved, again)
	status, out, errs = call(t, "compare-receipts", "--key", key, before, saved)
	require.Zero(t, status, errs)
	require.Contains(t, out, "signed two receipts for epoch 2")
}

func write(t *testing.T, path string, content any) {
	t.Helper()
	data, err := json.Marshal(content)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

// A proof of a Nym-API convicts the contract although its database fits, but only that contract.
func TestAuditFailsWithAProofThatTheContractSignedTwice(t *testing.T) {
	folder := t.TempDir()
	db, proof := filepath.Join(folder, databaseName), filepath.Join(folder, "equivocation-epoch-2.json")
	fill(t, db)
	first := contract.Receipt{Network: contracttest.Network, Epoch: 2, AcceptedAt: 5}
	second := first
	second.AcceptedAt++
	write(t, proof, contract.Equivocation{First: first.Sign(contracttest.ContractKey()), Second: second.Sign(contracttest.ContractKey())})

	status, out, errs := call(t, "audit", "--db", db)
	require.Zero(t, status, errs)
	require.NotContains(t, out, "equivocation")
	status, out, errs = call(t, "audit", "--db", db, "--proof", proof)
	require.Equal(t, 1, status)
	require.Contains(t, out, "signed two receipts for epoch 2")
	require.Contains(t, out, "0 failed")
	require.Contains(t, errs, "the contract signed two receipts for one epoch")
	status, out, errs = call(t, "compare-receipts", "--key", contracttest.ContractKey().Public().String(), proof)
	require.Zero(t, status, errs)
	require.Contains(t, out, "signed two receipts for epoch 2")

	for name, useless := range map[string]contract.Equivocation{
		"one is of contract": {First: first.Sign(contracttest.Key(1)), Second: second.Sign(contracttest.Key(1))},
		"state the same":     {First: first.Sign(contracttest.ContractKey()), Second: first.Sign(contracttest.ContractKey())},
		"signature of the":   {First: first.Sign(contracttest.ContractKey()), Second: second},
	} {
		useless.Second.Contract = useless.First.Contract
		write(t, proof, useless)
		status, out, errs = call(t, "audit", "--db", db, "--proof", proof)
		require.Equal(t, 1, status, name)
		require.Contains(t, errs, "--proof: the receipts do not prove that the contract signed twice", name)
		require.Contains(t, errs, name)
		require.NotContains(t, out, "equivocation", name)
	}
	write(t, proof, first)
	status, _, errs = call(t, "audit", "--db", db, "--proof", proof)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "has one receipt, expected two")
}
