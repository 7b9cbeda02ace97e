package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// verifiable is a folder with the cores and annexes of a filled database, and the trusted group and
// key next to it.
type verifiable struct{ db, folder, group, key string }

func (v verifiable) trusted(args ...string) []string {
	return append(append([]string{"verify"}, args...), "--group", v.group, "--contract-key", v.key)
}

func (v verifiable) file(name string) string { return filepath.Join(v.folder, name) }

func newVerifiable(t *testing.T) verifiable {
	ctx, top := context.Background(), t.TempDir()
	v := verifiable{filepath.Join(top, databaseName), filepath.Join(top, "bundles"), filepath.Join(top, "group"), filepath.Join(top, "contract.key")}
	fill(t, v.db)
	reader, err := store.OpenReader(ctx, v.db)
	require.NoError(t, err)
	defer reader.Close()
	require.NoError(t, os.Mkdir(v.folder, 0o755))
	for epoch := contract.Epoch(1); epoch <= 3; epoch++ {
		core, err := reader.Core(ctx, epoch)
		require.NoError(t, err)
		annex, err := contract.Collected{}.Seal(core, 1_700_000_009_000, contracttest.ContractKey())
		require.NoError(t, err)
		put(t, v.file("epoch-"+epoch.String()+coreSuffix), core.Encode())
		put(t, v.file("epoch-"+epoch.String()+annexSuffix), annex.Encode())
	}
	list, err := membership.NewList(contracttest.Group(4), contracttest.Peers(4), "test")
	require.NoError(t, err)
	members, err := provider.Encode(list)
	require.NoError(t, err)
	put(t, v.group, members)
	public := contracttest.ContractKey().Public()
	put(t, v.key, []byte(hex.EncodeToString(public[:])+"\n"))
	return v
}

func put(t *testing.T, path string, data []byte) {
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

// requireNarrow requires that no line is wider than a terminal, apart from the name of the file.
func requireNarrow(t *testing.T, out string) {
	for line := range strings.Lines(out) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, os.TempDir()) {
			require.LessOrEqual(t, len([]rune(line)), 80, line)
		}
	}
}

func TestVerifyChecksFilesFoldersAndDatabases(t *testing.T) {
	v := newVerifiable(t)
	status, out, errs := call(t, v.trusted(v.folder)...)
	require.Zero(t, status, errs)
	requireNarrow(t, out)
	require.Contains(t, out, "epochs 1 to 3 of contract-test: 2 proven by signed reports, 1 missed")
	require.Contains(t, out, "84 of 84 checks passed.")
	require.Contains(t, out, "Reported: nymapi-1, nymapi-2, nymapi-3, nymapi-4.")
	require.Contains(t, out, "that a reporter measured what it signed;")

	status, out, errs = call(t, v.trusted("--db", v.db)...)
	require.Zero(t, status, errs)
	require.Contains(t, out, "37  tables                3")

	status, out, errs = call(t, v.trusted(v.file("epoch-2.annex"), v.file("epoch-1.core"), v.file("epoch-2.core"), v.file("epoch-1.annex"))...)
	require.Zero(t, status, errs)
	require.Contains(t, out, "72 of 72 checks passed.", "annexes are paired with their cores")

	status, out, errs = call(t, v.trusted(v.file("epoch-2.core"))...)
	require.Zero(t, status, errs, "evidence that was not given changes nothing")
	requireNarrow(t, out)
	require.Contains(t, out, "20  quorum          pass     3 of 4 members signed, 3 needed")
	require.Contains(t, out, "32 to 36            not checkable: no annex was given")
	require.GreaterOrEqual(t, strings.Count(out, "  pass  "), 18)
}

func TestVerifySaysWhatItTrusts(t *testing.T) {
	v := newVerifiable(t)
	group := contracttest.Group(4)
	put(t, v.group+".cbor", group.Encode())
	for name, c := range map[string]struct {
		flags []string
		says  string
	}{
		"nothing":        {nil, "Nothing was compared with a trusted copy"},
		"a group's file": {[]string{"--group", v.group + ".cbor"}, "The group is that of your trusted copy."},
		"a group's ID":   {[]string{"--group", group.ID().String()}, "The group is that of your trusted copy."},
		"a key":          {[]string{"--contract-key", contracttest.ContractKey().Public().PeerID()}, "The contract's key is your trusted one."},
	} {
		status, out, errs := call(t, append([]string{"verify", v.file("epoch-1.core")}, c.flags...)...)
		require.Zero(t, status, errs, name)
		require.Contains(t, strings.ReplaceAll(out, "\n", " "), c.says, name)
	}
	status, out, _ := call(t, "verify", v.folder, "--group", contracttest.Group(5).ID().String())
	require.Equal(t, command.ExitFailure, status)
	require.Contains(t, out, "FAIL, epochs 1 to 3, check 3, group: group 186c738e, the trusted one is")
	status, out, _ = call(t, "verify", v.folder, "--contract-key", contracttest.Key(1).Public().PeerID())
	require.Equal(t, command.ExitFailure, status)
	require.Contains(t, out, "FAIL, epochs 1 to 3, check 4, contract key: contract KB5Girss")
	require.Contains(t, out, "The contract's key is not your trusted one.")
	require.NotContains(t, out, "The contract's key is your trusted one")
}

// A comparison with a trusted copy that was asked for is made, or fails.
func TestVerifyRefusesTrustedCopiesThatAreNothing(t *testing.T) {
	v := newVerifiable(t)
	pipe, empty := filepath.Join(t.TempDir(), "pipe"), filepath.Join(t.TempDir(), "empty")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	put(t, empty, nil)
	for _, c := range []struct {
		flags []string
		says  string
	}{
		{[]string{"--group", ""}, "--group is empty: give a value"},
		{[]string{"--contract-key", ""}, "--contract-key is empty: give a value"},
		{[]string{"--group", strings.Repeat("0", 64)}, "the ID is all zeros"},
		{[]string{"--contract-key", strings.Repeat("0", 64)}, "the key is all zeros"},
		{[]string{"--group", pipe}, "not a regular file (give a file)"},
		{[]string{"--contract-key", pipe}, "not a regular file (give a file)"},
		{[]string{empty}, "empty is empty, expected the core or the annex of an epoch"},
	} {
		status, _, errs := call(t, append([]string{"verify", v.folder}, c.flags...)...)
		require.Equal(t, command.ExitUsage, status, c.flags)
		require.Contains(t, errs, c.says)
	}
	status, _, errs := call(t, "verify", pipe)
	require.Equal(t, command.ExitFailure, status)
	require.Contains(t, errs, "not a regular file (give a file)")
}

// The contract's own contract.key is refused, of whatever contract the evidence is, and no part of
// it is shown.
func TestVerifyRefusesAPrivateKey(t *testing.T) {
	v := newVerifiable(t)
	seed := contracttest.ContractKey().Seed()
	for _, text := range []string{
		hex.EncodeToString(seed[:]), keys.Public(seed).PeerID(),
		"0200000000000000000000000000000000000000000000000000000000000000", // not the encoding of a point
	} {
		put(t, v.key, []byte(text+"\n"))
		status, out, errs := call(t, v.trusted(v.folder)...)
		require.Equal(t, command.ExitUsage, status, out)
		require.Contains(t, errs, "not a public key but a private one")
		require.Contains(t, errs, "contract.key in the folder of a Nym-API")
		for from := 0; from+8 <= len(text); from++ {
			require.NotContains(t, out+errs, text[from:from+8])
		}
	}
	first := contract.Receipt{Network: contracttest.Network, Epoch: 2, AcceptedAt: 5}
	second := first
	second.AcceptedAt++
	file := contract.Equivocation{First: first.Sign(contracttest.ContractKey()), Second: second.Sign(contracttest.ContractKey())}.File()
	path := filepath.Join(t.TempDir(), "receipts.evidence")
	put(t, path, file.Encode())
	put(t, v.key, []byte(hex.EncodeToString(seed[:])))
	status, _, errs := call(t, "verify", path, "--contract-key", v.key)
	require.Equal(t, command.ExitUsage, status)
	require.Contains(t, errs, "not a public key but a private one")

	foreign := contracttest.Key(77).Seed()
	put(t, v.key, []byte(hex.EncodeToString(foreign[:])))
	_, out, errs := call(t, v.trusted(v.folder)...)
	require.NotContains(t, out+errs, keys.Public(foreign).Short())
}

func TestVerifyNamesTheCheckThatFails(t *testing.T) {
	v := newVerifiable(t)
	core, err := os.ReadFile(v.file("epoch-2.core"))
	require.NoError(t, err)
	core[len(core)-1] ^= 1 // in the signature of the receipt
	put(t, v.file("epoch-2.core"), core)
	status, out, errs := call(t, v.trusted(v.folder)...)
	require.Equal(t, command.ExitFailure, status)
	require.Contains(t, errs, "checks failed; the output names them")
	require.Contains(t, out, "FAIL, epoch 2, check 27, receipt: bad signature")
	require.Contains(t, out, "FAIL, epoch 2, check 32, annex:")

	require.NoError(t, os.Remove(v.file("epoch-2.core")))
	require.NoError(t, os.Remove(v.file("epoch-2.annex")))
	status, out, _ = call(t, v.trusted(v.folder)...)
	require.Equal(t, command.ExitFailure, status)
	require.Contains(t, out, "check 29, chain: epoch 3 follows epoch 1")
}

func TestVerifyPrintsJSON(t *testing.T) {
	v := newVerifiable(t)
	status, out, errs := call(t, v.trusted(v.folder, "--json")...)
	require.Zero(t, status, errs)
	var result verified
	require.NoError(t, json.Unmarshal([]byte(out), &result))
	require.Len(t, result.Epochs, 3)
	require.Equal(t, 84, result.Summary.Count("pass"))
	require.Equal(t, "strict form", result.Epochs[2].Findings[0].Name)
}

// What rests on the word of a single Nym-API cannot be checked, and the exit status says so.
func TestVerifyExitsWithThreeForWhatNobodyCanCheck(t *testing.T) {
	d := contracttest.Description(1, 3)
	d.Rules.Mode, d.Rules.Authorised = contract.ModeSingle, contracttest.Key(1).Public()
	result := contracttest.SingleResult(contracttest.Report(d, 1))
	s, err := contract.NewSubmission(contracttest.Key(1), d, result, nil)
	require.NoError(t, err)
	var rewards []contract.Reward
	for i, id := range result.Mixnodes {
		rewards = append(rewards, contract.Reward{Mixnode: id, Value: result.Values[i], Reports: result.Reports[i]})
	}
	hash := contract.HashRewards(d.Network, d.Epoch, rewards)
	receipt := contract.Receipt{Network: d.Network, Epoch: 1, Description: d.Hash(), Rewards: hash, Submitter: s.Submitter, AcceptedAt: d.End}.Sign(contracttest.ContractKey())
	record := contract.Record{
		Network: d.Network, Epoch: 1, Description: d.Hash(), Status: contract.StatusRewarded, Rewards: hash,
		Submission: contract.Digest(s.Encode()), SettledAt: d.End, Origin: contract.OriginSettlement,
	}.Sign(contracttest.ContractKey())
	core := contract.Core{
		Version: contract.CoreVersion, Description: d.Encode(), Submission: s.Encode(), Rewards: rewards, Record: record.Encode(), Receipt: receipt.Encode(),
	}
	path := filepath.Join(t.TempDir(), "single.core")
	put(t, path, core.Encode())
	status, out, errs := call(t, "verify", path)
	require.Equal(t, command.ExitUnchecked, status, errs)
	require.Contains(t, out, " 5 to 20            not checkable: in mode single there is no block of signed")
	require.Contains(t, out, "24  payment         pass     3 new uptimes paid as submitted")
}

// contractOf serves what a contract would of the bundles in a folder.
func contractOf(t *testing.T, v verifiable, settled int) string {
	mux := http.NewServeMux()
	answer := func(path string, value any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			require.NoError(t, json.NewEncoder(w).Encode(value))
		})
	}
	group := contracttest.Group(4)
	info := contract.PeerInfo{Network: group.Network(), Group: group.ID(), Number: 1, N: 4}
	for _, p := range contracttest.Peers(4) {
		info.Members = append(info.Members, contract.Member{Name: p.Name, Key: p.Key})
	}
	answer(contract.PathPeerInfo, info)
	list := contract.Epochs{Epochs: []contract.EpochSummary{{ID: contract.Epoch(settled + 1), Status: contract.StatusOpen}}}
	for epoch := contract.Epoch(settled); epoch > 0; epoch-- {
		list.Epochs = append(list.Epochs, contract.EpochSummary{ID: epoch, Status: contract.StatusRewarded})
		for path, suffix := range map[string]string{contract.BundlePath(epoch): coreSuffix, contract.AnnexPath(epoch): annexSuffix} {
			mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
				http.ServeFile(w, r, v.file("epoch-"+epoch.String()+suffix))
			})
		}
	}
	answer(contract.PathEpochs, list)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestVerifyChecksARunningContract(t *testing.T) {
	v := newVerifiable(t)
	url := contractOf(t, v, 3)
	status, out, errs := call(t, v.trusted("--url", strings.TrimPrefix(url, "http://"))...)
	require.Zero(t, status, errs)
	require.Contains(t, out, "84 of 84 checks passed.")
	status, out, errs = call(t, v.trusted("--url", url, "--epoch", "2")...)
	require.Zero(t, status, errs)
	require.Contains(t, out, "epoch 2 at "+url+"\nepoch 2 of contract-test: rewarded, won by nymapi-2")
	status, _, errs = call(t, v.trusted("--url", url, "--epoch", "4")...)
	require.Equal(t, command.ExitUnchecked, status)
	require.Contains(t, errs, "epoch 4 is not settled at "+url)
	status, _, errs = call(t, v.trusted("--url", contractOf(t, v, 0))...)
	require.Equal(t, command.ExitUnchecked, status)
	require.Contains(t, errs, "no epoch is settled at")
}

func TestVerifyRefusesWhatItCannotRead(t *testing.T) {
	v := newVerifiable(t)
	empty := t.TempDir()
	put(t, filepath.Join(empty, "notes"), []byte("notes"))
	for message, args := range map[string][]string{
		"nothing to verify, expected files, a folder, --url or --db":       {},
		"files, --url and --db exclude each other":                         {v.folder, "--db", v.db},
		"--epoch needs --url or --db":                                      {v.folder, "--epoch", "1"},
		"--epoch \"x\", expected a number from 1":                          {"--db", v.db, "--epoch", "x"},
		"no core of an epoch, expected files that end in .core and .annex": {empty},
		"is neither the core nor the annex of an epoch":                    {filepath.Join(empty, "notes")},
		"is the annex of epoch 1, whose core is not among the files":       {v.file("epoch-1.annex"), v.file("epoch-2.core")},
		"expected a file or a folder":                                      {"missing"},
		"give --url http://127.0.0.1:8080 for a contract":                  {"http://127.0.0.1:8080"},
		"--group: expected the ID of a group":                              {v.folder, "--group", "missing"},
		"--group: ":                                                        {v.folder, "--group", v.key},
		"--contract-key: expected a key or a file":                         {v.folder, "--contract-key", "missing"},
		"--contract-key " + v.group:                                        {v.folder, "--contract-key", v.group},
		"--url: bad address":                                               {"--url", "ftp://x"},
	} {
		status, _, errs := call(t, slices.Concat([]string{"verify"}, args)...)
		require.Equal(t, command.ExitUsage, status, errs)
		require.Contains(t, errs, message)
	}
}
