package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/dht"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
	"github.com/ephemera-go/nym-rewarding/ephemera/remote"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// daemon is a running node: its parts, and what they need.
type daemon struct {
	Config
	kind     home.Kind // of its store
	home     *home.Home
	log      *slog.Logger
	bounds   limits.Limits
	provider ephemera.Provider
	policy   *policy.Application
	program  *remote.Server // nil if application.remote is off
	link     *p2p.Transport
	node     *ephemera.Node
	table    *dht.DHT // nil if dht.enabled is off
	registry *prometheus.Registry
	api      servers
	early    *webserver.Early // nil if http.listen is off
	waits    *atomic.Value    // string: what the start waits for
}

// compose creates the parts and binds their listeners. If it fails, it closes what it opened.
func (d *daemon) compose(ctx context.Context) error {
	d.waits.Store("waiting for the list of members")
	list, err := d.members(ctx)
	if err != nil {
		return err
	}
	d.waits.Store("opening the node")
	if list.Warning != nil {
		d.log.Warn("list of members may be outdated", "err", list.Warning)
	}
	if list.Dropped != nil {
		d.log.Warn("addresses of members left out: nobody can dial them", "source", list.Source, "err", list.Dropped)
	}
	if d.bounds, err = bound(limitsConfig(d.Settings, list.Group), d.Settings, d.kind, d.descriptors(), list.Group.N()-1, d.log); err != nil {
		return err
	}
	if d.policy, err = policy.New(policyConfig(d.Settings.Block)); err != nil {
		return fmt.Errorf("%w: %w", settings.ErrConfig, err)
	}
	if d.Settings.Application.Remote {
		d.program = remote.NewServer(remote.Config{Network: d.Settings.Node.Network, Key: d.home.Key.Public(), Logger: d.Logger}, d.policy)
	}
	d.registry = prometheus.NewRegistry()
	if err := d.openTransport(list); err != nil {
		return err
	}
	if err := d.openNode(list); err != nil {
		return errors.Join(err, d.link.Close())
	}
	if err := d.register(); err != nil {
		return errors.Join(fmt.Errorf("register metrics: %w", err), d.link.Close())
	}
	if err := d.openDHT(); err != nil {
		return errors.Join(err, d.link.Close())
	}
	if err := d.openAPI(); err != nil {
		return errors.Join(err, d.closeDHT(), d.link.Close())
	}
	return nil
}

// members creates the provider and returns its first list.
func (d *daemon) members(ctx context.Context) (membership.List, error) {
	m := d.Settings.Membership
	if m.Source == "http" {
		source, err := provider.HTTP(provider.HTTPConfig{URL: m.URL, Keep: d.Folder.Resolve("peers.last.toml")})
		if err != nil {
			return membership.List{}, fmt.Errorf("%w: membership.url: %w", settings.ErrConfig, err)
		}
		d.provider = source
	} else {
		d.provider = provider.File(d.Folder.Resolve(m.File))
	}
	waiting, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := provider.First(waiting, d.reporting(d.provider), d.home.Store)
	if err == nil && list.Group.Network() != d.Settings.Node.Network {
		err = wrongNetwork(list.Source, list.Group, d.Settings)
	}
	return list, err
}

// reportEvery is the shortest time between two log lines about a wait.
const reportEvery = 15 * time.Second

// reporting returns a source that logs at once, and then rarely, why it has no list yet.
func (d *daemon) reporting(source provider.Source) provider.Func {
	var reported time.Time
	return func(ctx context.Context) (membership.List, error) {
		list, err := source.Current(ctx)
		if err != nil && ctx.Err() == nil && time.Since(reported) >= reportEvery {
			reported = time.Now()
			d.log.Warn("waiting for the list of members", "source", d.Settings.Membership.Source, "err", err)
		}
		return list, err
	}
}

func wrongNetwork(source string, group *membership.Group, s settings.Settings) error {
	return fmt.Errorf("%w: %s is a list of network %q, but node.network is %q (change one of them)", settings.ErrConfig, source, group.Network(), s.Node.Network)
}

func policyConfig(b settings.Block) policy.Config {
	return policy.Config{Wait: time.Duration(b.Every), Messages: b.Messages, OneOfEach: b.EachMember, OneLabel: b.OneLabel}
}

// limitsConfig returns what is expected of the node in a group. A nil group is one with the default
// limits.
func limitsConfig(s settings.Settings, group *membership.Group) limits.Config {
	l, members, bounds := s.Limits, s.Limits.Members, membership.DefaultLimits()
	if group != nil {
		members, bounds = max(members, group.N()), group.Limits()
	}
	return limits.Config{
		Members: members, Group: bounds, MessagesPerSecond: l.MessagesPerSecond,
		MessageBytes: min(l.MessageBytes, int(bounds.PayloadBytes)), BlocksPerSecond: l.BlocksPerSecond, MemoryBytes: int64(l.MemoryBytes),
	}
}

// mempoolLimits returns the configured limits, and the derived ones where none are configured.
func mempoolLimits(m settings.Mempool, derived mempool.Limits) mempool.Limits {
	return mempool.Limits{
		Messages: cmp.Or(m.Messages, derived.Messages), Bytes: cmp.Or(m.Bytes, derived.Bytes),
		PerSender: cmp.Or(m.PerSender, derived.PerSender), SenderBytes: cmp.Or(m.SenderBytes, derived.SenderBytes),
		Known: max(derived.Known, 4*m.Messages), TTL: time.Duration(m.TTL), Skew: time.Duration(m.Skew),
	}
}

func (d *daemon) openTransport(list membership.List) error {
	s := d.Settings.P2P
	var gossip p2p.Mode
	if err := gossip.UnmarshalText([]byte(s.Gossip)); err != nil {
		return fmt.Errorf("%w: p2p.gossip: %w", settings.ErrConfig, err)
	}
	link, err := p2p.New(p2p.Config{
		Network: list.Group.Network(), Key: d.home.Key, Listen: s.Listen, Announce: s.Announce, Peers: list.Peers,
		Gossip: gossip, QUIC: s.QUIC, Limits: d.bounds.Transport, Logger: d.Logger.With("logger", "p2p"),
		HostOptions: []libp2p.Option{libp2pMetrics(d.registry)},
	})
	if err != nil {
		return fmt.Errorf("open the p2p transport: %w", err)
	}
	d.link = link
	return nil
}

func (d *daemon) openNode(list membership.List) error {
	s := d.Settings
	var clients []keys.Public
	for _, text := range s.Node.Clients {
		key, err := keys.ParsePublic(text)
		if err != nil {
			return fmt.Errorf("%w: node.clients: %w", settings.ErrConfig, err)
		}
		clients = append(clients, key)
	}
	online, err := ephemera.ParseOnlineKind(s.Membership.Start)
	if err != nil {
		return fmt.Errorf("%w: membership.start: %w", settings.ErrConfig, err)
	}
	var app ephemera.Application = d.policy
	if d.program != nil {
		app = d.program
	}
	d.node, err = d.home.Node(ephemera.Config{
		Group: list.Group, Peers: list.Peers, Transport: d.link,
		Include: map[string]mempool.Include{"own": mempool.Own, "all": mempool.All}[s.Mempool.Include],
		Disk:    ephemera.Disk{Low: int64(s.Storage.Low), Critical: int64(s.Storage.Critical)},
		Mempool: mempoolLimits(s.Mempool, d.bounds.Mempool), Work: d.bounds.Work,
		ChainRate: ephemera.ChainRate{PerSecond: int64(d.bounds.Chain.BytesPerSecond), Burst: int64(d.bounds.Chain.BytesBurst)}, Clients: clients, MakeBlocks: online,
		HandOver: time.Duration(s.Membership.HandOver), Hold: s.Membership.Hold, Logger: d.Logger,
	}, app)
	return err
}
