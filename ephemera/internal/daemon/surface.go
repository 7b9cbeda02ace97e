package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
)

// servers are the node's API and its operator's; nil: there is none.
type servers struct{ public, admin *server.Server }

// pathApplication is where a program registers as the node's application.
const pathApplication = "/ephemera/application"

func (d *daemon) openAPI() error {
	token, err := token(d.Folder, d.Settings)
	if err != nil {
		return err
	}
	configured := map[string]string{} // it names files of secrets, and holds none
	for _, f := range d.Settings.Fields() {
		configured[f.Key] = f.Value
	}
	told, err := json.Marshal(configured)
	if err != nil {
		return fmt.Errorf("tell the configuration: %w", err)
	}
	s := d.Settings.HTTP
	config := server.Config{
		Token: token, Version: d.Version, MaxBody: int64(d.bounds.HTTP.BodyBytes), MaxConnections: d.bounds.HTTP.Connections,
		RequestsPerSecond: cmp.Or(s.RequestsPerSec, d.bounds.HTTP.RequestsPerSecond), ReadTimeout: time.Duration(s.Timeout), WriteTimeout: time.Duration(s.Timeout),
		MaxSubscribers: cmp.Or(s.Subscribers, d.bounds.WebSocket.Subscribers), Origins: s.Origins, Logger: d.Logger.With("logger", "api"),
	}
	if listen := s.Listen; listen != "" {
		public := config
		public.Listen, public.Registry = listen, d.figures
		if d.api.public, err = server.New(d.node.API(ephemera.APIConfig{DHT: d.shared(), Version: d.Version, Application: told}), public); err != nil {
			return fmt.Errorf("http.listen: %w", err)
		}
	}
	if listen := d.Settings.Admin.Listen; listen != "" {
		config.Listen = listen
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

// token reads the bearer token. Its file must not be readable by others, as a key's.
func token(f Folder, s settings.Settings) (string, error) {
	path := s.HTTP.TokenFile
	if path == "" {
		return "", nil
	}
	path = f.Beside(path)
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%w: http.token_file: %w", settings.ErrConfig, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("%w: http.token_file: %s has mode %04o, others could read it; run: chmod 600 %s", settings.ErrConfig, path, mode, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w: http.token_file: %w", settings.ErrConfig, err)
	}
	token := strings.TrimSpace(string(data))
	if len(token) < 16 {
		return "", fmt.Errorf("%w: http.token_file: %s holds %d characters, expected at least 16 random ones", settings.ErrConfig, path, len(token))
	}
	return token, nil
}

// each visits the servers that there are.
func (s servers) each(visit func(*server.Server)) {
	for _, one := range []*server.Server{s.public, s.admin} {
		if one != nil {
			visit(one)
		}
	}
}

// run serves until ctx is done and requests under way are finished.
func (s servers) run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { // so that without servers, too, it lasts as long as ctx
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

// address returns the host:port of a server, "" for none.
func address(s *server.Server) string {
	if s == nil {
		return ""
	}
	return strings.TrimPrefix(s.URL(), "http://")
}
