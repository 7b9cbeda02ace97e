package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/nymapi/holders"
)

// coreOf returns the core of an epoch that Nym-API 2 won, settled by a contract with that key.
func coreOf(t *testing.T, secret keys.Private) []byte {
	d := contracttest.Description(4, 3)
	d.ContractKey = secret.Public()
	s := contracttest.Submission(d, 2)
	v, err := verify.Submission(d, s)
	require.NoError(t, err)
	paid := verify.Values(nil).Fill(d, v.Result)
	receipt := contract.Receipt{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: v.BlockID(),
		Rewards: contract.HashRewards(d.Network, d.Epoch, paid), Submitter: s.Submitter, AcceptedAt: d.End,
	}.Sign(secret)
	c := contract.Core{Version: contract.CoreVersion, Description: d.Encode(), Submission: s.Encode(), Receipt: receipt.Encode(), Rewards: paid}
	c.Record = contract.Record{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Status: contract.StatusRewarded, Rewards: receipt.Rewards,
		Submission: contract.Digest(c.Submission), SettledAt: d.End, Origin: contract.OriginSettlement,
	}.Sign(secret).Encode()
	return c.Encode()
}

// holding serves a core as a Nym-API without a hash table does.
func holding(t *testing.T, core []byte) string {
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/nymapi/epochs/1/bundle" || core == nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(core)
	}))
	t.Cleanup(served.Close)
	return served.URL
}

// fetch runs the command with the trusted group and key.
func fetch(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	key, path := contracttest.ContractKey().Public(), filepath.Join(t.TempDir(), "contract.key")
	require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(key[:])+"\n"), 0o600))
	args = append([]string{"fetch", "--epoch", "1", "--group", contracttest.Group(4).ID().String(), "--contract-key", path}, args...)
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), args, &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

// What is fetched is compared, checked, and written for contract verify.
func TestFetchedEvidenceIsComparedAndChecked(t *testing.T) {
	dir := t.TempDir()
	good, forged := coreOf(t, contracttest.ContractKey()), coreOf(t, contracttest.Key(9))
	first, second, empty, liar := holding(t, good), holding(t, good), holding(t, nil), holding(t, forged)
	members := filepath.Join(dir, "members")
	require.NoError(t, os.WriteFile(members, []byte("# Nym-APIs\n"+second+"\n\n"+empty+"\n"), 0o600))
	out := filepath.Join(dir, "bundles")

	status, text, errs := fetch(t, "--url", first, "--members", members, "--out", out)
	require.Zero(t, status, errs+text)
	require.Contains(t, text, "all 2 that hold it agree")
	require.Contains(t, text, "nothing: it does not hold the epoch")
	require.Contains(t, text, "epoch 1 of "+contracttest.Network+": rewarded")
	kept, err := os.ReadFile(filepath.Join(out, "epoch-1.core"))
	require.NoError(t, err)
	require.Equal(t, good, kept)

	status, text, errs = fetch(t, "--url", first, "--url", liar, "--json")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "checks failed")
	var result struct {
		Agree bool
		Cores []holders.Core
		Found []holders.Found
	}
	require.NoError(t, json.Unmarshal([]byte(text), &result))
	require.False(t, result.Agree)
	require.Len(t, result.Cores, 2)
	require.Len(t, result.Found, 2)

	status, text, errs = fetch(t, "--url", empty)
	require.Equal(t, 1, status)
	require.Contains(t, text, "nobody that was asked holds it")
	require.Contains(t, errs, "no Nym-API that was asked holds the epoch")
	status, _, errs = fetch(t, "--url", holding(t, []byte("hello")), "--out", filepath.Join(dir, "none"))
	require.Equal(t, 1, status)
	require.Contains(t, errs, "checks failed")
	require.NoDirExists(t, filepath.Join(dir, "none"))
}

// A private key is refused, and no part of it is shown. A core that a liar made up, of a contract
// whose seed is the trusted public key, does not hide one that passes.
func TestFetchRefusesAPrivateKey(t *testing.T) {
	dir := t.TempDir()
	private, seed := contracttest.ContractKey(), contracttest.ContractKey().Seed()
	path := filepath.Join(dir, "seed")
	require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(seed[:])+"\n"), 0o600))
	good := holding(t, coreOf(t, private))
	status, out, errs := fetch(t, "--url", good, "--contract-key", path)
	require.Equal(t, 2, status)
	require.Contains(t, errs, "not a public key but a private one")
	require.Contains(t, errs, "contract.key in the folder of a Nym-API")
	for from := 0; from+8 <= 64; from++ {
		require.NotContains(t, out+errs, hex.EncodeToString(seed[:])[from:from+8])
	}

	liar := holding(t, coreOf(t, keys.FromSeed(private.Public())))
	status, out, errs = fetch(t, "--url", liar, "--url", good)
	require.Equal(t, 1, status, errs)
	require.Contains(t, out, "epoch 1 of "+contracttest.Network+": rewarded")
}

// Two cores that pass every check convict the contract, and neither replaces the other.
func TestFetchKeepsBothOfTwoValidCores(t *testing.T) {
	dir := t.TempDir()
	good := coreOf(t, contracttest.ContractKey())
	core, err := contract.DecodeCore(good)
	require.NoError(t, err)
	record, err := contract.DecodeRecord(core.Record)
	require.NoError(t, err)
	receipt, err := contract.DecodeReceipt(core.Receipt)
	require.NoError(t, err)
	record.SettledAt++
	receipt.AcceptedAt++
	core.Record, core.Receipt = record.Sign(contracttest.ContractKey()).Encode(), receipt.Sign(contracttest.ContractKey()).Encode()

	status, text, errs := fetch(t, "--url", holding(t, good), "--url", holding(t, core.Encode()), "--out", dir)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "do not agree")
	require.Contains(t, text, "they do not agree: 2 different cores")
	require.Contains(t, text, "the contract signed two receipts for epoch 1")
	found, err := filepath.Glob(filepath.Join(dir, "epoch-1*.core"))
	require.NoError(t, err)
	require.Len(t, found, 2)
	found, err = filepath.Glob(filepath.Join(dir, "two-receipts-*-epoch-1.evidence"))
	require.NoError(t, err)
	require.Len(t, found, 1)
}

func TestFetchRefusesWrongFlags(t *testing.T) {
	tried := map[string]bool{"json": true, "out": true}
	for _, row := range []struct{ flag, want string }{
		{"--epoch=0", "expected a number from 1"},
		{"--url=127.0.0.1:3100", "is not a URL"},
		{"--members=missing", "no such file"},
		{"--group=missing", "expected the ID of a group"},
		{"--contract-key=x", "--contract-key: "},
		{"--group=", "--group is empty"},
		{"--contract-key=", "--contract-key is empty"},
		{"--group=" + strings.Repeat("0", 64), "all zeros"},
		{"--contract-key=" + strings.Repeat("0", 64), "all zeros"},
		{"--contract-key=" + os.DevNull, "not a regular file"},
		{"--group=" + os.DevNull, "not a regular file"},
		{"--members=" + os.DevNull, "not a regular file"},
	} {
		status, _, errs := fetch(t, "--url=http://127.0.0.1:1", row.flag)
		require.Equal(t, 2, status, row.flag)
		require.Contains(t, errs, row.want)
		name := row.flag[2:bytes.IndexByte([]byte(row.flag), '=')]
		tried[name] = true
	}
	status, _, errs := fetch(t)
	require.Equal(t, 2, status)
	require.Contains(t, errs, "no Nym-API to ask")
	requireAll(t, newFetch(), tried)
}
