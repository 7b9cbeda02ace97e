package webserver

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"github.com/go-chi/chi/v5/middleware"
)

// Proxies are the networks of the proxies in front of a server. Only of them is the header
// X-Forwarded-For believed, and their connections do not count for their own address.
type Proxies []netip.Prefix

// ParseProxies parses addresses and prefixes, such as 10.0.0.7 or 10.1.0.0/16.
func ParseProxies(texts []string) (Proxies, error) {
	var proxies Proxies
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, bad := netip.ParseAddr(text)
			if bad != nil || address.Zone() != "" {
				return nil, fmt.Errorf("trusted proxy %.70q: expected an address or a prefix, such as 10.0.0.7 or 10.1.0.0/16", text)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		if prefix.Bits() == 0 {
			return nil, fmt.Errorf("trusted proxy %.70q: any caller could claim any address; expected the addresses of the proxies", text)
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

func (p Proxies) contain(address netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(address.Unmap().WithZone("")) {
			return true
		}
	}
	return false
}

// ClientAddress notes the address of the caller: that of the peer or, if the peer is a trusted
// proxy, the last one in X-Forwarded-For that is not a trusted proxy. Other headers that claim an
// address are not believed.
func (p Proxies) ClientAddress(next http.Handler) http.Handler {
	if len(p) == 0 {
		return middleware.ClientIPFromRemoteAddr(next)
	}
	var texts []string
	for _, prefix := range p {
		texts = append(texts, prefix.String())
	}
	return middleware.ClientIPFromXFF(texts...)(next)
}

// Caller returns the address whose limits a request counts for: an IPv4 address or the /64 of an
// IPv6 address, all of which one customer has. It needs Proxies.ClientAddress.
func Caller(r *http.Request) string {
	if address := middleware.GetClientIPAddr(r.Context()); address.IsValid() {
		return network(address)
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return network(peer.Addr())
	}
	return r.RemoteAddr
}

func network(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	prefix, err := address.Prefix(64)
	if err != nil {
		return address.String()
	}
	return prefix.String()
}

// source returns what a connection counts for: its address or, behind a proxy, only itself.
func (p Proxies) source(conn net.Conn) string {
	remote := conn.RemoteAddr().String()
	peer, err := netip.ParseAddrPort(remote)
	if err != nil || p.contain(peer.Addr()) {
		return fmt.Sprintf("%s %p", remote, conn)
	}
	return network(peer.Addr())
}
