package webserver

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections bounds how many connections are open, in all and of one address. Above a bound it
// closes one of the address with the most: the one that has gone the longest without a complete
// request or, if all have one, that takes the longest to read its answer. So nobody who opens many
// connections, or sends or reads slowly, keeps another address out. A connection whose request is
// being worked on is closed only for an address that has fewer, and if no address with half as many
// has another: its work is not saved. A connection that a handler has taken over does not count
// here: the handler needs a bound of its own.
type connections struct {
	most, each int // 0: no bound
	proxies    Proxies

	mu       sync.Mutex
	open     map[net.Conn]*opened // without those that are being closed here
	bySource map[string]*source   // of open
	leaving  int                  // those that are being closed here
	left     chan struct{}        // closed and renewed when one of them is
	moves    uint64               // of connections between lists so far
}

// source is an address that has open connections.
type source struct {
	name  string
	count int
	// Its connections, those that have been there the longest first: those without a complete request,
	// those whose answer is on the way, and those whose request is being worked on. All have *opened.
	idle, sends, works *list.List
}

// opened is an open connection.
type opened struct {
	conn    net.Conn
	source  *source
	in      *list.List // idle, sends or works of source
	element *list.Element
	since   uint64 // which of connections.moves put it there
}

func newConnections(most int, proxies Proxies) *connections {
	most -= most / leavingPart
	return &connections{
		most: most, each: (most + 1) / 2, proxies: proxies,
		open: make(map[net.Conn]*opened), bySource: make(map[string]*source), left: make(chan struct{}),
	}
}

const (
	// leavingPart is which part of the bound is kept for connections that are being closed here, until
	// their descriptors are free. There is always room for one.
	leavingPart = 8
	// leavingPatience bounds how long a new connection waits for them.
	leavingPatience = 50 * time.Millisecond
)

// note is the ConnState of a http.Server.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		c.awaitLeaving()
	}
	for _, victim := range c.change(conn, state) {
		sever(victim, c.gone)
	}
}

// gone notes that a connection that was closed here has no descriptor any more.
func (c *connections) gone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving--
	close(c.left)
	c.left = make(chan struct{})
}

// awaitLeaving waits until not too many connections are being closed, which have descriptors until
// then. It does not wait for their handlers: honest callers may wait to be accepted.
func (c *connections) awaitLeaving() {
	timer := time.NewTimer(leavingPatience)
	defer timer.Stop()
	for {
		c.mu.Lock()
		many, left := c.leaving > max(1, c.most/(leavingPart-1)), c.left
		c.mu.Unlock()
		if !many {
			return
		}
		select {
		case <-left:
		case <-timer.C:
			return
		}
	}
}

func (c *connections) change(conn net.Conn, state http.ConnState) (victims []net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		added := c.enter(conn)
		return c.makeRoom(added)
	case http.StateIdle:
		if o := c.open[conn]; o != nil {
			c.move(o, o.source.idle)
		}
	case http.StateClosed, http.StateHijacked:
		c.forget(c.open[conn])
	}
	return nil
}

// enter adds a connection.
func (c *connections) enter(conn net.Conn) *opened {
	name := c.proxies.source(conn)
	from := c.bySource[name]
	if from == nil {
		from = &source{name: name, idle: list.New(), sends: list.New(), works: list.New()}
		c.bySource[name] = from
	}
	from.count++
	added := &opened{conn: conn, source: from}
	c.move(added, from.idle)
	c.open[conn] = added
	return added
}

// makeRoom forgets the connections that must be closed because of a new one, which is one of them
// if all others are being worked on and no address has more of them than the new one's.
func (c *connections) makeRoom(added *opened) (victims []net.Conn) {
	forget := func(victim *opened) {
		c.forget(victim)
		c.leaving++
		victims = append(victims, victim.conn)
	}
	if c.most == 0 {
		return nil
	}
	if added.source.count > c.each {
		victim, _ := added.source.victim(added)
		forget(victim)
	}
	if len(c.open) > c.most { // then nothing was forgotten above, as each is less than most
		forget(c.victim(added))
	}
	return victims
}

// victim returns the connection that makes room. Of the sources that have one that may be closed,
// it is of the one with the most, where one all of whose requests are worked on counts half. If
// several have as many, it is the one that has been there the longest.
func (c *connections) victim(added *opened) *opened {
	best, most := added, 0
	for _, from := range c.bySource {
		victim, weight := from.victim(added)
		if weight > most || weight == most && victim.since < best.since {
			best, most = victim, weight
		}
	}
	return best
}

// victim returns the connection of a source to be closed, with its weight, or the added one if no
// other may be.
func (s *source) victim(added *opened) (*opened, int) {
	if s.count >= added.source.count {
		for _, quiet := range []*list.List{s.idle, s.sends} {
			for e := quiet.Front(); e != nil; e = e.Next() {
				if o := e.Value.(*opened); o != added {
					return o, 2 * s.count
				}
			}
		}
	}
	if s.count > added.source.count && s.works.Len() > 0 {
		return s.works.Front().Value.(*opened), s.count
	}
	return added, 0
}

// cut closes the connections that may be closed. A server that stops would wait 5 s for those that
// have sent nothing yet.
func (c *connections) cut() {
	c.mu.Lock()
	var victims []net.Conn
	for _, o := range c.open {
		if o.in == o.source.idle {
			victims = append(victims, o.conn)
		}
	}
	c.mu.Unlock()
	for _, victim := range victims {
		sever(victim, nil)
	}
}

// move puts a connection last into a list of its source.
func (c *connections) move(o *opened, to *list.List) {
	o.leave()
	o.in, o.element, o.since = to, to.PushBack(o), c.moves
	c.moves++
}

func (o *opened) leave() {
	if o.in != nil {
		o.in.Remove(o.element)
	}
}

func (c *connections) forget(o *opened) {
	if o == nil {
		return
	}
	o.leave()
	delete(c.open, o.conn)
	if o.source.count--; o.source.count == 0 {
		delete(c.bySource, o.source.name)
	}
}

// working notes that a connection has a complete request.
func (c *connections) working(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.open[conn]; o != nil {
		c.move(o, o.source.works)
	}
}

// sending notes that the answer to a connection's request is ready.
func (c *connections) sending(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.open[conn]; o != nil {
		c.move(o, o.source.sends)
	}
}

// connectionKey is the key of a request's connection in its context.
type connectionKey struct{}

// connection is what the context of a request has of its connection.
type connection struct {
	*severable
	server *Server
}

// Connection returns the connection that a request came on, or nil if the request did not come
// through a Server.
func Connection(ctx context.Context) net.Conn {
	if c := connectionOf(ctx); c != nil {
		return c.severable
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
