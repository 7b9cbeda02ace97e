package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// accused is a folder with the list of a group of four, in which member 1 is guilty.
type accused struct {
	*testing.T
	dir    string
	secret []keys.Private
	group  *membership.Group
}

func newAccused(t *testing.T) accused {
	a := accused{T: t, dir: t.TempDir()}
	var public []keys.Public
	var peers []membership.Peer
	for i, name := range []string{"ann", "bob", "cem", "dee"} {
		a.secret = append(a.secret, keys.FromSeed([32]byte{byte(i), 5}))
		public = append(public, a.secret[i].Public())
		peers = append(peers, membership.Peer{Key: public[i], Name: name})
	}
	var err error
	a.group, err = membership.NewGroup("accusations", 1, public, membership.DefaultLimits())
	require.NoError(t, err)
	list, err := membership.NewList(a.group, peers, "test")
	require.NoError(t, err)
	text, err := provider.Encode(list)
	require.NoError(t, err)
	a.write("peers.toml", text)
	return a
}

func (a accused) write(name string, data []byte) string {
	path := filepath.Join(a.dir, name)
	require.NoError(a, os.WriteFile(path, data, 0o600))
	return path
}

func (a accused) path(name string) string { return filepath.Join(a.dir, name) }

// header returns a header of member 1.
func (a accused) header(time int64) block.SignedHeader {
	b := block.New(a.group, a.secret[1].Public(), 1, block.ID{}, time, nil)
	b.Signature = a.secret[1].Sign(b.Header.SigningBytes())
	return b.SignedHeader
}

func (a accused) certify(signed block.SignedHeader, signers ...int) certificate.Certificate {
	signatures := map[int]keys.Signature{}
	for _, i := range signers {
		place, _ := a.group.Index(a.secret[i].Public())
		signatures[place] = a.secret[i].Sign(certificate.SigningBytes(a.group.Network(), signed.Header.Slot(), signed.Header.ID()))
	}
	return certificate.New(a.group, signed.Header.Slot(), signed.Header.ID(), signatures)
}

func (a accused) message(sender int, text string) block.Message {
	m, err := block.NewMessage(a.secret[sender], a.group.Network(), "epoch-5", []byte(text), 3)
	require.NoError(a, err)
	return m
}

func (a accused) call(args ...string) (status int, out, errs string) {
	var stdout, stderr bytes.Buffer
	status = program().Run(a.Context(), args, nil, &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

// A file that proves something ends with status 0 and names the culprit by name and key.
func TestEvidenceNamesTheCulprit(t *testing.T) {
	a := newAccused(t)
	one, two := a.header(1), a.header(2)
	for sentence, file := range map[string]evidence.File{
		"bob signed two headers at height 1 of its chain":             evidence.OfHeaders(one, two),
		`bob signed two messages under the label "epoch-5"`:           evidence.OfMessages(a.message(1, "x"), a.message(1, "y")),
		"2 members signed two blocks at height 1 of the chain of bob": evidence.OfCertificates(a.certify(one, 0, 1, 2), a.certify(two, 1, 2, 3)),
	} {
		path := a.write("some.evidence", file.Encode())
		status, out, errs := a.call("evidence", "verify", path, "--group", a.path("peers.toml"))
		require.Zero(t, status, errs)
		require.Contains(t, out, "proven: "+path+"\n  "+sentence+"\n")
		require.Contains(t, out, "culprit bob, key "+a.secret[1].Public().String())

		status, out, errs = a.call("evidence", "verify", path, "--group", a.path("peers.toml"), "--json")
		require.Zero(t, status, errs)
		var verdicts []verdict
		require.NoError(t, json.Unmarshal([]byte(out), &verdicts))
		require.True(t, verdicts[0].Proven)
		require.Contains(t, verdicts[0].Names, "bob")
		require.Contains(t, verdicts[0].Proof.Culprits, a.secret[1].Public())
	}
}

// The exit status is 0 only if every file proves something against the trusted group.
func TestEvidenceThatProvesNothingFails(t *testing.T) {
	a := newAccused(t)
	good := a.write("good.evidence", evidence.OfMessages(a.message(1, "x"), a.message(1, "y")).Encode())
	group := a.path("peers.toml")
	for why, data := range map[string][]byte{
		"both messages are":    evidence.OfMessages(a.message(1, "x"), a.message(1, "x")).Encode(),
		"two senders":          evidence.OfMessages(a.message(1, "x"), a.message(2, "y")).Encode(),
		"contract verify":      evidence.New("evidence/two-receipts", []byte{1}, []byte{2}).Encode(),
		"not an evidence file": []byte("hello"),
	} {
		status, out, errs := a.call("evidence", "verify", good, a.write("bad.evidence", data), "--group", group)
		require.Equal(t, 1, status)
		require.Contains(t, out, "proven: "+good)
		require.Contains(t, out, "not proven: "+a.path("bad.evidence"))
		require.Contains(t, out, why)
		require.Contains(t, errs, "not every file proves something")
	}
	status, out, errs := a.call("evidence", "verify", good)
	require.Equal(t, 1, status)
	require.Contains(t, out, a.secret[1].Public().String())
	require.Contains(t, errs, "give the group that you trust with --group")

	var listed []map[string]any
	for i, name := range []string{"ann", "bob", "cem", "dee"} {
		listed = append(listed, map[string]any{"name": name, "key": a.secret[i].Public()})
	}
	limits := a.group.Limits()
	info, err := json.Marshal(map[string]any{
		"network": a.group.Network(), "number": 1, "group": a.group.ID(), "members": listed,
		"limits": map[string]any{"payload_bytes": limits.PayloadBytes, "block_messages": limits.BlockMessages, "block_bytes": limits.BlockBytes},
	})
	require.NoError(t, err)
	status, out, errs = a.call("evidence", "verify", good, "--group", a.write("peer_info.json", info))
	require.Zero(t, status, errs)
	require.Contains(t, out, "culprit bob")

	stranger, err := membership.NewGroup("accusations", 2, []keys.Public{a.secret[0].Public()}, membership.DefaultLimits())
	require.NoError(t, err)
	status, out, _ = a.call("evidence", "verify", good, "--group", a.write("group", stranger.Encode()))
	require.Equal(t, 1, status)
	require.Contains(t, out, "is not a member of group 2")

	status, _, errs = a.call("evidence", "verify")
	require.Equal(t, 2, status)
	require.Contains(t, errs, "no FILE is given, expected at least one evidence file")
	for _, given := range []string{a.path("missing"), a.group.ID().String()} {
		status, _, errs = a.call("evidence", "verify", good, "--group", given)
		require.Equal(t, 2, status, errs)
		require.Contains(t, errs, "--group: expected a file that describes the group")
		require.NotContains(t, errs, "hexadecimal digits")
	}
	status, _, _ = a.call("evidence", "verify", a.path("missing"), "--group", group)
	require.Equal(t, 1, status)
}

// A pipe by name is refused, as evidence and as the group: nobody may ever write to it.
func TestEvidenceVerifyRefusesAPipe(t *testing.T) {
	a := newAccused(t)
	good := a.write("good.evidence", evidence.OfMessages(a.message(1, "x"), a.message(1, "y")).Encode())
	pipe := a.path("pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	writer, err := os.OpenFile(pipe, os.O_RDWR, 0) // so that opening does not wait
	require.NoError(t, err)
	for _, args := range [][]string{{pipe, "--group", a.path("peers.toml")}, {good, "--group", pipe}} {
		ended := make(chan string, 1)
		go func() {
			_, _, errs := a.call(append([]string{"evidence", "verify"}, args...)...)
			ended <- errs
		}()
		select {
		case errs := <-ended:
			require.Contains(t, errs, "not a regular file (give a file)")
		case <-time.After(10 * time.Second):
			require.NoError(t, writer.Close())
			t.Fatal("the command waits for a pipe", args)
		}
	}
	require.NoError(t, writer.Close())
}

// What a node holds is exported once, and proves the same to others.
func TestExportedEvidenceCanBeVerified(t *testing.T) {
	a := newAccused(t)
	one, two := a.header(1), a.header(2)
	node := http.NewServeMux()
	answer := func(path string, value any) {
		node.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(value)
		})
	}
	answer(api.PathEvidence, map[string]any{"evidence": []api.Evidence{api.NewEvidence(one, two)}})
	answer(api.PathForks, map[string]any{"forks": []api.Fork{api.NewFork(a.group, a.certify(one, 0, 1, 2), a.certify(two, 1, 2, 3), nil)}})
	served := httptest.NewServer(node)
	defer served.Close()

	var first string
	for range 2 {
		status, out, errs := a.call("evidence", "export", "--url", served.URL, "--dir", a.path("evidence"))
		require.Zero(t, status, errs)
		require.Contains(t, out, "two-headers-")
		require.Contains(t, out, "fork-")
		if first != "" {
			require.Equal(t, first, out)
		}
		first = out
	}
	found, err := filepath.Glob(a.path("evidence/*" + evidence.Extension))
	require.NoError(t, err)
	require.Len(t, found, 2)
	status, out, errs := a.call(append([]string{"evidence", "verify", "--group", a.path("peers.toml")}, found...)...)
	require.Zero(t, status, errs)
	require.Contains(t, out, "bob signed two headers")
}
