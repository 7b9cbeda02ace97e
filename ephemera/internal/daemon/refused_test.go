package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// refused are settings with which no node runs: values of keys, and a part of the message.
var refused = []struct{ settings, want string }{
	{"node.name=a b", "without spaces"},
	{"node.name=a\n", "without spaces"},
	{"node.name=" + strings.Repeat("a", 300), "at most"},
	{"node.network=My Net", "network name"},
	{"node.network=mynet\n", "network name"},
	{"node.clients=me", "expected public keys"},
	{"membership.source=http\n", "expected file or http"},
	{"membership.source=http", "membership.url"},
	{"membership.source=http membership.url=http://127.0.0.1:8080/peers\n", "is not a URL"},
	{"membership.source=http membership.url=http://127.0.0.1:99999", "expected 1..65535"},
	{"membership.file=", "expected the path"},
	{"membership.file=peers.toml\n", "without blanks around it"},
	{"membership.file=folder", "not a regular file"},
	{"membership.interval=0s", "expected a positive duration"},
	{"membership.interval=10", "a number with its unit"},
	{"membership.start=most", "expected any, majority or all"},
	{"membership.hand_over=-1s", "expected a positive duration"},
	{"p2p.listen=", "at least one multiaddr"},
	{"p2p.listen=127.0.0.1:3000", "p2p.listen"},
	{"p2p.listen=/ip4/127.0.0.1/tcp/99999", "p2p.listen"},
	{"p2p.listen=/ip4/127.0.0.1/tcp/0,/dns4/localhost/tcp/0", "expected an IP address"},
	{"p2p.listen=/ip4/127.0.0.1/udp/0/quic-v1", "QUIC is off"},
	{"p2p.announce=nowhere", "p2p.announce"},
	{"p2p.announce=/ip4/0.0.0.0/tcp/1", "others cannot dial"},
	{"p2p.announce=/dns4/node.example/tcp/0", "others cannot dial port 0"},
	{"p2p.gossip=loud", "expected flood, mesh, direct or off"},
	{"http.listen=here", "host:port"},
	{"http.listen=127.0.0.1:0\n", "expected 0..65535"},
	{"http.listen= 127.0.0.1:0", "host:port"},
	{"http.listen=127.0.0.1:99999", "expected 0..65535"},
	{"http.listen=127.0.0.1:7 admin.listen=localhost:7", "different ports"},
	{"http.listen=:7 p2p.listen=/ip4/127.0.0.1/tcp/7", "different ports"},
	{"http.token_file=missing", "no such file"},
	{"http.token_file=folder", "is a folder"},
	{"http.token_file=exposed", "chmod 600"},
	{"http.token_file=short", "at least 16"},
	{"http.token_file=short ", "without blanks around it"},
	{"http.origins=a b", "expected a host"},
	{"http.origins=a[", "expected a host"},
	{"http.hosts=node.example:3100", "without a port"},
	{"http.requests_per_second=-1", "at least 0"},
	{"http.subscribers=-1", "at least 0"},
	{"http.timeout=0s", "expected a positive duration"},
	{"http.trusted_proxies=10.0.0.1,0.0.0.0/0", "any caller could claim any address"},
	{"admin.listen=127.0.0.1:-1", "expected 0..65535"},
	{"admin.listen= application.remote=true", "application.remote needs"},
	{"storage.kind=rocksdb", "expected sqlite or pebble"},
	{"storage.kind=pebble", "it was made with sqlite"},
	{"storage.keep_for=-1s", "expected 0s or a positive duration"},
	{"storage.keep_blocks=-1", "a whole number from 0"},
	{"storage.interval=0s", "expected a positive duration"},
	{"storage.low=-1", "at least 0"},
	{"storage.low=5 storage.critical=6", "at most storage.low"},
	{"mempool.include=some", "expected own or all"},
	{"mempool.messages=-1", "at least 0"},
	{"mempool.bytes=many", "a whole number"},
	{"mempool.per_sender=-1", "at least 0"},
	{"mempool.sender_bytes=-1", "at least 0"},
	{"mempool.ttl=0s", "expected a positive duration"},
	{"mempool.skew=0s", "expected a positive duration"},
	{"block.every=25h", "invalid block policy"},
	{"block.messages=-1", "at least 0"},
	{"limits.members=1000", "Members is 1000"},
	{"limits.messages_per_second=9223372036854775807", "MessagesPerSecond is"},
	{"limits.message_bytes=0", "at least 1"},
	{"limits.blocks_per_second=0", "at least 1"},
	{"limits.memory_bytes=9223372036854775807", "MemoryBytes is"},
	{"log.level=info,p2p=loud", "parts such as p2p=debug"},
	{"log.format=xml", "expected auto, text or json"},
	{"http.listne=127.0.0.1:0", `did you mean "http.listen"?`},
}

// parse returns the settings of a row.
func parse(row string) map[string]string {
	values := map[string]string{"p2p.listen": "/ip4/127.0.0.1/tcp/0", "http.listen": "127.0.0.1:0", "admin.listen": "127.0.0.1:0"}
	key := ""
	for _, word := range strings.SplitAfter(row, " ") {
		if name, value, found := strings.Cut(word, "="); found && strings.Contains(name, ".") {
			if key != "" {
				values[key] = strings.TrimSuffix(values[key], " ")
			}
			key, word, values[name] = name, value, ""
		}
		values[key] += word
	}
	return values
}

// What `config lint` refuses, `run` refuses with the same words, before it opens anything. Every
// setting has a value that both refuse.
func TestLintRefusesWhatRunRefuses(t *testing.T) {
	folder := daemon.Folder{Dir: t.TempDir()}
	_, err := daemon.Init(t.Context(), folder, singleMember(), daemon.InitOptions{})
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(folder.Resolve("folder"), 0o700))
	require.NoError(t, os.WriteFile(folder.Resolve("exposed"), []byte(strings.Repeat("x", 32)), 0o600))
	require.NoError(t, os.Chmod(folder.Resolve("exposed"), 0o644))
	require.NoError(t, os.WriteFile(folder.Resolve("short"), []byte("secret"), 0o600))
	stores := []home.Kind{{Name: "pebble", Open: func(string, *slog.Logger) (store.Store, error) {
		return nil, errors.New("the store was opened")
	}}}
	before := everyFile(t, folder.Dir)

	tried := map[string]bool{}
	for _, row := range refused {
		values := parse(row.settings)
		load := func(use func(daemon.Config) error) error {
			s, _, err := settings.Load(settings.Sources{Flags: values})
			if err != nil {
				return err
			}
			return use(daemon.Config{Folder: folder, Settings: s, Stores: stores})
		}
		lint := load(func(c daemon.Config) error { _, err := daemon.Lint(t.Context(), c); return err })
		run := load(func(c daemon.Config) error {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			c.Started = func(daemon.Addresses) { cancel() }
			return daemon.Run(ctx, c)
		})
		require.ErrorIs(t, lint, settings.ErrConfig, row.settings)
		require.ErrorContains(t, lint, row.want, row.settings)
		require.EqualError(t, run, lint.Error(), row.settings)
		for key := range values {
			tried[key] = tried[key] || strings.Contains(row.settings, key+"=")
		}
	}
	require.Equal(t, before, everyFile(t, folder.Dir), "something was opened")
	for _, field := range settings.Default().Fields() {
		if field.Value != "true" && field.Value != "false" {
			require.True(t, tried[field.Key], "no row for %s", field.Key)
		}
	}
}

// An address that cannot be bound is an error that names its setting, also if it is one of several.
func TestEveryListenerIsBoundOrNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	at := taken.Addr().(*net.TCPAddr)
	for want, change := range map[string]func(*settings.Settings){
		fmt.Sprintf("listen on /ip4/127.0.0.1/tcp/%d", at.Port): func(s *settings.Settings) {
			s.P2P.Listen = append(s.P2P.Listen, fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", at.Port))
		},
		"http.listen: listen on " + at.String():  func(s *settings.Settings) { s.HTTP.Listen = at.String() },
		"admin.listen: listen on " + at.String(): func(s *settings.Settings) { s.Admin.Listen = at.String() },
	} {
		folder, s := daemon.Folder{Dir: t.TempDir()}, singleMember()
		_, err := daemon.Init(t.Context(), folder, s, daemon.InitOptions{})
		require.NoError(t, err)
		change(&s)
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		err = daemon.Run(ctx, daemon.Config{Folder: folder, Settings: s, Started: func(daemon.Addresses) { cancel() }})
		cancel()
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "choose another address")
		require.NotErrorIs(t, err, settings.ErrConfig, "another process may leave the address")
	}
}

// A list of another network is refused by both. A node with another network in its store cannot be
// opened: only Run sees that.
func TestListOfAnotherNetworkIsRefused(t *testing.T) {
	folder, s := daemon.Folder{Dir: t.TempDir()}, singleMember()
	_, err := daemon.Init(t.Context(), folder, s, daemon.InitOptions{})
	require.NoError(t, err)
	text, err := os.ReadFile(folder.Resolve("peers.toml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(folder.Resolve("other.toml"), []byte(strings.Replace(string(text), "ephemera'", "other'", 1)), 0o600))
	s.Membership.File = "other.toml"
	_, lint := daemon.Lint(t.Context(), daemon.Config{Folder: folder, Settings: s})
	require.ErrorIs(t, lint, settings.ErrConfig)
	require.EqualError(t, daemon.Run(t.Context(), daemon.Config{Folder: folder, Settings: s}), lint.Error())

	s.Node.Network = "other"
	err = daemon.Run(t.Context(), daemon.Config{Folder: folder, Settings: s})
	require.ErrorContains(t, err, `on network "ephemera"`)
	require.ErrorContains(t, err, `on "other"; use this node's folder, and the network of its first start`)
}

// A build without Pebble says so before it makes a folder.
func TestStoreThatTheProgramLacksIsRefusedByInit(t *testing.T) {
	folder, s := daemon.Folder{Dir: filepath.Join(t.TempDir(), "new")}, singleMember()
	s.Storage.Kind = "pebble"
	_, err := daemon.Init(t.Context(), folder, s, daemon.InitOptions{})
	require.ErrorIs(t, err, settings.ErrConfig)
	require.NoFileExists(t, folder.Dir)
}

// everyFile returns names and times of all files in a folder.
func everyFile(t *testing.T, dir string) []string {
	var found []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		info, infoErr := entry.Info()
		found = append(found, path+" "+info.ModTime().String())
		return errors.Join(err, infoErr)
	}))
	slices.Sort(found)
	return found
}
