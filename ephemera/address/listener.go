package address

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	ma "github.com/multiformats/go-multiaddr"
)

// CheckHostPort returns an error unless text is a host, which may be empty, and a port of 0 to
// 65535.
func CheckHostPort(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil || hasBlank(host) {
		return fmt.Errorf("%q is not an address; expected host:port, such as 127.0.0.1:3100", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q has port %q, expected 0..65535", text, port)
	}
	return nil
}

// ParseURL returns the http or https URL of a server. It refuses one without a host, with blanks,
// or with a port that is not 1 to 65535.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || hasBlank(text) || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%.200q is not a URL; expected one such as http://127.0.0.1:8080", text)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("%.200q has port %s, expected 1..65535", text, port)
		}
	}
	return u, nil
}

// Listener is an address on which a program is to listen, and the setting that gives it.
type Listener struct {
	Setting string
	Address string // host:port or a multiaddr; empty: it is off
}

// CheckDistinct returns an error if two listeners want one TCP port of one address. It knows
// localhost and wildcards, but no other names.
func CheckDistinct(listeners ...Listener) error {
	for i, a := range listeners {
		for _, b := range listeners[:i] {
			if port, same := samePort(a.Address, b.Address); same {
				return fmt.Errorf("%s = %q and %s = %q both need port %s, expected different ports", b.Setting, b.Address, a.Setting, a.Address, port)
			}
		}
	}
	return nil
}

func samePort(a, b string) (port string, same bool) {
	hostA, port := hostPort(a)
	hostB, other := hostPort(b)
	if port == "" || port == "0" || port != other {
		return "", false
	}
	return port, hostA == hostB || isWildcard(hostA) || isWildcard(hostB)
}

// hostPort returns the host and TCP port of a well-formed listener, or "" for another.
func hostPort(listener string) (host, port string) {
	if a, err := Parse(listener); err == nil {
		at, rest := split(a)
		if at == nil || len(rest) != 1 || rest[0].Protocol().Code != ma.P_TCP {
			return "", ""
		}
		return at.Value(), rest[0].Value()
	}
	host, port, err := net.SplitHostPort(listener)
	if err != nil {
		return "", ""
	}
	if number, err := strconv.ParseUint(port, 10, 16); err == nil {
		port = strconv.FormatUint(number, 10)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	return host, port
}

func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// hasBlank reports whether text contains a space, newline or control character.
func hasBlank(text string) bool {
	return strings.ContainsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) })
}
