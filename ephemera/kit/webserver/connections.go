package webserver

import (
	"container/list"
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
)

// connections bounds how many connections are open. Above the bound it closes the connection that
// has gone the longest without a complete request, so that a client that opens many connections, or
// sends slowly, keeps nobody else out. Connections whose request is being answered, and those that
// a handler has taken over, stay open: they have bounds of their own.
type connections struct {
	most int // 0: no bound

	mu      sync.Mutex
	open    map[net.Conn]bool // without those that are being closed here
	quiet   *list.List        // of net.Conn without a complete request, the longest first
	element map[net.Conn]*list.Element
}

func newConnections(most int) *connections {
	return &connections{most: most, open: make(map[net.Conn]bool), quiet: list.New(), element: make(map[net.Conn]*list.Element)}
}

// note is the ConnState of a http.Server.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	if victim := c.count(conn, state); victim != nil {
		_ = victim.Close() // its server notes the end, and forgets it
	}
}

func (c *connections) count(conn net.Conn, state http.ConnState) (victim net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open[conn] = true
		c.await(conn)
	case http.StateIdle:
		c.await(conn)
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
		c.forget(conn)
	}
	if c.most == 0 || len(c.open) <= c.most || c.quiet.Len() == 0 {
		return nil
	}
	victim = c.quiet.Front().Value.(net.Conn)
	delete(c.open, victim)
	c.forget(victim)
	return victim
}

// cut closes the connections without a complete request. A server that stops would wait 5 s for
// those that have sent nothing yet.
func (c *connections) cut() {
	c.mu.Lock()
	victims := slices.Collect(maps.Keys(c.element))
	c.mu.Unlock()
	for _, victim := range victims {
		_ = victim.Close() // its server notes the end, and forgets it
	}
}

// await puts a connection last among those without a complete request.
func (c *connections) await(conn net.Conn) {
	c.forget(conn)
	c.element[conn] = c.quiet.PushBack(conn)
}

func (c *connections) forget(conn net.Conn) {
	if element, ok := c.element[conn]; ok {
		c.quiet.Remove(element)
		delete(c.element, conn)
	}
}

// connectionKey is the key of a request's connection in its context.
type connectionKey struct{}

// withConnection is the ConnContext of a http.Server.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

// Connection returns the connection that a request came on, or nil if the request did not come
// through a Server.
func Connection(ctx context.Context) net.Conn {
	conn, _ := ctx.Value(connectionKey{}).(net.Conn)
	return conn
}

// Answering is the middleware behind which a request counts as complete, so that its connection is
// not closed in favour of a new one. It belongs behind whatever reads the body.
func (s *Server) Answering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn := Connection(r.Context()); conn != nil {
			s.connections.mu.Lock()
			s.connections.forget(conn)
			s.connections.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}
