package service

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// Every receipt is kept that the contract gives: to the winner, and with the details of an epoch.
// One that it did not sign is not, and the rest of the answer is used.
func TestEveryReceiptOfTheContractIsKept(t *testing.T) {
	d := contracttest.Description(4, 3)
	receipt := contract.Receipt{Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Submitter: contracttest.Key(1).Public(), AcceptedAt: d.End}
	signed := receipt.Sign(contracttest.ContractKey())
	receipt.AcceptedAt++
	later, foreign := receipt.Sign(contracttest.ContractKey()), receipt.Sign(contracttest.Key(1))
	shown := &later
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+contract.PathSubmit, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(signed) })
	mux.HandleFunc("GET "+contract.EpochPath(d.Epoch), func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(contract.EpochDetail{EpochSummary: contract.EpochSummary{ID: d.Epoch}, Description: d, Receipt: shown})
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	asked, err := client.New(server.URL, nil)
	require.NoError(t, err)
	defer asked.Close()
	folder := t.TempDir()
	store, err := rewards.OpenStore(t.Context(), filepath.Join(folder, RewardsFile), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	receipts, err := rewards.NewReceipts(t.Context(), rewards.ReceiptsConfig{
		Network: d.Network, Key: d.ContractKey, Contract: asked, Store: store, Folder: folder, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	w := witness{asked, receipts}

	given, err := w.Submit(t.Context(), contracttest.Submission(d, 1))
	require.NoError(t, err)
	require.Equal(t, signed, given)
	require.Equal(t, rewards.ReceiptCounts{Kept: 1}, receipts.Counts())
	shown = &foreign
	detail, err := w.EpochDetail(t.Context(), d.Epoch)
	require.NoError(t, err)
	require.Equal(t, d.Hash(), detail.Description.Hash())
	require.Equal(t, rewards.ReceiptCounts{Kept: 1}, receipts.Counts())
	shown = &later
	_, err = w.EpochDetail(t.Context(), d.Epoch)
	require.NoError(t, err)
	require.Equal(t, rewards.ReceiptCounts{Kept: 1, Equivocations: 1}, receipts.Counts())
}
