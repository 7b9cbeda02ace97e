// Package dht is a distributed hash table among the members of a network: Kademlia
// (go-libp2p-kad-dht) on the host of transport/p2p.
//
// Everything in it is a convenience: small values that members tell each other, and a member's new
// address. Nothing correct and no start-up depends on it. A value is stored under the key of the
// member that stores it, /ephemera/<network>/<peer ID>/<name>, signed by that member, and checked
// by everybody who sends, keeps or believes it; of several the newest by signed time wins, then the
// one with the greater bytes. Members keep values in memory, so many for each storing member, for
// two days: whoever wants one to stay stores it again. A member can withhold a value or show an old
// one, never another member's false one.
package dht

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	kad "github.com/libp2p/go-libp2p-kad-dht"
	kbucket "github.com/libp2p/go-libp2p-kbucket"
	kadrecord "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// ErrNotFound reports a key under which nobody had a value within the deadline. It is a
// store.ErrNotFound, too.
var ErrNotFound = fmt.Errorf("hash table: %w", store.ErrNotFound)

// Config describes a node's part of the table. Host, Network, Key and Members are required.
type Config struct {
	// Host is the transport's: it admits members only. Close the table before the transport ends.
	Host    host.Host
	Network string
	Key     keys.Private
	// Members returns those whose values are kept and who are asked, oneself among them; p2p.Transport
	// and Node know them. It is called often and concurrently, and must not block.
	Members func() []keys.Public
	// Limits bound values and records; zero fields are those that limits.For derives.
	Limits limits.DHT
	// Timeout bounds Store, Query, Closest and Find where their context has no earlier deadline.
	// Default 5 s.
	Timeout time.Duration
	// Logger may be nil.
	Logger *slog.Logger
}

const (
	defaultTimeout = 5 * time.Second
	// lookups are under way at once for one query.
	lookups = 8
	// addresses are believed of one member at most.
	addresses = 8
)

// Validate tells what is missing.
func (c Config) Validate() error {
	switch {
	case c.Host == nil || c.Members == nil:
		return errors.New("dht: Host and Members are required")
	case c.Key.Public() == keys.Public{}:
		return errors.New("dht: Key is required")
	case c.Limits.ValueBytes < 0 || c.Limits.RecordsPerMember < 0 || c.Timeout < 0:
		return errors.New("dht: bounds must not be negative")
	}
	return membership.CheckNetwork(c.Network)
}

// DHT is a node's part of the table. Its methods are safe for concurrent use.
type DHT struct {
	config  Config
	table   *kad.IpfsDHT
	members *book

	mu   sync.Mutex
	last int64 // the time of the own record that was signed last: the next one is later
}

// New takes part in the table until Close.
func New(config Config) (*DHT, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	derived, err := limits.For(limits.Config{})
	if err != nil {
		return nil, err
	}
	config.Limits.ValueBytes = cmp.Or(config.Limits.ValueBytes, derived.DHT.ValueBytes)
	config.Limits.RecordsPerMember = cmp.Or(config.Limits.RecordsPerMember, derived.DHT.RecordsPerMember)
	config.Timeout = cmp.Or(config.Timeout, defaultTimeout)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	d := &DHT{config: config, members: &book{members: config.Members}}
	d.table, err = kad.New(config.Host,
		kad.Mode(kad.ModeServer),
		kad.ProtocolPrefix(protocol.ID("/ephemera/"+config.Network)),
		kad.Validator(kadrecord.NamespacedValidator{namespace: d.validator()}),
		kad.ValueDatastore(newShelf(config.Network, config.Limits.RecordsPerMember)),
		kad.DisableProviders(),
		kad.QueryFilter(func(_ any, info peer.AddrInfo) bool { return d.members.knowsID(info.ID) }),
		kad.RoutingTableFilter(func(_ any, id peer.ID) bool { return d.members.knowsID(id) }),
	)
	if err != nil {
		return nil, fmt.Errorf("start hash table: %w", err)
	}
	return d, nil
}

func (d *DHT) validator() validator {
	return validator{network: d.config.Network, valueBytes: d.config.Limits.ValueBytes, known: d.members.knows}
}

// Close ends the node's part.
func (d *DHT) Close() error { return d.table.Close() }

// Store signs a value and gives it to the members closest to its key. The key is a name, or "<own
// peer ID>/<name>"; others read it as the latter. ErrInvalid: the name, or a value above
// limits.DHT.ValueBytes. That no other member is reached is no error: this node keeps the value,
// and those who ask it find it.
func (d *DHT) Store(ctx context.Context, key string, value []byte) error {
	own := Key{Member: d.config.Key.Public(), Name: key}
	if parsed, err := ParseKey(key); err == nil {
		if parsed.Member != own.Member {
			return fmt.Errorf("%w: %s belongs to another member, store under a name of your own", ErrInvalid, key)
		}
		own = parsed
	}
	if err := CheckName(own.Name); err != nil {
		return err
	}
	if len(value) > d.config.Limits.ValueBytes {
		return fmt.Errorf("%w: value of %d bytes, at most %d", ErrInvalid, len(value), d.config.Limits.ValueBytes)
	}
	if !d.members.knows(own.Member) {
		return fmt.Errorf("%w: this node is no member, and nobody would keep its values", ErrInvalid)
	}
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	data := sign(d.config.Key, d.config.Network, own.Name, d.now(), value)
	err := d.table.PutValue(ctx, own.path(d.config.Network), data)
	if errors.Is(err, kbucket.ErrLookupFailure) {
		d.config.Logger.Debug("value kept by this node alone, no other is known yet", "key", own.String())
		return nil
	}
	if err != nil {
		return fmt.Errorf("store %s: %w", own, err)
	}
	return nil
}

// now returns a time for the next own record, in milliseconds since 1970: the clock's, but always a
// later one.
func (d *DHT) now() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = max(d.last+1, time.Now().UnixMilli())
	return d.last
}

// Query returns a value that a member stored. The key is "<peer ID>/<name>", or a name alone: then
// every member's value of that name is looked for, and the newest wins, which any member can make.
// ErrNotFound comes within the deadline.
func (d *DHT) Query(ctx context.Context, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	var candidates []Key
	if parsed, err := ParseKey(key); err == nil {
		candidates = []Key{parsed}
	} else if err := CheckName(key); err != nil {
		return nil, err
	} else {
		for _, member := range d.config.Members() {
			candidates = append(candidates, Key{Member: member, Name: key})
		}
	}
	found := make([][]byte, len(candidates))
	var work errgroup.Group
	work.SetLimit(lookups)
	for i, candidate := range candidates {
		work.Go(func() error {
			// With a value there may be an error as well: the deadline came before everybody had answered.
			found[i], _ = d.table.GetValue(ctx, candidate.path(d.config.Network))
			return nil
		})
	}
	_ = work.Wait() // nothing fails: what is not found is missing
	best, err := d.validator().Select("", found)
	if err != nil {
		return nil, fmt.Errorf("%w: key %s", ErrNotFound, key)
	}
	r, err := decode(found[best], d.config.Limits.ValueBytes)
	if err != nil {
		return nil, err
	}
	return r.Value, nil
}

// Closest returns the members closest to a key by Kademlia's distance that answer, the closest
// first, without oneself.
func (d *DHT) Closest(ctx context.Context, key Key) ([]keys.Public, error) {
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	ids, err := d.table.GetClosestPeers(ctx, key.path(d.config.Network))
	if err != nil {
		return nil, fmt.Errorf("closest members to %s: %w", key, err)
	}
	var closest []keys.Public
	for _, id := range ids {
		if member, known := d.members.find(id); known {
			closest = append(closest, member)
		}
	}
	return closest, nil
}

// Find asks the others for a member's addresses, without /p2p. They are hearsay: the handshake
// tells whether the member is there.
func (d *DHT) Find(ctx context.Context, member keys.Public) ([]string, error) {
	id, err := peer.Decode(member.PeerID())
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", member, err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	info, err := d.table.FindPeer(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("%w: addresses of %s: %w", ErrNotFound, member, err)
	}
	var found []string
	for _, address := range info.Addrs {
		if _, err := address.ValueForProtocol(ma.P_P2P); err != nil && len(found) < addresses {
			found = append(found, address.String())
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: addresses of %s", ErrNotFound, member)
	}
	return found, nil
}

// book tells members by peer ID.
type book struct{ members func() []keys.Public }

func (b *book) knows(key keys.Public) bool {
	for _, member := range b.members() {
		if member == key {
			return true
		}
	}
	return false
}

func (b *book) find(id peer.ID) (keys.Public, bool) {
	key, err := keys.ParsePublic(id.String())
	return key, err == nil && b.knows(key)
}

func (b *book) knowsID(id peer.ID) bool {
	_, known := b.find(id)
	return known
}
