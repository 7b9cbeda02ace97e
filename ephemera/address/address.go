// Package address decides which multiaddrs members can dial and listen on, and which listeners
// (host:port) and URLs are well-formed. It resolves and dials nothing.
//
// Everyone who writes or reads addresses of members uses Dialable: the contract at enrolment, the
// list of members, the transport and the lint. So one rule decides which of them are of use.
//
// The package is unstable: it is public only because the modules of this repository share it.
package address

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	ma "github.com/multiformats/go-multiaddr"
)

// MaxBytes bounds the text of a multiaddr.
const MaxBytes = 256

const example = "expected one like /ip4/192.0.2.1/tcp/3000 or /dns4/host/tcp/3000"

// Parse returns the multiaddr of a member or listener. It refuses one with a peer ID, because the
// key of the member's entry identifies it.
func Parse(text string) (ma.Multiaddr, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("parse address %.80q…: it has %d bytes, at most %d are allowed", text, len(text), MaxBytes)
	}
	a, err := ma.NewMultiaddr(text)
	if err != nil {
		return nil, fmt.Errorf("parse address %.80q, %s: %w", text, example, err)
	}
	if _, err := a.ValueForProtocol(ma.P_P2P); err == nil {
		return nil, fmt.Errorf("parse address %.150q: it contains a peer ID (remove /p2p/…: the key identifies the member)", text)
	}
	return a, nil
}

// Dialable returns nil if other members may dial the address: over TCP, or over QUIC if they use
// it. It refuses wildcards and port 0, which lead each member to itself or nowhere.
func Dialable(text string) error {
	a, err := Parse(text)
	if err != nil {
		return err
	}
	host, rest := split(a)
	switch err := checkTransport(rest); {
	case host == nil:
		return fmt.Errorf("address %.80q names no host, %s", text, example)
	case host.Protocol().Code == ma.P_DNSADDR && len(rest) == 0:
		return nil
	case err != nil:
		return fmt.Errorf("address %.80q: %w", text, err)
	}
	if ip, err := netip.ParseAddr(host.Value()); err == nil {
		if ip = ip.Unmap(); ip.IsUnspecified() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			return fmt.Errorf("address %.80q: others cannot dial %s (name the host's own address)", text, ip)
		}
	}
	if rest[0].Value() == "0" {
		return fmt.Errorf("address %.80q: others cannot dial port 0 (name the real port)", text)
	}
	return nil
}

// Listenable returns nil if a transport can listen on the address: an IP address, of which a
// wildcard means all interfaces, with a TCP port or, if quic is set, /udp/…/quic-v1.
func Listenable(text string, quic bool) error {
	a, err := Parse(text)
	if err != nil {
		return err
	}
	host, rest := split(a)
	if host == nil || host.Protocol().Code != ma.P_IP4 && host.Protocol().Code != ma.P_IP6 {
		return fmt.Errorf("listen address %.80q: expected an IP address, such as /ip4/0.0.0.0/tcp/3000", text)
	}
	if err := checkTransport(rest); err != nil {
		return fmt.Errorf("listen address %.80q: %w", text, err)
	}
	if !quic && NeedsQUIC(text) {
		return fmt.Errorf("listen address %.80q: QUIC is off", text)
	}
	return nil
}

// NeedsQUIC reports whether only nodes that use QUIC can dial the address.
func NeedsQUIC(text string) bool {
	a, err := ma.NewMultiaddr(text)
	return err == nil && slices.ContainsFunc(a.Protocols(), func(p ma.Protocol) bool { return p.Code == ma.P_QUIC_V1 })
}

// split returns the host of a multiaddr, nil if it begins with none, and what follows.
func split(a ma.Multiaddr) (*ma.Component, []ma.Component) {
	rest := []ma.Component(a)
	if len(rest) > 0 && rest[0].Protocol().Code == ma.P_IP6ZONE {
		rest = rest[1:]
	}
	hosts := []int{ma.P_IP4, ma.P_IP6, ma.P_DNS, ma.P_DNS4, ma.P_DNS6, ma.P_DNSADDR}
	if len(rest) == 0 || !slices.Contains(hosts, rest[0].Protocol().Code) {
		return nil, nil
	}
	return &rest[0], rest[1:]
}

// checkTransport returns an error unless the components are those of TCP or QUIC.
func checkTransport(rest []ma.Component) error {
	var names []string
	for _, c := range rest {
		names = append(names, c.Protocol().Name)
	}
	switch got := strings.Join(names, "/"); got {
	case "tcp", "udp/quic-v1":
		return nil
	case "udp":
		return errors.New("nothing uses UDP alone, expected /tcp/PORT or /udp/PORT/quic-v1")
	default:
		return fmt.Errorf("no transport uses %q, expected /tcp/PORT or /udp/PORT/quic-v1", got)
	}
}

// Usable returns the addresses that are Dialable, and an error that names the others.
func Usable(texts []string) ([]string, error) {
	usable, bad := []string{}, []error(nil)
	for _, text := range texts {
		if err := Dialable(text); err != nil {
			bad = append(bad, err)
		} else {
			usable = append(usable, text)
		}
	}
	return usable, errors.Join(bad...)
}
