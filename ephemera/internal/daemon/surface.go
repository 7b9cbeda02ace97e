package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/api/local"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// servers are the servers of the node's API and of the operator's API. One that is off is nil.
type servers struct{ public, admin *server.Server }

// pathApplication is the path of the WebSocket at which a program registers as the node's
// application.
const pathApplication = "/ephemera/application"

// listenEarly answers liveness probes while the node starts. If it cannot listen, openAPI reports
// that, once what is more important has been found wrong.
func (d *daemon) listenEarly() {
	if d.Settings.HTTP.Listen == "" {
		return
	}
	what := func() string { return d.waits.Load().(string) }
	early, err := webserver.ListenEarly(d.Settings.HTTP.Listen, server.Starting(what), d.Logger)
	if err != nil {
		d.log.Debug("not listening before the node has started", "err", err)
		return
	}
	d.early = early
}

// closeEarly ends what listenEarly began, unless the API does it.
func (d *daemon) closeEarly(err *error) {
	if d.early == nil {
		return
	}
	if closed := d.early.Close(); closed != nil {
		*err = errors.Join(*err, closed)
	}
}

func (d *daemon) openAPI() error {
	token, err := token(d.Folder, d.Settings)
	if err != nil {
		return err
	}
	values := map[string]string{} // no setting is a secret; secrets are in files that settings name
	for _, f := range d.Settings.Fields() {
		values[f.Key] = f.Value
	}
	configuration, err := json.Marshal(values)
	if err != nil {
		return fmt.Errorf("encode the configuration for the API: %w", err)
	}
	s := d.Settings.HTTP
	proxies, err := webserver.ParseProxies(s.TrustedProxies)
	if err != nil {
		return fmt.Errorf("%w: http.trusted_proxies: %w", settings.ErrConfig, err)
	}
	config := server.Config{
		MemoryBytes: d.bounds.HTTP.MemoryBytes, Proxies: proxies,
		Token: token, Version: d.Version, MaxBody: int64(d.bounds.HTTP.BodyBytes), MaxConnections: d.bounds.HTTP.Connections,
		RequestsPerSecond: cmp.Or(s.RequestsPerSec, d.bounds.HTTP.RequestsPerSecond), ReadTimeout: time.Duration(s.Timeout), WriteTimeout: time.Duration(s.Timeout),
		MaxSubscribers: d.bounds.WebSocket.Subscribers, Origins: s.Origins, Hosts: s.Hosts, Logger: d.Logger.With("logger", "api"),
	}
	if listen := s.Listen; listen != "" {
		public := config
		public.Listen, public.Registry = listen, d.registry
		if d.early != nil {
			public.Listener = d.early.Listener()
		}
		if d.api.public, err = server.New(local.New(d.node, local.Config{DHT: d.apiDHT(), Version: d.Version, Application: configuration}), public); err != nil {
			err = fmt.Errorf("http.listen: %w", err)
			if public.Listener != nil {
				err = errors.Join(err, public.Listener.Close())
			}
			return err
		}
	}
	if listen := d.Settings.Admin.Listen; listen != "" {
		config.Listen, config.Proxies = listen, nil // no proxy may reach it
		config.MaxConnections = d.bounds.HTTP.AdminConnections
		admin := server.AdminConfig{Signer: d.home.Key, Network: d.Settings.Node.Network}
		if d.program != nil {
			admin.Handlers = map[string]http.Handler{pathApplication: d.program}
		}
		if d.api.admin, err = server.NewAdmin(admin, config); err != nil {
			return errors.Join(fmt.Errorf("admin.listen: %w", err), d.api.close())
		}
	}
	return nil
}

// token reads the bearer token from its file, which other users must not be able to read. It
// returns "" if none is configured.
func token(f Folder, s settings.Settings) (string, error) {
	path := s.HTTP.TokenFile
	if path == "" {
		return "", nil
	}
	path = f.Resolve(path)
	token, err := files.ReadToken(path)
	if err != nil {
		return "", fmt.Errorf("%w: http.token_file: %w", settings.ErrConfig, err)
	}
	if len(token) < 16 {
		return "", fmt.Errorf("%w: http.token_file: %s contains %d characters, expected at least 16 random ones", settings.ErrConfig, path, len(token))
	}
	return token, nil
}

// each calls visit for each server that is not nil.
func (s servers) each(visit func(*server.Server)) {
	for _, one := range []*server.Server{s.public, s.admin} {
		if one != nil {
			visit(one)
		}
	}
}

// run serves until ctx is done and the requests in progress are finished.
func (s servers) run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { // without servers, too, run must not return before ctx is done
		<-ctx.Done()
		return nil
	})
	s.each(func(one *server.Server) { work.Go(func() error { return one.Run(ctx) }) })
	return work.Wait()
}

func (s servers) close() (err error) {
	s.each(func(one *server.Server) { err = errors.Join(err, one.Close()) })
	return err
}

// hostPort returns the host:port of a server, or "" for nil.
func hostPort(s *server.Server) string {
	if s == nil {
		return ""
	}
	return strings.TrimPrefix(s.URL(), "http://")
}
