package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// peerInfo is a list as the contract serves it.
func peerInfo(t require.TestingT, list membership.List, change func(map[string]any)) []byte {
	limits := list.Group.Limits()
	members := []map[string]any{}
	for _, p := range list.Peers {
		members = append(members, map[string]any{"name": p.Name, "key": p.Key, "peer_id": p.Key.PeerID(), "addresses": p.Addresses})
	}
	info := map[string]any{
		"network": list.Group.Network(), "group": list.Group.ID(), "number": list.Group.Number(), "n": list.Group.N(), "f": list.Group.F(),
		"q": list.Group.Q(), "contract_key": key(99), "expected": list.Group.N(), "members": members,
		"limits": map[string]any{"payload_bytes": limits.PayloadBytes, "block_messages": limits.BlockMessages, "block_bytes": limits.BlockBytes},
	}
	if change != nil {
		change(info)
	}
	data, err := json.Marshal(info)
	require.NoError(t, err)
	return data
}

// source serves a list that a test can change.
type source struct {
	*httptest.Server
	handler atomic.Value
}

func newSource(t *testing.T, serve func(*httptest.Server)) *source {
	s := &source{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handler.Load().(http.HandlerFunc)(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	serve(s.Server)
	t.Cleanup(s.Close)
	return s
}

func (s *source) answer(f http.HandlerFunc) { s.handler.Store(f) }

func (s *source) tell(data []byte) {
	s.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(data)
	})
}

// While a source answers with anything but a list, the last good one stays, in memory and across a
// restart.
func TestLastGoodListIsKept(t *testing.T) {
	s := newSource(t, (*httptest.Server).Start)
	keep := filepath.Join(t.TempDir(), "members.toml")
	open := func() provider.Func {
		p, err := provider.HTTP(provider.HTTPConfig{URL: s.URL + "/contract/peer_info", Keep: keep, Timeout: 300 * time.Millisecond})
		require.NoError(t, err)
		return p
	}
	p := open()
	one, two := makeList(t, "", 1, 0, 1), makeList(t, "", 2, 0, 1, 2)
	s.tell(peerInfo(t, one, func(info map[string]any) { info["number"] = 0; info["expected"] = 5 }))
	_, err := p.Current(t.Context())
	require.ErrorIs(t, err, provider.ErrNotComplete)
	require.ErrorContains(t, err, "2 of 5")

	s.tell(peerInfo(t, one, nil))
	list, err := p.Current(t.Context())
	require.NoError(t, err)
	require.NoError(t, list.Warning)
	requireList(t, one, list)
	s.tell(peerInfo(t, two, nil))
	list, err = p.Current(t.Context())
	require.NoError(t, err)
	requireList(t, two, list)

	for name, handler := range map[string]http.HandlerFunc{
		"status":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"type":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"too long": func(w http.ResponseWriter, _ *http.Request) { sendJSON(w, []byte(strings.Repeat(" ", 1<<20+1))) },
		"no list":  func(w http.ResponseWriter, _ *http.Request) { sendJSON(w, []byte(`{"number":"three"}`)) },
		"late":     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"loop":     func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
	} {
		s.answer(handler)
		for again, p := range map[string]provider.Func{"same process": p, "next process": open()} {
			list, err := p.Current(t.Context())
			require.NoError(t, err, "%s, %s", name, again)
			requireList(t, two, list)
			require.ErrorContains(t, list.Warning, s.URL, "%s, %s", name, again)
		}
	}
	// If the source loses the newest group, the file still keeps it.
	s.tell(peerInfo(t, one, nil))
	list, err = p.Current(t.Context())
	require.NoError(t, err)
	requireList(t, one, list)
	s.Close()
	list, err = open().Current(t.Context())
	require.NoError(t, err)
	requireList(t, two, list)

	require.NoError(t, os.WriteFile(keep, []byte("broken"), 0o644))
	_, err = open().Current(t.Context())
	require.ErrorContains(t, err, keep)
	require.ErrorContains(t, err, s.URL)
}

func sendJSON(w http.ResponseWriter, data []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data)
}

// New addresses under the same number are kept, an invalid file is replaced, and a file that cannot
// be written causes a warning.
func TestKeptFileFollowsTheSource(t *testing.T) {
	s := newSource(t, (*httptest.Server).Start)
	folder := t.TempDir()
	keep := filepath.Join(folder, "members.toml")
	write(t, keep, "broken")
	p, err := provider.HTTP(provider.HTTPConfig{URL: s.URL, Keep: keep})
	require.NoError(t, err)
	list := makeList(t, "", 1, 0, 1)
	for _, address := range []string{"/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/2"} {
		list.Peers[0].Addresses = []string{address}
		s.tell(peerInfo(t, list, nil))
		got, err := p.Current(t.Context())
		require.NoError(t, err)
		require.NoError(t, got.Warning)
		data, err := os.ReadFile(keep)
		require.NoError(t, err)
		require.Contains(t, string(data), address)
	}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left")

	p, err = provider.HTTP(provider.HTTPConfig{URL: s.URL, Keep: filepath.Join(folder, "no", "folder")})
	require.NoError(t, err)
	got, err := p.Current(t.Context())
	require.NoError(t, err)
	require.ErrorContains(t, got.Warning, "keep the list")
	requireList(t, list, got)
}

func TestHTTPSIsPolled(t *testing.T) {
	s := newSource(t, (*httptest.Server).StartTLS)
	list := makeList(t, "", 1, 0, 1)
	s.tell(peerInfo(t, list, nil))
	p, err := provider.HTTP(provider.HTTPConfig{URL: s.URL, Client: s.Client()})
	require.NoError(t, err)
	got, err := p.Current(t.Context())
	require.NoError(t, err)
	requireList(t, list, got)

	p, err = provider.HTTP(provider.HTTPConfig{URL: s.URL}) // no client that trusts its certificate
	require.NoError(t, err)
	_, err = p.Current(t.Context())
	require.ErrorContains(t, err, "certificate")
}

func TestHTTPRefusesAnInvalidURL(t *testing.T) {
	for _, bad := range []string{"", "contract", "ftp://host/list", "http://", ":"} {
		_, err := provider.HTTP(provider.HTTPConfig{URL: bad})
		require.ErrorContains(t, err, "is not a URL; expected one such as http://", bad)
	}
	p, err := provider.HTTP(provider.HTTPConfig{URL: "http://user:secret@127.0.0.1:1/list"})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = p.Current(ctx)
	require.ErrorContains(t, err, "user:xxxxx@127.0.0.1:1")
	require.NotContains(t, err.Error(), "secret")
}

func TestContradictoryResponsesAreRefused(t *testing.T) {
	list := makeList(t, "", 3, 0, 1, 2)
	_, err := provider.DecodePeerInfo("there", peerInfo(t, list, nil))
	require.NoError(t, err)
	member := func(info map[string]any, i int) map[string]any { return info["members"].([]map[string]any)[i] }
	for name, change := range map[string]func(map[string]any){
		"another group":   func(info map[string]any) { info["group"] = membership.ID{1} },
		"another n":       func(info map[string]any) { info["n"] = 4 },
		"a member twice":  func(info map[string]any) { member(info, 0)["key"] = member(info, 1)["key"] },
		"one name twice":  func(info map[string]any) { member(info, 0)["name"] = member(info, 1)["name"] },
		"no key":          func(info map[string]any) { delete(member(info, 0), "key") },
		"bad limits":      func(info map[string]any) { info["limits"] = map[string]any{"payload_bytes": 1} },
		"nobody":          func(info map[string]any) { info["members"], info["n"] = []string{}, 0 },
		"negative number": func(info map[string]any) { info["number"] = -1 },
	} {
		_, err := provider.DecodePeerInfo("there", peerInfo(t, list, change))
		require.ErrorIs(t, err, membership.ErrInvalid, name)
		require.ErrorContains(t, err, "there: ", name)
	}
	_, err = provider.DecodePeerInfo("there", []byte("{\"network\":\"\xff\"}"))
	require.ErrorIs(t, err, membership.ErrInvalid)
	require.ErrorContains(t, err, "Unicode")
	_, err = provider.DecodePeerInfo("there", append(peerInfo(t, list, nil), "{}"...))
	require.ErrorContains(t, err, "follows")
}

// Any response is decoded or refused, and a decoded list survives a round trip through a file.
func FuzzDecodePeerInfo(f *testing.F) {
	f.Add(peerInfo(f, makeList(f, "", 3, 0, 1, 2), nil))
	f.Add([]byte(`{"number":1,"members":[{"name":"a","addresses":["/ip4/1.2.3.4/tcp/5"]}]}`))
	f.Add(fmt.Appendf(nil, `{"number":1,"network":"a","members":[{"key":"%s"}]}`, key(1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := provider.DecodePeerInfo("there", data)
		if err != nil {
			return
		}
		again, err := provider.Decode("there", []byte(encode(t, list)))
		require.NoError(t, err)
		list.Dropped = nil // an encoded list has usable addresses only
		require.Equal(t, list, again)
	})
}
