package server

import (
	"container/list"
	"context"
	"log"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
)

// connections bounds how many connections are open. Above the bound the one that has not sent a
// whole request for the longest is closed, so that whoever opens many, or sends slowly, keeps
// nobody else out. Connections whose request is being answered, and subscribers, are not closed:
// they have bounds of their own.
type connections struct {
	most int

	mu      sync.Mutex
	open    map[net.Conn]bool // without those that are being closed here
	quiet   *list.List        // of net.Conn without a whole request, the longest first
	element map[net.Conn]*list.Element
}

func newConnections(most int) *connections {
	return &connections{most: most, open: make(map[net.Conn]bool), quiet: list.New(), element: make(map[net.Conn]*list.Element)}
}

// note is a http.Server's ConnState.
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
	if len(c.open) <= c.most || c.quiet.Len() == 0 {
		return nil
	}
	victim = c.quiet.Front().Value.(net.Conn)
	delete(c.open, victim)
	c.forget(victim)
	return victim
}

// cut closes the connections without a whole request. Of those that said nothing yet, a server that
// stops would wait 5 s for a word.
func (c *connections) cut() {
	c.mu.Lock()
	victims := slices.Collect(maps.Keys(c.element))
	c.mu.Unlock()
	for _, victim := range victims {
		_ = victim.Close() // its server notes the end, and forgets it
	}
}

// await puts a connection last among those that are waited for.
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

// remember is a http.Server's ConnContext.
func remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, keyConnection, conn)
}

// answering notes that a connection's request is there.
func (c *connections) answering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(keyConnection).(net.Conn); ok {
			c.mu.Lock()
			c.forget(conn)
			c.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// errorLog is where net/http complains of what clients do.
func errorLog(logger *slog.Logger) *log.Logger {
	return slog.NewLogLogger(logger.Handler(), slog.LevelDebug)
}
