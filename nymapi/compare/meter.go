package compare

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// meter is an HTTP transport that counts the bytes of request bodies.
type meter struct {
	*http.Transport
	sent atomic.Uint64
}

func newMeter() *meter {
	return &meter{Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}}
}

// RoundTrip implements http.RoundTripper.
func (m *meter) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body == nil || request.Body == http.NoBody {
		return m.Transport.RoundTrip(request)
	}
	counted := request.Clone(request.Context())
	counted.Body = countedBody{ReadCloser: request.Body, sent: &m.sent}
	return m.Transport.RoundTrip(counted)
}

// countedBody counts the bytes that are read from a body.
type countedBody struct {
	io.ReadCloser
	sent *atomic.Uint64
}

// Read implements io.Reader.
func (b countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.sent.Add(uint64(n))
	return n, err
}
