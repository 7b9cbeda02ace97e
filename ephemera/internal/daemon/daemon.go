package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
)

// Config is what Run runs.
type Config struct {
	Folder   Folder
	Settings settings.Settings
	Version  string       // that the API tells
	Stores   []home.Kind  // kinds of stores beside SQLite
	Logger   *slog.Logger // may be nil
	// Started is called once, when every listener is bound and the node runs. Whether a quorum is
	// there, the API's health tells. May be nil.
	Started func(Addresses)
}

// ErrShutdown reports that the node did not stop in time. What it had to make durable is durable.
var ErrShutdown = errors.New("the node did not stop in time")

const (
	// patience bounds the wait for a first list of members.
	patience = time.Minute
	// grace bounds the time from the end of ctx until Run returns.
	grace = 10 * time.Second
)

// Run runs the node until ctx is done, and returns nil then, at most ten seconds later: requests
// under way are finished, then the node stops and the store is closed. Errors: settings.ErrConfig
// for what cannot work, ephemera.ErrHalted, what store, transport or listeners said, or
// ErrShutdown.
func Run(ctx context.Context, config Config) error {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, config) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	config.Logger.Info("stopping")
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		return fmt.Errorf("%w: %s", ErrShutdown, grace)
	}
}

// run owns the home.
func run(ctx context.Context, config Config) (err error) {
	if err := check(config.Folder, config.Settings); err != nil {
		return err
	}
	h, err := openHome(ctx, config.Folder, config.Settings, config.Stores, config.Logger)
	if err != nil {
		return err
	}
	defer func() {
		if closed := h.Close(); closed != nil {
			err = errors.Join(err, closed)
		}
	}()
	d := &daemon{Config: config, home: h, log: config.Logger.With("logger", "daemon")}
	if err := d.compose(ctx); err != nil {
		return err
	}
	return d.serve(ctx)
}

// serve runs all parts. When ctx is done the API stops first, so that requests under way find a
// node that works.
func (d *daemon) serve(ctx context.Context) error {
	work, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	inner, stop := context.WithCancel(failed)
	defer stop()
	outer, stopAPI := context.WithCancel(ctx)
	defer stopAPI()
	context.AfterFunc(failed, stopAPI)

	work.Go(func() error { return d.ended(d.node.Run(inner), inner, "node") })
	work.Go(func() error { return d.policy.Run(inner, d.node) })
	work.Go(func() error {
		err := d.node.Follow(inner, d.provider, ephemera.FollowConfig{Interval: time.Duration(d.Settings.Membership.Interval)})
		if errors.Is(err, ephemera.ErrStopped) {
			return nil // the node says why
		}
		return err
	})
	if d.program != nil {
		work.Go(func() error { return d.program.Run(inner, d.node.Wake) })
	}
	work.Go(func() error { return d.retain(inner) })
	work.Go(func() error {
		defer stop()
		err := d.api.run(outer)
		return errors.Join(err, d.closeTable())
	})
	work.Go(func() error { return d.started(inner) })
	if err := work.Wait(); err != nil {
		return err
	}
	d.log.Info("stopped")
	return nil
}

// ended makes an error of a part that ended by itself.
func (d *daemon) ended(err error, ctx context.Context, part string) error {
	if err == nil && ctx.Err() == nil {
		return fmt.Errorf("%s ended by itself", part)
	}
	return err
}

// started tells where the node is reached, once it runs.
func (d *daemon) started(ctx context.Context) error {
	select {
	case <-d.node.Running():
	case <-ctx.Done():
		return nil
	}
	a := Addresses{P2P: d.link.Addresses(), HTTP: address(d.api.public), Admin: address(d.api.admin)}
	d.log.Info("started", "key", d.home.Key.Public().PeerID(), "network", d.node.Group().Network(), "group", d.node.Group().Number(),
		"members", d.node.Group().N(), "p2p", a.P2P, "http", a.HTTP, "admin", a.Admin)
	if err := a.write(d.Folder); err != nil {
		return err
	}
	if d.Started != nil {
		d.Started(a)
	}
	return nil
}
