package main

import (
	"context"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/ledger"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
)

// The target for an epoch of ten Nym-APIs and 240 mixnodes with nine late submissions is 34 ms:
// five minutes for a year of hours.
func BenchmarkAuditOfAnEpoch(b *testing.B) {
	const epochs = 16
	path := filepath.Join(b.TempDir(), databaseName)
	fillBusy(b, path, epochs)
	for b.Loop() {
		if err := audit(b.Context(), path, nil, io.Discard, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*epochs), "ms/epoch")
	b.ReportMetric(float64(b.Elapsed().Seconds())/float64(b.N*epochs)*8760, "s/year")
}

// fillBusy creates a database of epochs of which all ten members submitted.
func fillBusy(b *testing.B, path string, epochs contract.Epoch) {
	ctx := context.Background()
	s, err := store.Open(ctx, path, store.Owner{Network: contracttest.Network, Key: contracttest.ContractKey()}, 1, nil)
	require.NoError(b, err)
	for i, p := range contracttest.Peers(10) {
		require.NoError(b, s.PutMember(ctx, store.Member{Peer: p, Counter: uint64(i)}, 5))
	}
	require.NoError(b, s.PutGroup(ctx, contracttest.Group(10), 6))
	for epoch := contract.Epoch(1); epoch <= epochs; epoch++ {
		d := contracttest.Description(10, 240)
		shift := contract.Millis(epoch-1) * 1000
		d.Epoch, d.Start, d.End = epoch, d.Start+shift, d.End+shift
		d.State, err = s.State(ctx)
		require.NoError(b, err)
		require.NoError(b, s.BeginEpoch(ctx, ledger.Entry{ID: epoch, Start: d.Start, End: d.End, Close: d.End + 3000}, d))
		submission := contracttest.Submission(d, 1)
		v, err := verify.Submission(d, submission)
		require.NoError(b, err)
		require.NoError(b, s.Settle(ctx, d, d.End+9, func(values verify.Values) store.Settlement {
			rewards := values.Fill(d, v.Result)
			receipt := contract.Receipt{
				Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: v.BlockID(), Rewards: contract.HashRewards(d.Network, d.Epoch, rewards),
				Submitter: submission.Submitter, AcceptedAt: d.End + 9,
			}.Sign(contracttest.ContractKey())
			return store.Settlement{
				Block: v.BlockID(), Matrix: v.Matrix, Reporters: v.Reporters, Signers: v.Signers, Rewards: rewards, Receipt: receipt, Submission: submission.Encode(),
			}
		}))
		for creator := 2; creator <= 10; creator++ {
			late := contracttest.Submission(d, creator)
			require.NoError(b, s.PutLate(ctx, d, v.Result, store.Attempt{
				Epoch: epoch, Submitter: late.Submitter, At: d.End + 20, Verdict: contract.VerdictLate, Type: contract.Decided.Type(), Submission: late.Encode(),
			}))
		}
		all, err := s.Collect(ctx, epoch)
		require.NoError(b, err)
		annex, err := all.Seal(all.Core, d.End+3000, contracttest.ContractKey())
		require.NoError(b, err)
		require.NoError(b, s.PutAnnex(ctx, annex))
	}
	require.NoError(b, s.Close())
}
