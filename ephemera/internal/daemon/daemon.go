package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// Config configures Run, Export and Import.
type Config struct {
	Folder   Folder
	Settings settings.Settings
	Version  string       // the program's version, which the API reports
	Stores   []home.Kind  // kinds of stores in addition to SQLite
	Logger   *slog.Logger // may be nil
	// Descriptors is how many files and connections the node may have open. The default is the limit
	// of the process.
	Descriptors int
	// Started is called once, when every listener is bound and the node runs. The node need not be
	// connected with a quorum yet. May be nil.
	Started func(Addresses)
}

// ErrShutdown reports that the node did not stop in time. Nothing that it signed is lost, because
// votes are durable before they are signed.
var ErrShutdown = errors.New("node did not stop in time")

const (
	// listTimeout bounds the wait for the first list of members.
	listTimeout = time.Minute
	// shutdownTimeout bounds the time from the end of ctx until Run returns.
	shutdownTimeout = 10 * time.Second
)

// Run runs the node until ctx is done. Then it finishes the requests in progress, stops the node,
// closes the store and returns nil, all within ten seconds. It returns an error that wraps
// settings.ErrConfig if the settings cannot work, ephemera.ErrHalted if the node halted (R8),
// ErrShutdown if it did not stop in time, and otherwise what the store, the transport or a listener
// reported.
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
	config.Logger.Info("stopping", "logger", "daemon")
	timer := time.NewTimer(shutdownTimeout)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		return fmt.Errorf("%w: still running after %s", ErrShutdown, shutdownTimeout)
	}
}

// run opens the home, runs the node and closes the home.
func run(ctx context.Context, config Config) (err error) {
	if err := check(config); err != nil {
		return err
	}
	kind, err := kindOf(config.Settings, config.Stores)
	if err != nil {
		return err
	}
	// Before anything is opened, as if the node were alone: its list of members is not known yet.
	least := limits.Config{Members: 1}
	if _, err := bound(least, config.Settings, kind, config.descriptors(), 0, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	d := &daemon{Config: config, kind: kind, log: config.Logger.With("logger", "daemon"), waits: &atomic.Value{}}
	d.waits.Store("opening the store")
	d.listenEarly()
	defer d.closeEarly(&err)
	h, err := openHome(ctx, config.Folder, config.Settings, config.Stores, config.Logger)
	if err != nil {
		return unlessStopped(ctx, config.Logger, err)
	}
	defer func() {
		if closed := h.Close(); closed != nil {
			err = errors.Join(err, closed)
		}
	}()
	d.home = h
	if err := d.compose(ctx); err != nil {
		return unlessStopped(ctx, config.Logger, err)
	}
	return d.serve(ctx)
}

// descriptors returns how many files and connections the node may have open.
func (c Config) descriptors() int { return cmp.Or(c.Descriptors, descriptors.Limit()) }

// unlessStopped returns the error of a step of the start, or nil if the daemon was stopped
// meanwhile: the next start repeats the step.
func unlessStopped(ctx context.Context, log *slog.Logger, err error) error {
	if ctx.Err() == nil {
		return err
	}
	log.Info("stopped before it had started", "logger", "daemon", "err", err)
	return nil
}

// serve runs all parts. When ctx is done the API stops first, so that the node still runs while
// requests in progress are finished.
func (d *daemon) serve(ctx context.Context) error {
	work, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	inner, stop := context.WithCancel(failed)
	defer stop()
	outer, stopAPI := context.WithCancel(ctx)
	defer stopAPI()
	context.AfterFunc(failed, stopAPI)

	work.Go(func() error { return d.unexpectedEnd(d.node.Run(inner), inner, "node") })
	work.Go(func() error { return d.policy.Run(inner, d.node) })
	work.Go(func() error {
		err := d.node.Follow(inner, d.provider, ephemera.FollowConfig{Interval: time.Duration(d.Settings.Membership.Interval)})
		if errors.Is(err, ephemera.ErrStopped) {
			return nil // Node.Run returns the reason
		}
		return err
	})
	if d.program != nil {
		work.Go(func() error { return d.program.Run(inner, d.node.Wake) })
	}
	work.Go(func() error { return d.pruneBodies(inner) })
	work.Go(func() error {
		defer stop()
		err := d.api.run(outer)
		return errors.Join(err, d.closeDHT())
	})
	work.Go(func() error {
		descriptors.Watch(inner, d.log)
		return nil
	})
	work.Go(func() error { return d.started(inner) })
	if err := work.Wait(); err != nil {
		return err
	}
	d.log.Info("stopped")
	return nil
}

// unexpectedEnd returns the error of a part, or an error if the part returned nil before ctx was
// done.
func (d *daemon) unexpectedEnd(err error, ctx context.Context, part string) error {
	if err == nil && ctx.Err() == nil {
		return fmt.Errorf("%s stopped unexpectedly", part)
	}
	return err
}

// started logs, writes and reports the addresses once the node runs.
func (d *daemon) started(ctx context.Context) error {
	select {
	case <-d.node.Running():
	case <-ctx.Done():
		return nil
	}
	a := Addresses{P2P: d.link.Addresses(), HTTP: hostPort(d.api.public), Admin: hostPort(d.api.admin)}
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
