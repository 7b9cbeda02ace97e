package webserver

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHost is the longest name of a host.
const maxHost = 253

// CheckHost returns an error unless name is the name of a host, without a port: letters, digits,
// '-', '_' and '.', at most 253 of them.
func CheckHost(name string) error {
	if len(name) < 1 || len(name) > maxHost {
		return fmt.Errorf("host %.80q has %d characters, expected 1..%d", name, len(name), maxHost)
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return fmt.Errorf("host %.80q contains %q, expected a name such as node.example.org, without a port", name, c)
		}
	}
	return nil
}

// LocalHost reports whether the Host of a request is localhost or the literal of an IP address,
// with or without a port. Nobody but the caller chooses what these lead to.
func LocalHost(host string) bool {
	name, ok := hostName(host)
	if !ok {
		return false
	}
	_, err := netip.ParseAddr(name)
	return err == nil || name == "localhost"
}

// hostName returns the name in a Host header in lower case, without port, brackets and final dot.
func hostName(host string) (name string, ok bool) {
	name = host
	if before, port, err := net.SplitHostPort(host); err == nil {
		name = before
		if strings.Trim(port, "0123456789") != "" {
			return "", false
		}
	} else if inner, bracket := strings.CutPrefix(host, "["); bracket {
		if name, ok = strings.CutSuffix(inner, "]"); !ok {
			return "", false
		}
	}
	return strings.ToLower(strings.TrimSuffix(name, ".")), true
}

// Hosts refuses requests with a Host header that names another host, with status 421. A page whose
// name was made to lead to this address (DNS rebinding) is of the same origin for its browser, and
// only this header tells. The server's own names are localhost, every literal of an IP address, and
// names. A request without the header passes: no browser sends one.
//
// Setting is where an operator adds a name, for the refusal. Reads of the open paths, such as
// probes, are answered whatever they name.
func (g Guard) Hosts(names []string, setting string, open ...string) func(http.Handler) http.Handler {
	known := make(map[string]bool, len(names))
	for _, name := range names {
		known[strings.ToLower(strings.TrimSuffix(name, "."))] = true
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name, ok := hostName(r.Host)
			read := r.Method == http.MethodGet || r.Method == http.MethodHead
			if r.Host != "" && !(ok && known[name]) && !LocalHost(r.Host) && !(read && slices.Contains(open, r.URL.Path)) {
				g.Refuse(w, r, &Refusal{Status: http.StatusMisdirectedRequest, Detail: fmt.Sprintf(
					"the Host header is %.100q, which is not a name of this server (use localhost or an IP address, or add the name to %s)", r.Host, setting)})
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
