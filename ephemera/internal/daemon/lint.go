package daemon

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// Warning is what is allowed and unwise.
type Warning struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// Lint says what of a valid configuration is unwise in production. It reads the list of members
// where that is a file, and makes nothing. The error wraps settings.ErrConfig: Run would refuse it.
func Lint(ctx context.Context, f Folder, s settings.Settings) ([]Warning, error) {
	warnings := []Warning{}
	warn := func(key, format string, args ...any) {
		warnings = append(warnings, Warning{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	if err := check(f, s); err != nil {
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
	if !loopback(s.Admin.Listen) {
		warn("admin.listen", "%s is reached from other machines, and whoever reaches it signs with this node's key; bind 127.0.0.1", s.Admin.Listen)
	}
	if !loopback(s.HTTP.Listen) && s.HTTP.TokenFile != "" {
		warn("http.listen", "the bearer token travels in the clear to %s; put a proxy with TLS in front", s.HTTP.Listen)
	}
	if s.Storage.KeepFor == 0 && s.Storage.KeepBlocks == 0 {
		warn("storage.keep_for", "bodies of blocks are kept for ever, so the disk fills; set keep_for or keep_blocks")
	}
	if levels, err := logging.ParseLevels(s.Log.Level); err == nil && levels.Base < slog.LevelInfo {
		warn("log.level", "debug logs a line for nearly every frame")
	}
	return warnings, ctx.Err()
}

// check tells what of settings that are valid by themselves cannot work, before anything is opened.
// The error wraps settings.ErrConfig.
func check(f Folder, s settings.Settings) error {
	for key, addresses := range map[string][]string{"p2p.listen": s.P2P.Listen, "p2p.announce": s.P2P.Announce} {
		if err := p2p.CheckAddresses(addresses...); err != nil {
			return fmt.Errorf("%w: %s: %w", settings.ErrConfig, key, err)
		}
	}
	if err := policyConfig(s.Block).Validate(); err != nil {
		return fmt.Errorf("%w: %w", settings.ErrConfig, err)
	}
	if _, port, err := net.SplitHostPort(s.HTTP.Listen); err == nil && port != "0" && s.HTTP.Listen == s.Admin.Listen {
		return fmt.Errorf("%w: http.listen and admin.listen are both %s, expected two addresses", settings.ErrConfig, s.HTTP.Listen)
	}
	_, err := token(f, s)
	return err
}

// lintMembers looks at the list of members where that is a file, and returns its group, else nil.
func lintMembers(f Folder, s settings.Settings, warn func(key, format string, args ...any)) (*membership.Group, error) {
	if s.Membership.Source != "file" {
		return nil, nil
	}
	path := f.Beside(s.Membership.File)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: membership.file: %w", settings.ErrConfig, err)
	}
	list, err := provider.Decode(path, data)
	if err != nil {
		return nil, fmt.Errorf("%w: membership.file: %w", settings.ErrConfig, err)
	}
	group := list.Group
	if group.Network() != s.Node.Network {
		return nil, fmt.Errorf("%w: %s is of network %q, node.network is %q", settings.ErrConfig, path, group.Network(), s.Node.Network)
	}
	switch n, f := group.N(), group.F(); {
	case f == 0:
		warn("membership.file", "a group of %d tolerates no faulty member; take at least 4", n)
	case n != 3*f+1:
		warn("membership.file", "a group of %d tolerates %d faulty members, as one of %d does; tolerance steps up at 4, 7, 10, 13", n, f, 3*f+1)
	}
	return group, nil
}

// lintLimits derives the bounds as Run does and asks package limits about them.
func lintLimits(s settings.Settings, group *membership.Group, warn func(key, format string, args ...any)) error {
	config := limits.Config{
		Members: s.Limits.Members, MessagesPerSecond: s.Limits.MessagesPerSecond, MessageBytes: s.Limits.MessageBytes,
		BlocksPerSecond: s.Limits.BlocksPerSecond, MemoryBytes: int64(s.Limits.MemoryBytes),
	}
	if group != nil {
		config = limitsConfig(s, group)
	}
	bounds, err := limits.For(config)
	if err != nil {
		return fmt.Errorf("%w: %w", settings.ErrConfig, err)
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
		case key[0] < 'a': // a bound that no setting names
			w.Set = "it is derived: raise limits.memory_bytes, or expect less"
			key, text = "limits", settingNames.Replace(w.String())
		}
		warn(key, "%s", text)
	}
	return nil
}

// settingNames turns the names of package limits into those of the configuration.
var settingNames = strings.NewReplacer(
	"Mempool.Messages", "mempool.messages", "Mempool.Bytes", "mempool.bytes", "Mempool.PerSender", "mempool.per_sender",
	"Mempool.SenderBytes", "mempool.sender_bytes", "Mempool.TTL", "mempool.ttl", "Mempool.Skew", "mempool.skew",
	"HTTP.RequestsPerSecond", "http.requests_per_second", "WebSocket.Subscribers", "http.subscribers",
	"MessagesPerSecond", "limits.messages_per_second", "BlocksPerSecond", "limits.blocks_per_second",
	"MessageBytes", "limits.message_bytes", "MemoryBytes", "limits.memory_bytes", "Members", "limits.members",
)

// loopback tells whether only this machine reaches an address; nobody reaches none.
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
