package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	contractapi "github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	ephemeraclient "github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/remote"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// Daemon is the address of an Ephemera daemon. The zero value means an embedded node.
type Daemon struct {
	URL   string // of its API
	Admin string // URL of its admin listener, default: URL
	Token string // bearer token of both, if the daemon is on another machine
}

// ErrDaemon reports a daemon that does not fit this Nym-API.
var ErrDaemon = errors.New("the Ephemera daemon cannot be used")

func (d Daemon) validate() error {
	for _, text := range []string{d.URL, d.Admin} {
		if _, err := address.ParseURL(text); err != nil {
			return fmt.Errorf("%w: address of the Ephemera daemon: %w", ErrConfig, err)
		}
	}
	return nil
}

// daemon is the Ephemera daemon of a Nym-API in sidecar mode.
type daemon struct {
	api    api.API // verifies responses against the group
	config api.NodeConfig
	signer *signer
	group  *membership.Group
}

// runSidecar is run for a Nym-API whose node is an Ephemera daemon. The daemon holds the key and
// everything that was signed with it.
func (s *Service) runSidecar(ctx context.Context, pinned rewards.Contract) error {
	node, err := s.findDaemon(ctx, pinned)
	if err != nil {
		return err
	}
	s.key.Store(&node.config.Key)
	if err := s.folder.rewards.SetMember(ctx, node.config.Key); err != nil {
		return err
	}
	info, err := s.complete(ctx, pinned)
	if err != nil {
		return err
	}
	if node.group, err = info.MakeGroup(); err != nil {
		return fmt.Errorf("members from the contract: %w", err)
	}
	if !node.group.Contains(node.config.Key) {
		return s.errNoMember(node.group)
	}
	if err := s.trust(node); err != nil {
		return err
	}
	if err := s.openEvidence(pinned, info, node.group, node.proofs); err != nil {
		return err
	}
	s.writeTrusted(ctx, pinned, node.group, info)
	clock, err := s.openClock(ctx, pinned, node.group)
	if err != nil {
		return err
	}
	s.log.InfoContext(ctx, "member of the group", "key", node.config.Key, "group", node.group.Number(), "n", node.group.N(), "daemon", s.config.Daemon.URL)

	work, ctx := errgroup.WithContext(ctx)
	start := func(f func(context.Context) error) { work.Go(func() error { return f(ctx) }) }
	start(clock.Run)
	start(func(ctx context.Context) error { return s.receipts.Load().Run(ctx, clock) })
	start(func(ctx context.Context) error { return s.evidence.Load().Run(ctx, clock) })
	start(func(ctx context.Context) error { return s.runCores(ctx, clock) })
	start(func(ctx context.Context) error { return s.state(ctx, throughDaemon{node.api}) })
	if pinned.PeerInfo != nil { // stored by an earlier start, so the contract was not asked
		start(s.recognise)
	}
	if err := s.startSidecar(ctx, node, info, clock, start); err != nil {
		start(func(context.Context) error { return err }) // cancels the others
	}
	return work.Wait()
}

// findDaemon fetches the daemon's configuration, and retries until the daemon responds.
func (s *Service) findDaemon(ctx context.Context, pinned rewards.Contract) (*daemon, error) {
	asked, err := ephemeraclient.New(s.config.Daemon.URL, ephemeraclient.Options{Token: s.config.Daemon.Token})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	defer asked.Close()
	said := false
	return retry(ctx, askMost, func() (*daemon, error) {
		config, err := asked.QueryEphemeraConfig(ctx)
		if err == nil {
			if config.Network != pinned.Network {
				return nil, backoff.Permanent(fmt.Errorf("%w: it is of network %q, the contract's is %q; set node.network of the daemon", ErrDaemon, config.Network, pinned.Network))
			}
			return &daemon{config: config, signer: newSigner(s.config.Daemon, config, s.log)}, nil
		}
		if !said && ctx.Err() == nil {
			said = true
			s.log.WarnContext(ctx, "the Ephemera daemon does not answer, asking again until it does", "daemon", s.config.Daemon.URL, "err", err)
		}
		return nil, err
	})
}

// complete waits until the group is complete. It does not enrol: `nymapi enrol` enrols the daemon's
// key.
func (s *Service) complete(ctx context.Context, known rewards.Contract) (contractapi.PeerInfo, error) {
	if known.PeerInfo != nil {
		return s.join(ctx, known, nil)
	}
	said := false
	return retry(ctx, askJoining, func() (contractapi.PeerInfo, error) {
		info, err := s.ask(ctx)
		if err != nil {
			return info, backoff.Permanent(err)
		}
		stored, err := s.store(ctx, info)
		if err != nil || stored.PeerInfo != nil {
			return info, backoff.Permanent(err)
		}
		if !said {
			said = true
			s.log.InfoContext(ctx, "waiting for the group to be complete; `nymapi enrol` enrols the daemon's key", "enrolled", len(info.Members), "expected", info.Expected)
		}
		return info, errAgain
	})
}

// trust sets the client of the daemon, which accepts only what certificates of the group prove.
func (s *Service) trust(node *daemon) error {
	asked, err := ephemeraclient.New(s.config.Daemon.URL, ephemeraclient.Options{Token: s.config.Daemon.Token, Groups: []*membership.Group{node.group}})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	node.api = asked
	return nil
}

// startSidecar starts the parts of a Nym-API whose node is a daemon.
func (s *Service) startSidecar(ctx context.Context, node *daemon, info contractapi.PeerInfo, clock *epoch.Clock, start func(func(context.Context) error)) error {
	distributor, submitter, archive, err := s.parts(clock, node.signer)
	if err != nil {
		return err
	}
	archive.Blocks = blocksOf{node.api}
	caught, err := s.openOffences(ctx, info)
	if err != nil {
		return err
	}
	app, err := rewards.NewSidecar(ctx, rewards.ApplicationConfig{
		Key: node.signer, Group: node.group, Store: s.folder.rewards, Calendar: clock,
		Submit: submitter.Notify, Delivered: archive.Delivered, Offences: caught, Logger: s.log,
	})
	if err != nil {
		return err
	}
	registered, err := remote.NewClient(remote.ClientConfig{
		URL: s.config.Daemon.Admin, Token: s.config.Daemon.Token, Name: s.config.Name, Application: app, Logger: s.log,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	distributor.Publish = func(ctx context.Context, _ contractapi.Description, m block.Message) error {
		return node.publish(ctx, m)
	}
	start(registered.Run)
	start(func(ctx context.Context) error { return app.Run(ctx, registered.Wake) })
	start(func(ctx context.Context) error { return s.followBlocks(ctx, node, app, clock) })
	start(distributor.Run)
	start(submitter.Run)
	start(archive.Run)
	start(func(ctx context.Context) error {
		select {
		case <-registered.Registered():
			close(s.ready)
		case <-ctx.Done():
		}
		return nil
	})
	return nil
}

// publish lets the daemon sign and publish a report. The message has no signature yet, but already
// its ID, which does not depend on the signature. The same report may be published again.
func (d *daemon) publish(ctx context.Context, m block.Message) error {
	submitted, err := d.api.SubmitEphemeraMessage(ctx, api.Submission{Label: m.Label(), Payload: m.Payload(), Time: m.Time()})
	switch {
	case errors.Is(err, api.Duplicate):
		return nil
	case errors.Is(err, api.Invalid), errors.Is(err, api.TooLarge):
		return fmt.Errorf("%w: %w", block.ErrInvalid, err)
	case err != nil:
		return err
	case submitted.ID != m.ID():
		return fmt.Errorf("%w: it returned message %s for report %s", ErrDaemon, submitted.ID, m.ID())
	}
	return nil
}

// followBlocks processes certified blocks of the daemon until ctx is done, starting where the last
// run stopped. It returns only errors of the database.
func (s *Service) followBlocks(ctx context.Context, node *daemon, app *rewards.Sidecar, clock *epoch.Clock) error {
	warn := sync.OnceFunc(func() { s.log.WarnContext(ctx, "blocks do not come from the Ephemera daemon, trying until they do") })
	for ctx.Err() == nil {
		cursor, err := s.folder.rewards.Followed(ctx, node.config.Key)
		if err != nil {
			return unlessDone(ctx, err)
		}
		if cursor, err = node.recognised(ctx, cursor); err != nil {
			warn()
		}
		for entry, err := range node.api.Subscribe(ctx, api.Subscription{From: api.Cursor(cursor)}) {
			if err != nil {
				s.log.DebugContext(ctx, "subscription ended", "err", err)
				warn()
				break
			}
			if err := s.take(ctx, node, app, clock, entry); err != nil {
				return unlessDone(ctx, err)
			}
		}
		if !wait.For(ctx, time.Second) {
			break
		}
	}
	return nil
}

func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// recognised returns the cursor if the daemon still has the block there. Otherwise the daemon has
// another store, in which the cursor would skip blocks, and recognised returns the beginning.
// Blocks that are delivered again are skipped by their slots.
func (d *daemon) recognised(ctx context.Context, cursor uint64) (uint64, error) {
	if cursor == 0 {
		return 0, nil
	}
	page, err := d.api.ListBlocks(ctx, api.ListQuery{From: api.Cursor(cursor - 1), Limit: 1})
	if err != nil || len(page.Blocks) > 0 && page.Blocks[0].Cursor == api.Cursor(cursor) {
		return cursor, err
	}
	return 0, nil
}

// take delivers a block, retrying until it is accepted, and then advances the cursor.
func (s *Service) take(ctx context.Context, node *daemon, app *rewards.Sidecar, clock *epoch.Clock, entry api.Entry) error {
	b, err := entry.Block.Canonical()
	if err != nil {
		return err // impossible: the client has checked it
	}
	proof, err := entry.Certificate.Canonical()
	if err != nil {
		return err
	}
	for !b.Pruned() {
		changed := clock.Changed()
		err := app.Deliver(ctx, b, proof)
		if err == nil {
			break
		}
		s.log.WarnContext(ctx, "certified block not accepted, retrying", "block", b.ID().Short(), "err", err)
		timer := time.NewTimer(time.Second)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
	}
	return s.folder.rewards.Follow(ctx, node.config.Key, uint64(entry.Cursor))
}

// blocksOf looks up certified blocks at the daemon.
type blocksOf struct{ node api.API }

// CertifiedByID returns store.ErrNotFound if the daemon does not have the block, or only its
// header.
func (f blocksOf) CertifiedByID(ctx context.Context, id block.ID) (store.Certified, error) {
	held, err := f.node.QueryBlockByHash(ctx, id)
	if err != nil || held.Pruned {
		return store.Certified{}, fmt.Errorf("block %s at the daemon: %w", id.Short(), errors.Join(store.ErrNotFound, err))
	}
	proof, err := f.node.QueryBlockCertificates(ctx, id)
	if err != nil {
		return store.Certified{}, fmt.Errorf("certificate of block %s at the daemon: %w", id.Short(), errors.Join(store.ErrNotFound, err))
	}
	var out store.Certified
	if out.Block, err = held.Canonical(); err != nil {
		return store.Certified{}, err
	}
	out.Certificate, err = proof.Canonical()
	return out, err
}
