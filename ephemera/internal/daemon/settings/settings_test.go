package settings

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestGeneratedFileContainsTheDefaults(t *testing.T) {
	text, err := Default().Encode()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "config.toml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	s, origins, err := Load(Sources{File: path})
	require.NoError(t, err)
	require.Equal(t, Default(), s)
	for _, f := range s.Fields() {
		require.Equal(t, "file "+path, origins[f.Key], f.Key)
		require.NotEmpty(t, f.Comment, f.Key)
	}
}

func TestFlagOverridesVariableOverridesFileOverridesDefault(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		inFile, inEnvironment, inFlags := rapid.Bool().Draw(t, "file"), rapid.Bool().Draw(t, "env"), rapid.Bool().Draw(t, "flag")
		want, origin := Default().HTTP.Listen, "default"
		from := Sources{File: filepath.Join(dir, "config.toml"), Environ: []string{"HOME=/", "EPHEMERA_HOME=x"}, Flags: map[string]string{}}
		_ = os.Remove(from.File)
		if inFile {
			want, origin = "127.0.0.1:1", "file "+from.File
			require.NoError(t, os.WriteFile(from.File, []byte("[http]\nlisten = \"127.0.0.1:1\"\n"), 0o600))
		}
		if inEnvironment {
			want, origin = "127.0.0.1:2", "EPHEMERA_HTTP__LISTEN"
			from.Environ = append(from.Environ, "EPHEMERA_HTTP__LISTEN=127.0.0.1:2")
		}
		if inFlags {
			want, origin = "127.0.0.1:3", "--http.listen"
			from.Flags["http.listen"] = "127.0.0.1:3"
		}
		s, origins, err := Load(from)
		require.NoError(t, err)
		require.Equal(t, want, s.HTTP.Listen)
		require.Equal(t, origin, origins["http.listen"])
		require.Equal(t, "default", origins["http.timeout"])
	})
}

func TestEveryKindOfValueIsReadFromText(t *testing.T) {
	s, _, err := Load(Sources{
		Environ: []string{"EPHEMERA_MEMBERSHIP__HAND_OVER=1h30m", "EPHEMERA_DHT__ENABLED=true"},
		Flags:   map[string]string{"p2p.listen": "/ip4/0.0.0.0/tcp/1, /ip6/::/tcp/1", "mempool.bytes": "7", "storage.keep_blocks": "9"},
	})
	require.NoError(t, err)
	require.Equal(t, Duration(90*time.Minute), s.Membership.HandOver)
	require.True(t, s.DHT.Enabled)
	require.Equal(t, []string{"/ip4/0.0.0.0/tcp/1", "/ip6/::/tcp/1"}, s.P2P.Listen)
	require.Equal(t, 7, s.Mempool.Bytes)
	require.Equal(t, uint64(9), s.Storage.KeepBlocks)
}

func TestMistakesAreReportedWithPositionAndSuggestion(t *testing.T) {
	for text, want := range map[string]string{
		"[http]\nlisen = \"x\"\n":                `c.toml:2:1: unknown key "http.lisen", did you mean "http.listen"?`,
		"[htpp]\nlisten = \"x\"\n":               `c.toml:1:2: unknown key "htpp", did you mean "http"?`,
		"[http]\nListen = \"a:1\"\n":             `c.toml: unknown key "http.Listen", did you mean "http.listen"?`,
		"[http]\nbananas = 1\n":                  `c.toml:2:1: unknown key "http.bananas" (` + "`ephemera config show` lists all keys)",
		"[http]\nlisten = 3\n":                   `c.toml:2:10: http.listen: expected a string in quotes`,
		"[p2p]\nlisten = 3\n":                    `c.toml:2:10: p2p.listen: expected a list of strings`,
		"[block]\nevery = \"soon\"\n":            `c.toml:2:9: block.every: expected a number with its unit`,
		"[block]\nmessages = \"many\"\n":         `c.toml:2:12: block.messages: expected a whole number`,
		"[block\nmessages = 1\n":                 `c.toml:1:7: expected ']'`,
		"block = 3\n":                            `expected a section [block]`,
		"[http]\nlisten=\"a:1\"\nlisten=\"b:1\"": `c.toml:3`,
	} {
		s := Default()
		require.ErrorContains(t, s.parse([]byte(text), "c.toml", Origins{}), want, text)
	}
}

func TestInvalidValuesAreRefusedByName(t *testing.T) {
	for _, flag := range []struct{ key, value, want string }{
		{"membership.source", "htpp", `did you mean "http"?`},
		{"membership.source", "http", "membership.url"},
		{"p2p.gossip", "loud", "flood, mesh, direct or off"},
		{"p2p.listen", "", "at least one multiaddr"},
		{"http.listen", "here", "host:port"},
		{"http.listen", "127.0.0.1:0\n", "port \"0\\n\", expected 0..65535"},
		{"http.listen", " 127.0.0.1:0", "host:port"},
		{"admin.listen", "127.0.0.1:99999", "expected 0..65535"},
		{"http.hosts", "node.example:3100", "without a port"},
		{"http.trusted_proxies", "proxy.example", "expected an address or a prefix"},
		{"http.trusted_proxies", "10.0.0.1,0.0.0.0/0", "any caller could claim any address"},
		{"node.network", "My Net", "network name"},
		{"node.clients", "me", "public keys"},
		{"mempool.ttl", "-1s", "positive"},
		{"mempool.messages", "-1", "at least 0"},
		{"mempool.messages", "many", "whole number"},
		{"storage.low", "-1", "at least 0"},
		{"log.level", "info,p2p=loud", "parts such as p2p=debug"},
		{"http.listne", "x", `--http.listne: unknown key "http.listne", did you mean "http.listen"?`},
	} {
		_, _, err := Load(Sources{Flags: map[string]string{flag.key: flag.value}})
		require.ErrorIs(t, err, ErrConfig, flag)
		require.ErrorContains(t, err, flag.want)
	}
	_, _, err := Load(Sources{Flags: map[string]string{"storage.low": "5", "storage.critical": "6"}})
	require.ErrorContains(t, err, `storage.critical = "6": expected at most storage.low, which is 5`)
	_, _, err = Load(Sources{Flags: map[string]string{"membership.source": "http", "membership.url": "http://127.0.0.1:8080/peers "}})
	require.ErrorContains(t, err, `"http://127.0.0.1:8080/peers " is not a URL`)
	_, _, err = Load(Sources{Environ: []string{"EPHEMERA_HTTP__LISTNE=x"}})
	require.ErrorContains(t, err, `EPHEMERA_HTTP__LISTNE: unknown variable, did you mean EPHEMERA_HTTP__LISTEN?`)
	_, _, err = Load(Sources{Environ: []string{"EPHEMERA_HTTP__COLOUR=x"}})
	require.ErrorContains(t, err, `EPHEMERA_HTTP__COLOUR: unknown variable`)
}

func FuzzParse(f *testing.F) {
	text, err := Default().Encode()
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte("[http]\nlisten = 3\n[nod]\n"))
	f.Add([]byte("node.name = \"x\"\nhttp = {listen = \"a:1\"}\n[log]\nlevel = \"\"\"\nx\"\"\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, origins := Default(), Origins{}
		if s.parse(data, "f", origins) != nil {
			return
		}
		known := map[string]bool{}
		for _, field := range s.Fields() {
			known[field.Key] = true
		}
		for key := range origins {
			require.True(t, known[key], "an unknown key was accepted: %q", key)
		}
		_ = s.Validate()
	})
}

// A configuration that an editor saved with a byte order mark and line ends of DOS is the same.
func TestEditedConfigurationsAreRead(t *testing.T) {
	s := Default()
	require.NoError(t, s.parse([]byte("\xef\xbb\xbf[node]\r\nname = \"edited\"\r\n\r\n"), "c.toml", Origins{}))
	require.Equal(t, "edited", s.Node.Name)
	require.ErrorContains(t, s.parse([]byte("\xff\xfe[\x00"), "c.toml", Origins{}), "c.toml: the text is UTF-16")
}
