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
	data, err := json.Marshal(detail)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(after, data, 0o600))
	key := contracttest.ContractKey().Public().String()

	status, out, errs := call(t, "compare-receipts", "--key", key, before, after)
	require.Zero(t, status, errs)
	require.Contains(t, out, "signed two receipts for epoch 2")
	status, _, errs = call(t, "compare-receipts", "--key", key, before, before)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "they state the same")
	status, _, _ = call(t, "compare-receipts", "--key", "x", before, after)
	require.Equal(t, 2, status)
}
