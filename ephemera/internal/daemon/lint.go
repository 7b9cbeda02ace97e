package daemon

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// Warning describes a setting that is valid but unwise in production.
type Warning struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// Lint returns warnings about a configuration, of which it uses Folder, Settings and Stores. It
// reads the list of members if that is a file, and creates nothing. The error wraps
// settings.ErrConfig if Run would refuse the configuration, and limits.ErrDescriptors if the
// process may have too few files and connections open.
func Lint(ctx context.Context, config Config) ([]Warning, error) {
	f, s := config.Folder, config.Settings
	warnings := []Warning{}
	warn := func(key, format string, args ...any) {
		warnings = append(warnings, Warning{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	if err := check(config); err != nil {
		return nil, err
	}
	p := policyConfig(s.Block)
	for _, text := range p.Warnings() {
		warn("block", "%s", text)
	}
	group, err := lintMembers(f, s, warn)
	if err != nil {
		return nil, err
	}
	if err := lintLimits(s, group, warn); err != nil {
		return nil, err
	}
	lintAnnounced(s, warn)
	if !loopback(s.Admin.Listen) {
		warn("admin.listen", "other machines can connect to %s, and any caller can sign with this node's key; use an address on 127.0.0.1", s.Admin.Listen)
	}
	if !loopback(s.HTTP.Listen) && s.HTTP.TokenFile != "" {
		warn("http.listen", "callers send the bearer token to %s unencrypted; put a proxy with TLS in front", s.HTTP.Listen)
	}
	if s.Storage.KeepFor == 0 && s.Storage.KeepBlocks == 0 {
		warn("storage.keep_for", "bodies of blocks are kept forever and will fill the disk; set keep_for or keep_blocks")
	}
	if levels, err := logging.ParseLevels(s.Log.Level); err == nil && levels.Base < slog.LevelInfo {
		warn("log.level", "level debug logs a line for nearly every frame")
	}
	return warnings, ctx.Err()
}

// check returns an error that wraps settings.ErrConfig if settings that are valid one by one cannot
// work together, with the files that they name or with what this program has. It opens no home and
// no listener.
func check(config Config) error {
	f, s := config.Folder, config.Settings
	if err := checkSettings(s); err != nil {
		return err
	}
	if _, err := kindOf(s, config.Stores); err != nil {
		return err
	}
	if err := home.CheckKind(f.Data(), s.Storage.Kind); err != nil {
		return fmt.Errorf("%w: storage.kind: %w", settings.ErrConfig, err)
	}
	if s.Membership.Source == "file" {
		path := f.Resolve(s.Membership.File)
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%w: membership.file: %s: not a regular file", settings.ErrConfig, path)
		}
	}
	_, err := token(f, s)
	return err
}

// checkSettings is the part of check that needs no file.
func checkSettings(s settings.Settings) error {
	if err := p2p.CheckListen(s.P2P.QUIC, s.P2P.Listen...); err != nil {
		return fmt.Errorf("%w: p2p.listen: %w (p2p.quic turns QUIC on)", settings.ErrConfig, err)
	}
	if err := p2p.CheckAnnounce(s.P2P.Announce...); err != nil {
		return fmt.Errorf("%w: p2p.announce: %w", settings.ErrConfig, err)
	}
	if err := policyConfig(s.Block).Validate(); err != nil {
		return fmt.Errorf("%w: %w", settings.ErrConfig, err)
	}
	listeners := []address.Listener{{Setting: "http.listen", Address: s.HTTP.Listen}, {Setting: "admin.listen", Address: s.Admin.Listen}}
	for _, text := range s.P2P.Listen {
		listeners = append(listeners, address.Listener{Setting: "p2p.listen", Address: text})
	}
	if err := address.CheckDistinct(listeners...); err != nil {
		return fmt.Errorf("%w: %w", settings.ErrConfig, err)
	}
	if _, err := limits.For(limitsConfig(s, nil)); err != nil {
		return fmt.Errorf("%w: %w", settings.ErrConfig, err)
	}
	return nil
}

// lintMembers checks the list of members and returns its group. It returns nil if the list is not a
// file.
func lintMembers(f Folder, s settings.Settings, warn func(key, format string, args ...any)) (*membership.Group, error) {
	if s.Membership.Source != "file" {
		return nil, nil
	}
	path := f.Resolve(s.Membership.File)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: membership.file: %w", settings.ErrConfig, err)
	}
	list, err := provider.Decode(path, data)
	if err != nil {
		return nil, fmt.Errorf("%w: membership.file: %w", settings.ErrConfig, err)
	}
	lintDialing(s, list, warn)
	group := list.Group
	if group.Network() != s.Node.Network {
		return nil, wrongNetwork(path, group, s)
	}
	switch n, f := group.N(), group.F(); {
	case f == 0:
		warn("membership.file", "a group of %d tolerates no faulty member; use at least 4", n)
	case n != 3*f+1:
		warn("membership.file", "a group of %d tolerates %d faulty members, no more than a group of %d; the number grows at 4, 7, 10, 13 members", n, f, 3*f+1)
	}
	return group, nil
}

// lintAnnounced warns if others cannot be given an address of this node.
func lintAnnounced(s settings.Settings, warn func(key, format string, args ...any)) {
	if len(s.P2P.Announce) > 0 {
		return
	}
	if usable, err := address.Usable(s.P2P.Listen); len(usable) == 0 {
		warn("p2p.announce", "no address of p2p.listen can be given to others; set the one at which they reach this node: %s", oneLine(err))
	}
}

// lintDialing warns about addresses of members that the node's transports cannot dial.
func lintDialing(s settings.Settings, list membership.List, warn func(key, format string, args ...any)) {
	if list.Dropped != nil {
		warn("membership.file", "%s", oneLine(list.Dropped))
	}
	if s.P2P.QUIC {
		return
	}
	for _, peer := range list.Peers {
		for _, text := range peer.Addresses {
			if address.NeedsQUIC(text) {
				warn("membership.file", "member %q: this node cannot dial %s, because QUIC is off; set p2p.quic", peer.Name, text)
			}
		}
	}
}

// oneLine joins the lines of an error.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// lintLimits adds the warnings of package limits about the bounds that Run would derive.
func lintLimits(s settings.Settings, group *membership.Group, warn func(key, format string, args ...any)) error {
	config := limitsConfig(s, group)
	bounds, err := limits.For(config)
	if err != nil {
		return fmt.Errorf("%w: %w", settings.ErrConfig, err)
	}
	if group != nil { // another kind of store needs some more
		if _, err := bound(config, s, home.SQLite(), descriptors.Limit(), group.N()-1, slog.New(slog.DiscardHandler)); err != nil {
			return err
		}
	}
	bounds.Mempool = mempoolLimits(s.Mempool, bounds.Mempool)
	bounds.HTTP.RequestsPerSecond = cmp.Or(s.HTTP.RequestsPerSec, bounds.HTTP.RequestsPerSecond)
	bounds.WebSocket.Subscribers = cmp.Or(s.HTTP.Subscribers, bounds.WebSocket.Subscribers)
	for _, w := range limits.Lint(config, bounds) {
		text := settingNames.Replace(w.String())
		key, _, named := strings.Cut(text, " = ")
		switch {
		case !named:
			key = "limits"
		case key[0] < 'a': // a bound without a setting of its own
			w.Set = "it is derived: raise limits.memory_bytes, or lower the other limits"
			key, text = "limits", settingNames.Replace(w.String())
		}
		warn(key, "%s", text)
	}
	return nil
}

// settingNames replaces the names of package limits by those of the settings.
var settingNames = strings.NewReplacer(
	"Mempool.Messages", "mempool.messages", "Mempool.Bytes", "mempool.bytes", "Mempool.PerSender", "mempool.per_sender",
	"Mempool.SenderBytes", "mempool.sender_bytes", "Mempool.TTL", "mempool.ttl", "Mempool.Skew", "mempool.skew",
	"HTTP.RequestsPerSecond", "http.requests_per_second", "WebSocket.Subscribers", "http.subscribers",
	"MessagesPerSecond", "limits.messages_per_second", "BlocksPerSecond", "limits.blocks_per_second",
	"MessageBytes", "limits.message_bytes", "MemoryBytes", "limits.memory_bytes", "Members", "limits.members",
)

// loopback reports whether an address is on the loopback interface, or empty.
func loopback(address string) bool {
	if address == "" {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
