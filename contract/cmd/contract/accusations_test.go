package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	accusation "github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// groupFiles writes the group of four Nym-APIs in each form, and returns the paths.
func groupFiles(t *testing.T, folder string) map[string]string {
	group := contracttest.Group(4)
	info := contract.PeerInfo{
		Network: group.Network(), Group: group.ID(), Number: group.Number(), Limits: contract.LimitsOf(group.Limits()), N: 4, F: 1, Q: 3, Expected: 4,
	}
	for _, p := range contracttest.Peers(4) {
		info.Members = append(info.Members, contract.Member{Name: p.Name, Key: p.Key, PeerID: p.Key.PeerID(), Addresses: p.Addresses})
	}
	paths := map[string]string{}
	put := func(form string, data []byte) {
		paths[form] = filepath.Join(folder, form)
		require.NoError(t, os.WriteFile(paths[form], data, 0o600))
	}
	put("canonical", group.Encode())
	of, err := json.Marshal(info)
	require.NoError(t, err)
	put("contract.json", of)
	list, err := membership.NewList(group, contracttest.Peers(4), "test")
	require.NoError(t, err)
	of, err = provider.Encode(list)
	require.NoError(t, err)
	put("peers.toml", of)
	return paths
}

// A double report is proven against any form of the group, by name where the form has names.
func TestEvidenceOfTwoReportsConvictsByName(t *testing.T) {
	folder := t.TempDir()
	d := contracttest.Description(4, 3)
	report := contracttest.Report(d, 2)
	first := contracttest.Message(d, 2, report)
	report.Values[0]++
	path := filepath.Join(folder, "double.evidence")
	require.NoError(t, os.WriteFile(path, accusation.OfMessages(first, contracttest.Message(d, 2, report)).Encode(), 0o600))

	for form, group := range groupFiles(t, folder) {
		status, out, errs := call(t, "verify", "--group", group, path)
		require.Zero(t, status, errs)
		name := "nymapi-2"
		if form == "canonical" {
			name = contracttest.Key(2).Public().String()
		}
		require.Contains(t, out, "proven: "+path+"\n  "+name+" signed two reports for epoch 1\n  culprit "+name+", key "+contracttest.Key(2).Public().String())
	}
	status, out, errs := call(t, "verify", path)
	require.Equal(t, 1, status)
	require.Contains(t, out, "give --group")
	require.Contains(t, errs, "not every file proves something")

	other := filepath.Join(folder, "one.evidence")
	require.NoError(t, os.WriteFile(other, accusation.OfMessages(first, first).Encode(), 0o600))
	status, out, _ = call(t, "verify", "--json", "--group", filepath.Join(folder, "canonical"), path, other)
	require.Equal(t, 1, status)
	var judgements []judgement
	require.NoError(t, json.Unmarshal([]byte(out), &judgements))
	require.True(t, judgements[0].Proven)
	require.EqualValues(t, 1, judgements[0].Accusation.Epoch)
	require.False(t, judgements[1].Proven)
	require.Contains(t, judgements[1].Why, "both messages are")

	for _, bad := range [][]string{{}, {"--group", filepath.Join(folder, "missing"), path}, {"--contract-key", "x", path}} {
		status, _, _ = call(t, append([]string{"verify"}, bad...)...)
		require.Equal(t, 2, status, bad)
	}
	for why, args := range map[string][]string{
		"an ID is not enough":       {"--group", contracttest.Group(4).ID().String(), path},
		"1 of 2 files are evidence": {path, filepath.Join(folder, "peers.toml")},
		"--group: ":                 {"--group", path, path},
	} {
		status, _, errs = call(t, append([]string{"verify"}, args...)...)
		require.Equal(t, 2, status, why)
		require.Contains(t, errs, why)
	}
}

// A folder of evidence files is checked like its files. One that also has bundles is one of
// bundles.
func TestEvidenceInAFolderConvicts(t *testing.T) {
	folder, names := t.TempDir(), []string{"a.evidence", "b.evidence"}
	group := groupFiles(t, t.TempDir())["peers.toml"]
	d := contracttest.Description(4, 3)
	for i, name := range names {
		report := contracttest.Report(d, i+1)
		first := contracttest.Message(d, i+1, report)
		report.Values[0]++
		file := accusation.OfMessages(first, contracttest.Message(d, i+1, report))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), file.Encode(), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "notes"), []byte("notes"), 0o600))
	status, inFolder, errs := call(t, "verify", folder, "--group", group)
	require.Zero(t, status, errs)
	status, ofFiles, errs := call(t, "verify", filepath.Join(folder, names[0]), filepath.Join(folder, names[1]), "--group", group)
	require.Zero(t, status, errs)
	require.Equal(t, ofFiles, inFolder)
	require.Contains(t, inFolder, "nymapi-2 signed two reports for epoch 1")

	require.NoError(t, os.WriteFile(filepath.Join(folder, "bad.evidence"), []byte("hello"), 0o600))
	status, _, errs = call(t, "verify", folder, "--group", group)
	require.Equal(t, 2, status)
	require.Contains(t, errs, "2 of 3 files are evidence")
	v := newVerifiable(t)
	status, out, errs := call(t, v.trusted(v.folder)...)
	require.Zero(t, status, errs)
	require.NoError(t, os.WriteFile(v.file("a.evidence"), []byte("hello"), 0o600))
	status, same, errs := call(t, v.trusted(v.folder)...)
	require.Zero(t, status, errs)
	require.Equal(t, out, same)
}

// Two receipts convict the contract with the trusted key, and no other.
func TestEvidenceOfTwoReceiptsConvictsTheContract(t *testing.T) {
	folder := t.TempDir()
	first := contract.Receipt{Network: contracttest.Network, Epoch: 2, AcceptedAt: 5}
	second := first
	second.AcceptedAt++
	secret := contracttest.ContractKey()
	path := filepath.Join(folder, "receipts.evidence")
	file := contract.Equivocation{First: first.Sign(secret), Second: second.Sign(secret)}.File()
	require.NoError(t, os.WriteFile(path, file.Encode(), 0o600))

	key := secret.Public().String()
	status, out, errs := call(t, "verify", "--contract-key", key, path)
	require.Zero(t, status, errs)
	require.Contains(t, out, "the contract signed two receipts for epoch 2\n  culprit contract, key "+key)
	status, out, _ = call(t, "verify", path)
	require.Equal(t, 1, status)
	require.Contains(t, out, "give --contract-key")
	status, out, _ = call(t, "verify", "--contract-key", contracttest.Key(1).Public().String(), path)
	require.Equal(t, 1, status)
	require.Contains(t, out, "one is of contract")

	status, out, errs = call(t, "compare-receipts", "--key", key, path)
	require.Zero(t, status, errs)
	require.Contains(t, out, "signed two receipts for epoch 2")
	require.NoError(t, os.WriteFile(path, accusation.New(accusation.Fork, nil, nil).Encode(), 0o600))
	status, _, errs = call(t, "compare-receipts", "--key", key, path)
	require.Equal(t, 1, status)
	require.Contains(t, errs, `kind "evidence/fork", expected "evidence/two-receipts"`)
}
