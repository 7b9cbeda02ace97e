package daemon_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/archive"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// timeout bounds every wait. It is much longer than anything here takes.
const timeout = 2 * time.Minute

// singleMember returns settings for a group of one on free ports.
func singleMember() settings.Settings {
	s := settings.Default()
	s.P2P.Listen, s.HTTP.Listen, s.Admin.Listen = []string{"/ip4/127.0.0.1/tcp/0"}, "127.0.0.1:0", "127.0.0.1:0"
	s.Block.Every = 0
	s.Block.Messages = 1
	return s
}

// start creates and runs a node. stop stops it and returns the error of Run.
func start(t *testing.T, s settings.Settings) (folder daemon.Folder, at daemon.Addresses, stop func() error) {
	folder = daemon.Folder{Dir: t.TempDir()}
	_, err := daemon.Init(t.Context(), folder, s, daemon.InitOptions{})
	require.NoError(t, err)
	at, stop = startIn(t, folder, s)
	return folder, at, stop
}

// startIn is start for a node that exists.
func startIn(t *testing.T, folder daemon.Folder, s settings.Settings) (at daemon.Addresses, stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	started, ended := make(chan daemon.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, daemon.Config{Folder: folder, Settings: s, Started: func(a daemon.Addresses) { started <- a }})
	}()
	t.Cleanup(cancel)
	select {
	case at = <-started:
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(timeout):
		require.Fail(t, "the node did not start")
	}
	return at, func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(timeout):
			return context.DeadlineExceeded
		}
	}
}

// lines passes on log lines.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default: // nobody waits for it
	}
	return len(line), nil
}

// A node that waits for its first list says so at once, to probes, too, and stops without an error.
func TestNodeSaysWhatItWaitsForAndCanBeStopped(t *testing.T) {
	s := singleMember()
	s.Membership.Source, s.Membership.URL = "http", "http://127.0.0.1:1/peer_info"
	var err error
	s.HTTP.Listen, err = freeport.Address()
	require.NoError(t, err)
	folder := daemon.Folder{Dir: t.TempDir()}
	_, err = daemon.Init(t.Context(), folder, s, daemon.InitOptions{})
	require.NoError(t, err)
	log := make(lines, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, daemon.Config{Folder: folder, Settings: s, Logger: slog.New(slog.NewTextHandler(log, nil))})
	}()
	require.Contains(t, <-log, "waiting for the list of members")
	for path, want := range map[string]int{api.PathLive: http.StatusOK, api.PathReady: http.StatusServiceUnavailable} {
		answer, err := http.Get("http://" + s.HTTP.Listen + path)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, want, answer.StatusCode, path)
		if path == api.PathReady {
			require.Contains(t, string(body), "waiting for the list of members")
		}
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	require.NoError(t, <-ended)
}

func TestNodeCertifiesServesReportsMetricsAndStops(t *testing.T) {
	folder, at, stop := start(t, singleMember())
	written, err := daemon.ReadAddresses(folder)
	require.NoError(t, err)
	require.Equal(t, at, written)

	node, err := client.New("http://"+at.HTTP, client.Options{})
	require.NoError(t, err)
	submitted, err := node.SubmitEphemeraMessage(t.Context(), api.Submission{Label: "x", Payload: []byte("hello")})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for entry, err := range node.Subscribe(ctx, api.Subscription{}) {
		require.NoError(t, err)
		require.Equal(t, submitted.ID, entry.Block.Messages[0].ID)
		break
	}

	metrics := get(t, "http://"+at.HTTP+api.PathTelemetry)
	for _, want := range []string{
		"ephemera_certified_height{", "ephemera_members 1", "ephemera_mempool_pending_messages 0", "ephemera_build_info{", "go_goroutines",
		`ephemera_mempool_messages_total{outcome="taken"} 1`, `ephemera_mempool_messages_total{outcome="included"} 1`,
		"ephemera_http_requests_total{", "libp2p_swarm_", "libp2p_eventbus_", "process_open_fds",
		"ephemera_disk_free_bytes", `ephemera_disk_threshold_bytes{threshold="low"}`, `ephemera_postponed_blocks_total{reason="rate"} 0`,
	} {
		require.Contains(t, metrics, "\n"+want)
	}
	require.Contains(t, get(t, "http://"+at.Admin+"/debug/pprof/goroutine?debug=1"), "goroutine profile")

	err = daemon.Run(t.Context(), daemon.Config{Folder: folder, Settings: singleMember()})
	require.ErrorIs(t, err, home.ErrLocked)
	require.NoError(t, stop())
}

// The node watches the disk of its folder, and says so while there is little space.
func TestNodeWithLittleSpaceReportsIt(t *testing.T) {
	s := singleMember()
	s.Storage.Low, s.Storage.Critical = 1<<60, 1
	_, at, stop := start(t, s)
	node, err := client.New("http://"+at.HTTP, client.Options{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		health, err := node.Health(t.Context())
		return err == nil && health.Ready && health.Disk != nil && health.Disk.Free > 0 && health.Disk.Low == 1<<60 && health.Disk.Critical == 1
	}, timeout, 10*time.Millisecond)
	_, err = node.SubmitEphemeraMessage(t.Context(), api.Submission{Label: "x", Payload: []byte("there is room for it")})
	require.NoError(t, err)
	require.NoError(t, stop())
}

// One bit of a stored message changes while the node is stopped. The store file has no checksum for
// it that SQLite knows of.
func TestBlockThatRottedInTheFileIsNotServedOrExported(t *testing.T) {
	folder, at, stop := start(t, singleMember())
	node, err := client.New("http://"+at.HTTP, client.Options{})
	require.NoError(t, err)
	payload := bytes.Repeat([]byte("A"), 400)
	_, err = node.SubmitEphemeraMessage(t.Context(), api.Submission{Label: "x", Payload: payload})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	var id block.ID
	for entry, err := range node.Subscribe(ctx, api.Subscription{}) {
		require.NoError(t, err)
		id = entry.Block.ID
		break
	}
	require.NoError(t, stop())
	config := daemon.Config{Folder: folder, Settings: singleMember()}
	var whole bytes.Buffer
	_, err = daemon.Export(t.Context(), config, &whole)
	require.NoError(t, err)

	path := filepath.Join(folder.Data(), "ephemera.sqlite")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	place := bytes.Index(data, payload)
	require.Positive(t, place)
	data[place+200] ^= 1
	require.NoError(t, os.WriteFile(path, data, 0o600))

	at, stop = startIn(t, folder, singleMember())
	node, err = client.New("http://"+at.HTTP, client.Options{})
	require.NoError(t, err)
	_, err = node.QueryBlockByHash(t.Context(), id)
	require.ErrorIs(t, err, api.Unavailable)
	require.ErrorContains(t, err, "damaged")
	require.Contains(t, get(t, "http://"+at.HTTP+api.PathTelemetry), "\nephemera_damaged_blocks 1\n")
	require.NoError(t, stop())

	var incomplete *archive.IncompleteError
	exported, err := daemon.Export(t.Context(), config, io.Discard)
	require.ErrorAs(t, err, &incomplete)
	require.ErrorContains(t, err, id.String())
	require.Equal(t, archive.Summary{Groups: 1}, exported)
	imported, err := daemon.Import(t.Context(), config, &whole)
	require.NoError(t, err)
	require.Equal(t, archive.Summary{Blocks: 1}, imported)
	exported, err = daemon.Export(t.Context(), config, io.Discard)
	require.NoError(t, err)
	require.Equal(t, archive.Summary{Groups: 1, Blocks: 1}, exported)
}

func TestInvalidNamesOfValuesAreTheCallersMistake(t *testing.T) {
	s := singleMember()
	s.DHT.Enabled = true
	_, at, stop := start(t, s)
	node, err := client.New("http://"+at.HTTP, client.Options{})
	require.NoError(t, err)
	require.NoError(t, node.StoreInDHT(t.Context(), "a/name", []byte("value")))
	value, err := node.QueryDHT(t.Context(), "a/name")
	require.NoError(t, err)
	require.Equal(t, "value", string(value))
	require.ErrorIs(t, node.StoreInDHT(t.Context(), "no name", nil), api.Invalid)
	_, err = node.QueryDHT(t.Context(), "no name")
	require.ErrorIs(t, err, api.Invalid)
	require.NoError(t, stop())
}

func get(t *testing.T, url string) string {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s", text)
	return string(text)
}

func TestInitOverwritesNothing(t *testing.T) {
	folder := daemon.Folder{Dir: t.TempDir()}
	_, err := daemon.Init(t.Context(), folder, singleMember(), daemon.InitOptions{})
	require.NoError(t, err)
	key, err := os.ReadFile(folder.Key())
	require.NoError(t, err)
	// The second time the configuration is missing, and Init must still keep the key.
	for _, path := range []string{"", folder.Config()} {
		if path != "" {
			require.NoError(t, os.Remove(path))
		}
		_, err = daemon.Init(t.Context(), folder, singleMember(), daemon.InitOptions{})
		require.ErrorIs(t, err, daemon.ErrExists)
		kept, err := os.ReadFile(folder.Key())
		require.NoError(t, err)
		require.Equal(t, key, kept)
	}
}

func TestAddressesThatNobodyCanDialAreNotTold(t *testing.T) {
	for name, c := range map[string]struct{ listen, announce, told []string }{
		"wildcard": {[]string{"/ip4/0.0.0.0/tcp/3000"}, nil, nil},
		"port 0":   {[]string{"/ip4/127.0.0.1/tcp/0"}, nil, nil},
		"both":     {[]string{"/ip6/::/tcp/0", "/ip4/192.0.2.1/tcp/1"}, nil, []string{"/ip4/192.0.2.1/tcp/1"}},
		"announced": {
			[]string{"/ip4/0.0.0.0/tcp/3000"}, []string{"/dns4/alice.example/tcp/3000"}, []string{"/dns4/alice.example/tcp/3000"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder, s := daemon.Folder{Dir: t.TempDir()}, singleMember()
			s.P2P.Listen, s.P2P.Announce = c.listen, c.announce
			made, err := daemon.Init(t.Context(), folder, s, daemon.InitOptions{})
			require.NoError(t, err)
			text, err := os.ReadFile(folder.Resolve("peers.toml"))
			require.NoError(t, err)
			list, err := provider.Decode("peers.toml", text)
			require.NoError(t, err)
			require.ElementsMatch(t, c.told, list.Peers[0].Addresses)
			warnings, err := daemon.Lint(t.Context(), daemon.Config{Folder: folder, Settings: s})
			require.NoError(t, err)
			warned := slices.ContainsFunc(warnings, func(w daemon.Warning) bool { return w.Key == "p2p.announce" })
			require.Equal(t, len(c.told) == 0, warned, "%v", warnings)
			require.Equal(t, len(c.told) == 0, made.Note != "", made.Note)
		})
	}
}

func TestLintNamesAddressesOfMembersThatTheNodeCannotDial(t *testing.T) {
	for _, bad := range []string{
		"/ip4/0.0.0.0/tcp/3000", "/dns4/h/tcp/0", "/ip4/127.0.0.1/udp/1", "/dns4/h/tcp/1/ws", "/unknown/x", "/ip4/127.0.0.1/udp/1/quic-v1",
	} {
		folder, s := daemon.Folder{Dir: t.TempDir()}, singleMember()
		s.P2P.Announce = []string{"/dns4/alice.example/tcp/3000"}
		_, err := daemon.Init(t.Context(), folder, s, daemon.InitOptions{})
		require.NoError(t, err)
		text, err := os.ReadFile(folder.Resolve("peers.toml"))
		require.NoError(t, err)
		changed := strings.Replace(string(text), s.P2P.Announce[0], bad, 1)
		require.NoError(t, os.WriteFile(folder.Resolve("peers.toml"), []byte(changed), 0o600))
		warnings, err := daemon.Lint(t.Context(), daemon.Config{Folder: folder, Settings: s})
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(warnings), bad)
	}
}
