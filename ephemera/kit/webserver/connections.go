package webserver

import (
	"cmp"
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// connections bounds how many connections are open, in all and of one address. Above a bound it
// closes one of the address with the most: the one that has gone the longest without a complete
// request or, if all have one, that takes the longest to read its answer. So nobody who opens many
// connections, or sends or reads slowly, keeps another address out. Connections whose request is
// being worked on stay open: the places for those are few. A connection that a handler has taken
// over does not count here: the handler needs a bound of its own.
type connections struct {
	most, each int // 0: no bound
	proxies    Proxies

	mu    sync.Mutex
	open  map[net.Conn]*opened // without those that are being closed here
	count map[string]int       // of open, by source
	quiet *list.List           // of *opened that may be closed, the longest first
}

// opened is an open connection.
type opened struct {
	conn    net.Conn
	source  string
	element *list.Element // in quiet, or nil while its request is being worked on
	sending bool          // its answer is on the way
}

func newConnections(most int, proxies Proxies) *connections {
	return &connections{
		most: most, each: (most + 1) / 2, proxies: proxies,
		open: make(map[net.Conn]*opened), count: make(map[string]int), quiet: list.New(),
	}
}

// note is the ConnState of a http.Server.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	for _, victim := range c.change(conn, state) {
		_ = victim.Close() // its server notes the end, and forgets it
	}
}

func (c *connections) change(conn net.Conn, state http.ConnState) (victims []net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		added := &opened{conn: conn, source: c.proxies.source(conn)}
		c.open[conn] = added
		c.count[added.source]++
		c.await(added, false)
		return c.makeRoom(added)
	case http.StateIdle:
		c.await(c.open[conn], false)
	case http.StateClosed, http.StateHijacked:
		c.forget(c.open[conn])
	}
	return nil
}

// makeRoom forgets the connections that must be closed because of a new one, which is one of them
// if all others are busy.
func (c *connections) makeRoom(added *opened) (victims []net.Conn) {
	forget := func(victim *opened) {
		c.forget(victim)
		victims = append(victims, victim.conn)
	}
	if c.most == 0 {
		return nil
	}
	if c.count[added.source] > c.each {
		forget(c.victim(added, func(o *opened) bool { return o.source == added.source }))
	}
	if len(c.open) > c.most { // then nothing was forgotten above, as each is less than most
		forget(c.victim(added, func(*opened) bool { return true }))
	}
	return victims
}

// victim returns the connection to be closed among those that may be.
func (c *connections) victim(added *opened, among func(*opened) bool) *opened {
	const idle, sends = 1, 0
	rank := func(o *opened) int {
		if o.sending {
			return sends
		}
		return idle
	}
	victim := added
	for e := c.quiet.Front(); e != nil; e = e.Next() {
		o := e.Value.(*opened)
		if o == added || !among(o) {
			continue
		}
		more := cmp.Compare(c.count[o.source], c.count[victim.source])
		if more > 0 || more == 0 && (victim == added || rank(o) > rank(victim)) {
			victim = o
		}
	}
	return victim
}

// cut closes the connections that may be closed. A server that stops would wait 5 s for those that
// have sent nothing yet.
func (c *connections) cut() {
	c.mu.Lock()
	var victims []net.Conn
	for e := c.quiet.Front(); e != nil; e = e.Next() {
		if o := e.Value.(*opened); !o.sending {
			victims = append(victims, o.conn)
		}
	}
	c.mu.Unlock()
	for _, victim := range victims {
		_ = victim.Close() // its server notes the end, and forgets it
	}
}

// await puts a connection last among those that may be closed.
func (c *connections) await(o *opened, sending bool) {
	if o == nil {
		return
	}
	c.busy(o)
	o.sending, o.element = sending, c.quiet.PushBack(o)
}

// busy removes a connection from those that may be closed.
func (c *connections) busy(o *opened) {
	if o != nil && o.element != nil {
		c.quiet.Remove(o.element)
		o.element = nil
	}
}

func (c *connections) forget(o *opened) {
	if o == nil {
		return
	}
	c.busy(o)
	delete(c.open, o.conn)
	if c.count[o.source]--; c.count[o.source] == 0 {
		delete(c.count, o.source)
	}
}

// working notes that a connection has a complete request, so that it stays open.
func (c *connections) working(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy(c.open[conn])
}

// sending notes that the answer to a connection's request is ready.
func (c *connections) sending(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.await(c.open[conn], true)
}

// connectionKey is the key of a request's connection in its context.
type connectionKey struct{}

// connection is what the context of a request has of its connection.
type connection struct {
	net.Conn
	server *Server
}

// Connection returns the connection that a request came on, or nil if the request did not come
// through a Server.
func Connection(ctx context.Context) net.Conn {
	if c := connectionOf(ctx); c != nil {
		return c.Conn
	}
	return nil
}

// connectionOf returns the connection that a request came on, with its server, or nil.
func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection)
	return c
}

// piece returns a piece of memory for a body. It must be recycled. Without a connection it is new.
func (c *connection) piece() *[pieceBytes]byte {
	if c != nil {
		if used, some := c.server.pieces.Get().(*[pieceBytes]byte); some {
			return used
		}
	}
	return new([pieceBytes]byte)
}

func (c *connection) recycle(piece *[pieceBytes]byte) {
	if c != nil {
		c.server.pieces.Put(piece)
	}
}
