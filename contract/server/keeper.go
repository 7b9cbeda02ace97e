package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/ledger"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// keeper holds the contract's state: the database, and the ledger of its epochs. Every change is
// durable before it is visible.
type keeper struct {
	cfg   Config
	key   keys.Private
	store *store.Store
	log   *slog.Logger
	// figures count since the start.
	figures *figures

	checking chan struct{} // bounds the verifications at a time
	wake     chan struct{} // receives a value when what is due may have changed
	// verified has submissions by their digest, so that one that must come back is verified once.
	verified *lru.Cache[contract.Hash, verify.Verified]
	// checked are the late submissions that were verified, so that each member makes the contract
	// verify one for each epoch.
	checked *lru.Cache[attempt, struct{}]

	mu      sync.Mutex // guards the fields below
	ledger  *ledger.Ledger
	members []store.Member       // by key
	group   *membership.Group    // nil until all expected members have enrolled
	newest  contract.Description // of the newest epoch; zero before the first is scheduled
	clock   contract.Millis      // never decreases
	// rules have the batches of the newest epoch in ModePerformance; nil until they are needed.
	rules *performance.Contract
	ended contract.Description // of the oldest unsettled epoch that has ended, if known
}

func newKeeper(ctx context.Context, cfg Config) (*keeper, error) {
	key, err := keys.LoadOrCreate(cfg.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("contract key: %w", err)
	}
	db, err := store.Open(ctx, cfg.Database, store.Owner{Network: cfg.Network, Key: key}, contract.At(cfg.Now()), cfg.Logger)
	if err != nil {
		return nil, err
	}
	verified, err := lru.New[contract.Hash, verify.Verified](2 * cfg.expected())
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	checked, err := lru.New[attempt, struct{}]((cfg.AcceptEpochs + 1) * cfg.expected())
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	k := &keeper{
		cfg: cfg, key: key, store: db, log: cfg.Logger, figures: newFigures(), verified: verified, checked: checked,
		checking: make(chan struct{}, runtime.GOMAXPROCS(0)), wake: make(chan struct{}, 1),
	}
	k.figures.registry.MustRegister(state{k})
	if err := k.load(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	k.reportChanges()
	if err := k.keepSettings(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return k, nil
}

// load restores the state of an earlier run, and finishes what it had begun.
func (k *keeper) load(ctx context.Context) error {
	newest, open, err := k.store.Schedule(ctx)
	if err != nil {
		return err
	}
	if k.ledger, err = ledger.New(k.cfg.schedule(), newest, open); err != nil {
		return err
	}
	if newest.ID != 0 {
		if k.newest, err = k.store.Description(ctx, newest.ID); err != nil {
			return err
		}
	}
	k.group, err = k.store.Group(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := k.adopt(ctx); err != nil {
		return err
	}
	return k.complete(ctx, k.now())
}

// adopt stores the members that the configuration gives, and refuses a database whose group has
// others.
func (k *keeper) adopt(ctx context.Context) (err error) {
	if k.members, err = k.store.Members(ctx); err != nil {
		return err
	}
	for _, peer := range k.cfg.Members {
		known := k.memberByKey(peer.Key)
		if known == nil && k.group != nil {
			return fmt.Errorf("%w: %s is not in the group of the database %s: use a new database", ErrConfig, peer.Name, k.cfg.Database)
		}
		if known == nil {
			known = &store.Member{Peer: peer}
		}
		if known.Name != peer.Name {
			return fmt.Errorf("%w: key %s is called %s in the database, not %s", ErrConfig, peer.Key, known.Name, peer.Name)
		}
		if err := k.putMember(ctx, store.Member{Peer: peer, Counter: known.Counter}); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) putMember(ctx context.Context, m store.Member) error {
	if err := k.store.PutMember(ctx, m, k.now()); err != nil {
		return err
	}
	at, known := slices.BinarySearchFunc(k.members, m.Key, func(m store.Member, key keys.Public) int { return m.Key.Compare(key) })
	if known {
		k.members[at] = m
	} else {
		k.members = slices.Insert(k.members, at, m)
	}
	return nil
}

func (k *keeper) memberByKey(key keys.Public) *store.Member {
	for i := range k.members {
		if k.members[i].Key == key {
			return &k.members[i]
		}
	}
	return nil
}

func (k *keeper) memberByName(name string) *store.Member {
	for i := range k.members {
		if k.members[i].Name == name {
			return &k.members[i]
		}
	}
	return nil
}

// name returns what a member is called, for logs.
func (k *keeper) name(key keys.Public) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if m := k.memberByKey(key); m != nil {
		return m.Name
	}
	return key.Short()
}

// now returns the time, which never decreases. The lock must be held, unless the keeper is not
// shared yet.
func (k *keeper) now() contract.Millis {
	k.clock = max(k.clock, contract.At(k.cfg.Now()))
	return k.clock
}

// complete closes the group when all expected members have enrolled, and schedules the first epoch
// of a closed group. The lock must be held.
func (k *keeper) complete(ctx context.Context, now contract.Millis) error {
	if k.group == nil {
		if len(k.members) < k.cfg.expected() {
			return nil
		}
		members := make([]keys.Public, len(k.members))
		for i, m := range k.members {
			members[i] = m.Key
		}
		group, err := membership.NewGroup(k.cfg.Network, 1, members, k.cfg.Limits)
		if err != nil {
			return fmt.Errorf("close the group: %w", err)
		}
		if err := k.store.PutGroup(ctx, group, now); err != nil {
			return err
		}
		k.group = group
		k.log.Info("group closed", "group", group.ID(), "n", group.N(), "f", group.F(), "q", group.Q())
	}
	if _, err := k.authorised(); err != nil {
		return err
	}
	if k.ledger.Newest().ID != 0 {
		return nil
	}
	start := now.Add(k.cfg.FirstEpochDelay)
	if !k.cfg.FirstEpoch.IsZero() {
		start = contract.At(k.cfg.FirstEpoch)
	}
	return k.begin(ctx, k.ledger.First(start))
}

// tick carries out what is due. The lock must be held.
func (k *keeper) tick(ctx context.Context, now contract.Millis) error {
	for {
		if err := k.payMedians(ctx, now); err != nil {
			return err
		}
		event, due := k.ledger.Due(now)
		if !due {
			return nil
		}
		if event.Miss == 0 {
			if err := k.begin(ctx, event); err != nil {
				return err
			}
			continue
		}
		reason, err := k.store.MissEpoch(ctx, event.Miss, now)
		if err != nil {
			return err
		}
		k.ledger.Apply(event)
		k.figures.missed()
		k.log.Warn("epoch missed", "epoch", event.Miss, "reason", reason)
	}
}

func (k *keeper) begin(ctx context.Context, event ledger.Event) error {
	d, err := k.describe(ctx, event.Begin)
	if err != nil {
		return err
	}
	if err := k.store.BeginEpoch(ctx, event.Begin, d); err != nil {
		return err
	}
	k.ledger.Apply(event)
	k.newest, k.rules = d, nil
	if event.Skipped > 0 {
		k.log.Warn("windows without an epoch: the contract did not run", "windows", event.Skipped, "next", d.Epoch)
	}
	k.log.Info("epoch scheduled", "epoch", d.Epoch, "start", d.Start, "end", d.End, "description", d.Hash().Short())
	k.poke()
	return nil
}

// poke tells the timer that what is due may have changed.
func (k *keeper) poke() {
	select {
	case k.wake <- struct{}{}:
	default: // it knows already
	}
}

// describe returns the description of an epoch, with the rules of the configuration.
func (k *keeper) describe(ctx context.Context, e ledger.Entry) (contract.Description, error) {
	d := contract.Description{
		Version: contract.DescriptionVersion, Network: k.cfg.Network, ContractKey: k.key.Public(), Epoch: e.ID, Start: e.Start, End: e.End, Group: k.group, Mixnodes: k.cfg.Mixnodes,
		Rules: contract.Rules{
			Estimator: k.cfg.Estimator.Name(), Version: k.cfg.Estimator.Version(), Coverage: uint16(metrics.Coverage(k.group.F())),
			CarryLimit: uint16(k.cfg.CarryLimit), Mode: k.cfg.Mode,
		},
	}
	var err error
	if d.State, err = k.store.State(ctx); err != nil {
		return d, err
	}
	if d.Rules.Authorised, err = k.authorised(); err != nil {
		return d, err
	}
	if k.cfg.Mode == contract.ModePerformance {
		d.Rules = medianRules()
	}
	return d, d.Validate()
}

// authorised returns the only key that may submit in ModeSingle, and zero in the other modes.
func (k *keeper) authorised() (keys.Public, error) {
	if k.cfg.Mode != contract.ModeSingle {
		return keys.Public{}, nil
	}
	if k.cfg.Authorised == "" {
		first := slices.MinFunc(k.members, func(a, b store.Member) int { return strings.Compare(a.Name, b.Name) })
		return first.Key, nil
	}
	member := k.memberByName(k.cfg.Authorised)
	if member == nil {
		return keys.Public{}, fmt.Errorf("%w: the authorised Nym-API %q is not a member", ErrConfig, k.cfg.Authorised)
	}
	return member.Key, nil
}

// wait carries out what is due and returns the time until something else is; 0 means not before the
// next poke.
func (k *keeper) wait(ctx context.Context) (time.Duration, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.store.Check(); err != nil {
		return time.Second, err
	}
	now := k.now()
	if err := k.tick(ctx, now); err != nil {
		return time.Second, err // such as a full disk: try again
	}
	next, scheduled := k.ledger.Next()
	if !scheduled {
		return 0, nil
	}
	return max(time.Millisecond, next.Sub(now)), nil
}
