package server

import (
	"net/http"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
)

// hostsSetting is where an operator adds a name to Config.Hosts.
const hostsSetting = "http.hosts in ephemera.toml, or --api-host of nymapi run"

// hosts refuses requests that name another host. Probes and collectors of metrics address the
// server as they like, and learn nothing secret. A trusted caller either names this machine or has
// the token, which no page of a browser has.
func (s *Server) hosts(next http.Handler) http.Handler {
	checked := s.guard().Hosts(s.config.Hosts, hostsSetting, api.PathLive, api.PathReady, api.PathHealth, api.PathTelemetry)(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if trusted(r.Context()) {
			next.ServeHTTP(w, r)
			return
		}
		checked.ServeHTTP(w, r)
	})
}
