package server

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// trustedKey is the context key of what trust found out about a request's caller.
type trustedKey struct{}

// trusted reports whether the caller of a request may have the node sign.
func trusted(ctx context.Context) bool {
	yes, _ := ctx.Value(trustedKey{}).(bool)
	return yes
}

// trust notes whether the caller may have the node sign: it has the token, or it is on this machine
// and addresses this machine. The latter excludes a browser that a foreign name led here, and
// callers from elsewhere behind a proxy that says so.
func trust(token string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), trustedKey{}, mayHaveSigned(r, token))))
		})
	}
}

func mayHaveSigned(r *http.Request, token string) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if ok && token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1 {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() || forwarded(r.Header) {
		return false
	}
	return webserver.LocalHost(r.Host)
}

// forwarded reports whether a proxy has passed the request on.
func forwarded(header http.Header) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if header.Get(name) != "" {
			return true
		}
	}
	return false
}
