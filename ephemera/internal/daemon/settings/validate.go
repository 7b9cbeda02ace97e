package settings

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/spelling"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Validate returns an error that reports all invalid values. It does not check multiaddrs, which
// the transport does.
func (s Settings) Validate() error {
	bad := problems{}
	if err := membership.CheckNetwork(s.Node.Network); err != nil {
		bad.add("node.network", s.Node.Network, err.Error())
	}
	if err := (membership.Peer{Name: s.Node.Name}).Check(); err != nil {
		bad.add("node.name", s.Node.Name, fmt.Sprintf("expected at most %d bytes without spaces", membership.MaxNameBytes))
	}
	for _, text := range s.Node.Clients {
		if _, err := keys.ParsePublic(text); err != nil {
			bad.add("node.clients", text, "expected public keys, as `ephemera keys show FILE` prints them")
		}
	}
	bad.oneOf("membership.source", s.Membership.Source, "file", "http")
	if s.Membership.Source == "file" && s.Membership.File == "" {
		bad.add("membership.file", "", "expected the path of the list of members")
	}
	bad.path("membership.file", s.Membership.File)
	bad.path("http.token_file", s.HTTP.TokenFile)
	if s.Membership.Source == "http" {
		if _, err := address.ParseURL(s.Membership.URL); err != nil {
			bad.add("membership.url", s.Membership.URL, err.Error())
		}
	}
	bad.oneOf("membership.start", s.Membership.Start, "any", "majority", "all")
	bad.oneOf("p2p.gossip", s.P2P.Gossip, "flood", "mesh", "direct", "off")
	if len(s.P2P.Listen) == 0 {
		bad.add("p2p.listen", "", "expected at least one multiaddr, such as /ip4/127.0.0.1/tcp/3000")
	}
	bad.address("http.listen", s.HTTP.Listen)
	bad.address("admin.listen", s.Admin.Listen)
	for _, name := range s.HTTP.Hosts {
		if err := webserver.CheckHost(name); err != nil {
			bad.add("http.hosts", name, err.Error())
		}
	}
	for _, pattern := range s.HTTP.Origins {
		if _, err := path.Match(pattern, ""); err != nil || strings.ContainsFunc(pattern, blank) {
			bad.add("http.origins", pattern, "expected a host, such as *.example.org")
		}
	}
	for _, text := range s.HTTP.TrustedProxies {
		if _, err := webserver.ParseProxies([]string{text}); err != nil {
			bad.add("http.trusted_proxies", text, err.Error())
		}
	}
	if s.Application.Remote && s.Admin.Listen == "" {
		bad.add("admin.listen", "", "application.remote needs the operator's API; set an address, such as 127.0.0.1:3101")
	}
	bad.oneOf("storage.kind", s.Storage.Kind, "sqlite", "pebble")
	bad.oneOf("mempool.include", s.Mempool.Include, "own", "all")
	bad.oneOf("log.format", s.Log.Format, "auto", "text", "json")
	if _, err := logging.ParseLevels(s.Log.Level); err != nil {
		bad.add("log.level", s.Log.Level, err.Error())
	}
	s.validateNumbers(&bad)
	return errors.Join(bad...)
}

func (s Settings) validateNumbers(bad *problems) {
	for _, v := range []struct {
		key   string
		value Duration
		least Duration
	}{
		{"membership.interval", s.Membership.Interval, 1},
		{"membership.hand_over", s.Membership.HandOver, 1},
		{"http.timeout", s.HTTP.Timeout, 1},
		{"storage.keep_for", s.Storage.KeepFor, 0},
		{"storage.interval", s.Storage.Interval, 1},
		{"mempool.ttl", s.Mempool.TTL, 1},
		{"mempool.skew", s.Mempool.Skew, 1},
		{"block.every", s.Block.Every, 0},
	} {
		if v.value < v.least {
			what := "expected a positive duration"
			if v.least == 0 {
				what = "expected 0s or a positive duration"
			}
			bad.add(v.key, v.value.String(), what)
		}
	}
	for _, v := range []struct {
		key          string
		value, least int
	}{
		{"http.requests_per_second", s.HTTP.RequestsPerSec, 0},
		{"http.subscribers", s.HTTP.Subscribers, 0},
		{"mempool.messages", s.Mempool.Messages, 0},
		{"mempool.bytes", s.Mempool.Bytes, 0},
		{"mempool.per_sender", s.Mempool.PerSender, 0},
		{"mempool.sender_bytes", s.Mempool.SenderBytes, 0},
		{"storage.low", s.Storage.Low, 0},
		{"storage.critical", s.Storage.Critical, 0},
		{"block.messages", s.Block.Messages, 0},
		{"limits.members", s.Limits.Members, 1},
		{"limits.messages_per_second", s.Limits.MessagesPerSecond, 1},
		{"limits.message_bytes", s.Limits.MessageBytes, 1},
		{"limits.blocks_per_second", s.Limits.BlocksPerSecond, 1},
		{"limits.memory_bytes", s.Limits.MemoryBytes, 1},
	} {
		if v.value < v.least {
			bad.add(v.key, fmt.Sprint(v.value), fmt.Sprintf("expected at least %d", v.least))
		}
	}
	if st := s.Storage; st.Low > 0 && st.Critical > st.Low {
		bad.add("storage.critical", fmt.Sprint(st.Critical), fmt.Sprintf("expected at most storage.low, which is %d", st.Low))
	}
}

// problems collects invalid values.
type problems []error

func (p *problems) add(key, value, what string) {
	*p = append(*p, fmt.Errorf("%s = %q: %s", key, value, what))
}

func (p *problems) oneOf(key, value string, choices ...string) {
	if slices.Contains(choices, value) {
		return
	}
	what := "expected " + strings.Join(choices[:len(choices)-1], ", ") + " or " + choices[len(choices)-1]
	if meant := spelling.Nearest(value, choices); meant != "" {
		what += fmt.Sprintf(", did you mean %q?", meant)
	}
	p.add(key, value, what)
}

// path refuses what no path has on purpose: control characters, and blanks around it. Variables
// that come from files often end with a newline.
func (p *problems) path(key, value string) {
	if strings.TrimSpace(value) != value || strings.ContainsFunc(value, unicode.IsControl) {
		p.add(key, value, "expected a path without blanks around it")
	}
}

func blank(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }

func (p *problems) address(key, value string) {
	if value == "" {
		return
	}
	if err := address.CheckHostPort(value); err != nil {
		p.add(key, value, err.Error())
	}
}
