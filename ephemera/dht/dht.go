// Package dht is a distributed hash table among the members of a network: Kademlia
// (go-libp2p-kad-dht) on the host of transport/p2p. It holds small values that members publish, and
// finds a member whose address changed. It is a convenience: neither correctness nor starting a
// node depends on it.
//
// A value is stored under a key that names its author, /ephemera/<network>/<peer ID>/<name>, and is
// signed by that member. Every member checks the signature before it sends, stores or uses a value.
// Of several values of one key the one with the newest signed time wins, then the one with the
// greater bytes. A value dated further ahead than Config.Skew is refused: it would win against all
// later ones. Members keep values in memory for two days, at most limits.DHT.RecordsPerMember of
// each author, so an author must store a value again to keep it longer. A member can withhold a
// value or return an old one, but it cannot forge another member's value.
//
// The package is unstable: programs use it through the API of a node.
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
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// errNotFound reports that no value, or no address, was found within the deadline. It wraps
// store.ErrNotFound.
var errNotFound = fmt.Errorf("hash table: %w", store.ErrNotFound)

// Config configures a node's part of the table. Host, Network, Key and Members are required.
type Config struct {
	// Host is the host of the transport, which connects with members only. Close the table before
	// the transport.
	Host    host.Host
	Network string
	Key     keys.Private
	// Members returns the members whose values are kept and who are queried, including this node. It
	// is called often and concurrently, and must not block.
	Members func() []keys.Public
	// Limits bound values and records. Zero fields take the values of limits.For.
	Limits limits.DHT
	// Timeout bounds Store, Query, Closest, Neighbours and Find if their context has no earlier
	// deadline. The default is 5 s.
	Timeout time.Duration
	// Skew is how far ahead of this node's clock a record may be dated. The default is 1 min.
	Skew time.Duration
	// Logger may be nil.
	Logger *slog.Logger
}

const (
	defaultTimeout = 5 * time.Second
	defaultSkew    = time.Minute
	// maxLookups bounds the concurrent lookups of one Query.
	maxLookups = 8
	// maxAddresses bounds the addresses that Find returns.
	maxAddresses = 8
)

// Validate returns an error if a required field is missing or a bound is negative.
func (c Config) Validate() error {
	switch {
	case c.Host == nil || c.Members == nil:
		return errors.New("dht config: Host and Members are required")
	case c.Key.Public() == keys.Public{}:
		return errors.New("dht config: Key is required")
	case c.Limits.ValueBytes < 0 || c.Limits.RecordsPerMember < 0 || c.Timeout < 0 || c.Skew < 0:
		return errors.New("dht config: Limits, Timeout and Skew must not be negative")
	}
	return membership.CheckNetwork(c.Network)
}

// DHT is a node's part of the table. Its methods are safe for concurrent use.
type DHT struct {
	config  Config
	table   *kad.IpfsDHT
	members *directory

	mu   sync.Mutex
	last int64 // time of the newest own record
}

// New joins the table. Call Close to leave it.
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
	config.Skew = cmp.Or(config.Skew, defaultSkew)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	d := &DHT{config: config, members: &directory{members: config.Members}}
	d.table, err = kad.New(config.Host,
		kad.Mode(kad.ModeServer),
		kad.ProtocolPrefix(protocol.ID("/ephemera/"+config.Network)),
		kad.Validator(kadrecord.NamespacedValidator{namespace: d.validator()}),
		kad.ValueDatastore(newDatastore(config.Network, config.Limits.RecordsPerMember)),
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
	return validator{
		network: d.config.Network, valueBytes: d.config.Limits.ValueBytes, known: d.members.knows,
		latest: func() int64 { return time.Now().Add(d.config.Skew).UnixMilli() },
	}
}

// Close leaves the table.
func (d *DHT) Close() error { return d.table.Close() }

// Store signs a value and stores it at the members closest to its key. The key is a name, or "<own
// peer ID>/<name>", as which others can query it. Store returns ErrInvalid for an invalid name, for
// a key of another member, for a value larger than limits.DHT.ValueBytes, and if this node is not a
// member. It returns nil even if it reached no other member: then only this node has the value.
func (d *DHT) Store(ctx context.Context, key string, value []byte) error {
	own := Key{Member: d.config.Key.Public(), Name: key}
	if parsed, err := parseKey(key); err == nil {
		if parsed.Member != own.Member {
			return fmt.Errorf("%w: key %s belongs to another member (store the value under a name only)", ErrInvalid, key)
		}
		own = parsed
	}
	if err := checkName(own.Name); err != nil {
		return err
	}
	if len(value) > d.config.Limits.ValueBytes {
		return fmt.Errorf("%w: value has %d bytes, expected at most %d", ErrInvalid, len(value), d.config.Limits.ValueBytes)
	}
	if !d.members.knows(own.Member) {
		return fmt.Errorf("%w: this node is not a member, so no member would store its values", ErrInvalid)
	}
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	data := sign(d.config.Key, d.config.Network, own.Name, d.now(), value)
	err := d.table.PutValue(ctx, own.path(d.config.Network), data)
	if errors.Is(err, kbucket.ErrLookupFailure) {
		d.config.Logger.Debug("value stored at this node only, no other member is reachable", "key", own.String())
		return nil
	}
	if err != nil {
		return fmt.Errorf("store %s: %w", own, err)
	}
	return nil
}

// now returns the time for the next own record in milliseconds since 1970: that of the clock, but
// always later than that of the record before, unless the clock was set back further than members
// accept.
func (d *DHT) now() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	wall := time.Now().UnixMilli()
	if d.last > wall+d.config.Skew.Milliseconds() {
		d.last = wall
	}
	d.last = max(d.last+1, wall)
	return d.last
}

// Query returns a value that a member stored, or errNotFound. The key is "<peer ID>/<name>", or
// only a name: then Query looks up every member's value of that name and returns the newest, so
// that any member can replace it. ErrInvalid reports an invalid name.
func (d *DHT) Query(ctx context.Context, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	var candidates []Key
	if parsed, err := parseKey(key); err == nil {
		candidates = []Key{parsed}
	} else if err := checkName(key); err != nil {
		return nil, err
	} else {
		for _, member := range d.config.Members() {
			candidates = append(candidates, Key{Member: member, Name: key})
		}
	}
	found := make([][]byte, len(candidates))
	var work errgroup.Group
	work.SetLimit(maxLookups)
	for i, candidate := range candidates {
		work.Go(func() error {
			// GetValue may return both a value and an error, if some members did not answer in time.
			found[i], _ = d.table.GetValue(ctx, candidate.path(d.config.Network))
			return nil
		})
	}
	_ = work.Wait() // no function returns an error
	best, err := d.validator().Select("", found)
	if err != nil {
		return nil, fmt.Errorf("%w: value of %s", errNotFound, key)
	}
	r, err := decode(found[best], d.config.Limits.ValueBytes)
	if err != nil {
		return nil, err
	}
	return r.Value, nil
}

// Closest returns the members closest to a key by Kademlia's distance, closest first. It leaves out
// this node and members that do not answer.
func (d *DHT) Closest(ctx context.Context, key Key) ([]keys.Public, error) {
	closest, err := d.closest(ctx, key.path(d.config.Network))
	if err != nil {
		return nil, fmt.Errorf("find the members closest to %s: %w", key, err)
	}
	return closest, nil
}

// Neighbours returns the members closest to this node by Kademlia's distance, closest first and at
// most count. It leaves out members that do not answer.
func (d *DHT) Neighbours(ctx context.Context, count int) ([]keys.Public, error) {
	closest, err := d.closest(ctx, string(d.config.Host.ID()))
	if err != nil {
		return nil, fmt.Errorf("find the members closest to this node: %w", err)
	}
	return closest[:min(count, len(closest))], nil
}

// closest looks up a target, which is a path or the bytes of a peer ID.
func (d *DHT) closest(ctx context.Context, target string) ([]keys.Public, error) {
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	ids, err := d.table.GetClosestPeers(ctx, target)
	if err != nil {
		return nil, err
	}
	var closest []keys.Public
	for _, id := range ids {
		if member, known := d.members.find(id); known {
			closest = append(closest, member)
		}
	}
	return closest, nil
}

// Find asks other members for a member's addresses, as multiaddrs without /p2p, or returns
// errNotFound. The addresses are not authenticated: only a handshake shows who is there.
func (d *DHT) Find(ctx context.Context, member keys.Public) ([]string, error) {
	id, err := peer.Decode(member.PeerID())
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", member, err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	info, err := d.table.FindPeer(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("%w: addresses of %s: %w", errNotFound, member, err)
	}
	var found []string
	for _, a := range info.Addrs {
		if len(found) < maxAddresses && address.Dialable(a.String()) == nil {
			found = append(found, a.String())
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: addresses of %s", errNotFound, member)
	}
	return found, nil
}

// directory looks up members by key or peer ID.
type directory struct{ members func() []keys.Public }

func (b *directory) knows(key keys.Public) bool {
	for _, member := range b.members() {
		if member == key {
			return true
		}
	}
	return false
}

func (b *directory) find(id peer.ID) (keys.Public, bool) {
	key, err := keys.ParsePublic(id.String())
	return key, err == nil && b.knows(key)
}

func (b *directory) knowsID(id peer.ID) bool {
	_, known := b.find(id)
	return known
}
