package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/problem"
)

// ErrTaken reports that another program is registered.
var ErrTaken = errors.New("another program is registered as this node's application: stop it first")

const (
	registerWithin = 5 * time.Second // the first frame comes
	writeWithin    = 5 * time.Second // a frame is written, a program takes it
	maxSilent      = 3               // questions in a row without an answer in time; then the program is cut
)

// question is one that waits for its answer.
type question struct {
	id     uint64
	about  block.ID   // zero: a message
	answer chan Frame // has room for it
	late   func(Frame)
	left   bool // nobody waits any more
	since  time.Time
}

// session is one connection of a program.
type session struct {
	name   string
	limit  int           // questions that are open at a time
	within time.Duration // an answer must come
	out    chan Frame
	ended  chan struct{}

	mu     sync.Mutex
	next   uint64
	open   map[uint64]*question
	silent int
	reason error // why it ended
	over   bool
}

func newSession(name string, config Config) *session {
	return &session{
		name: name, limit: config.Questions, within: config.Within,
		out: make(chan Frame, config.Questions+1), ended: make(chan struct{}), open: map[uint64]*question{},
	}
}

// end ends the session; the first reason counts.
func (p *session) end(reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over, p.reason = true, reason
		close(p.ended)
	}
}

// why returns the reason of an ended session.
func (p *session) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason
}

// put sends a question, or returns the one about the same block that nobody waits for any more.
// errSilent when too many wait.
func (p *session) put(f Frame, late func(Frame)) (*question, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var about block.ID
	if f.Block != nil {
		about = f.Block.ID
		for _, q := range p.open {
			if q.left && q.about == about {
				q.left = false
				return q, nil
			}
		}
	}
	p.expire(time.Now().Add(-p.within))
	if len(p.open) >= p.limit {
		return nil, fmt.Errorf("%w: %d questions wait for an answer", errSilent, len(p.open))
	}
	p.next++
	f.ID = p.next
	q := &question{id: f.ID, about: about, answer: make(chan Frame, 1), late: late, since: time.Now()}
	select {
	case p.out <- f:
	default:
		return nil, fmt.Errorf("%w: it reads too slowly", errSilent)
	}
	p.open[q.id] = q
	return q, nil
}

// leave stops waiting for an answer. It is returned if it came in this moment; otherwise one that
// is of use late is remembered.
func (p *session) leave(q *question) (Frame, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case f := <-q.answer:
		return f, true
	default:
	}
	q.left = true
	if q.late == nil {
		delete(p.open, q.id)
		p.missed()
	}
	return Frame{}, false
}

// missed counts an answer that did not come in time, with mu held.
func (p *session) missed() {
	if p.silent++; p.silent >= maxSilent && !p.over {
		p.over, p.reason = true, fmt.Errorf("%d questions in a row were not answered in time", p.silent)
		close(p.ended)
	}
}

// expire gives up questions that wait for a late answer since before, with mu held.
func (p *session) expire(before time.Time) {
	for id, q := range p.open {
		if q.left && q.since.Before(before) {
			delete(p.open, id)
			p.missed()
		}
	}
}

// answered takes a verdict. One to a question that is not open is ignored: it was given up.
func (p *session) answered(f Frame) {
	p.mu.Lock()
	q, ok := p.open[f.ID]
	if ok {
		delete(p.open, f.ID)
		p.silent = 0
		if !q.left {
			q.answer <- f
		}
	}
	p.mu.Unlock()
	if ok && q.left && q.late != nil {
		q.late(f)
	}
}

// ServeHTTP registers a program as the application and serves it until it goes away.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.config.Allow != nil {
		if err := s.config.Allow(r); err != nil {
			problem.Write(w, api.WrapProblem(api.Forbidden, err))
			return
		}
	}
	if name, taken := s.Connected(); taken {
		problem.Write(w, &api.Problem{Document: problem.Document{
			Type: "about:blank", Title: "Conflict", Status: http.StatusConflict, Detail: fmt.Sprintf("%s (%q)", ErrTaken, name),
		}})
		return
	}
	connection, err := websocket.Accept(w, r, nil) // refuses requests of other origins' pages
	if err != nil {
		return // it has answered
	}
	defer connection.CloseNow()
	connection.SetReadLimit(MaxProgramFrame)
	if err := s.serve(r.Context(), connection); err != nil {
		_ = connection.Close(websocket.StatusPolicyViolation, clip(err.Error()))
	}
}

// clip shortens a text to what a close frame holds.
func clip(text string) string { return shorten(text, 120) }

func shorten(text string, bytes int) string {
	return strings.ToValidUTF8(text[:min(len(text), bytes)], "")
}

// serve runs a session. It returns why the node ended it, nil when the program did.
func (s *Server) serve(ctx context.Context, connection *websocket.Conn) error {
	first, err := s.register(ctx, connection)
	if err != nil {
		return err
	}
	p := newSession(first.Name, s.config)
	key := s.config.Key
	p.out <- Frame{Kind: Registered, Version: Version, Network: s.config.Network, Key: &key, WithinMS: s.config.Within.Milliseconds()}
	s.known.Purge()
	if err := s.admit(p); err != nil {
		return err
	}
	s.config.Logger.InfoContext(ctx, "application registered", "name", p.name)
	s.Wake()
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { p.end(s.read(ctx, connection, p)); return nil })
	work.Go(func() error { p.end(s.watch(ctx, connection)); return nil })
	work.Go(func() error { return p.write(ctx, connection) }) // its end is that of the others
	err = work.Wait()
	s.dismiss(p)
	s.config.Logger.InfoContext(ctx, "application is gone", "name", p.name, "reason", err)
	return nil
}

// register reads the first frame.
func (s *Server) register(ctx context.Context, connection *websocket.Conn) (Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, registerWithin)
	defer cancel()
	_, data, err := connection.Read(ctx)
	if err != nil {
		return Frame{}, fmt.Errorf("no register frame came: %w", err)
	}
	f, err := DecodeProgram(data)
	if err == nil && f.Kind != Register {
		err = fmt.Errorf("%w: %s before register", ErrFrame, f.Kind)
	}
	return f, err
}

func (s *Server) read(ctx context.Context, connection *websocket.Conn, p *session) error {
	for {
		_, data, err := connection.Read(ctx)
		if err != nil {
			return err
		}
		f, err := DecodeProgram(data)
		switch {
		case err != nil:
			return err
		case f.Kind == Verdict:
			p.answered(f)
		case f.Kind == Wake:
			s.Wake()
		default:
			return fmt.Errorf("%w: registered twice", ErrFrame)
		}
	}
}

// write sends until the session ends, then tells the program why, and returns that.
func (p *session) write(ctx context.Context, connection *websocket.Conn) error {
	for {
		select {
		case f := <-p.out:
			if err := writeFrame(ctx, connection, f); err != nil {
				p.end(err)
				return err
			}
		case <-p.ended:
			reason := p.why()
			_ = connection.Close(websocket.StatusPolicyViolation, clip(reason.Error()))
			return reason
		}
	}
}

func writeFrame(ctx context.Context, connection *websocket.Conn, f Frame) error {
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	return connection.Write(ctx, websocket.MessageText, f.Encode())
}

// watch pings, until there is no answer.
func (s *Server) watch(ctx context.Context, connection *websocket.Conn) error {
	ping := time.NewTicker(s.config.Ping)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ping.C:
			within, cancel := context.WithTimeout(ctx, s.config.Ping)
			err := connection.Ping(within)
			cancel()
			if err != nil {
				return fmt.Errorf("no answer to a ping: %w", err)
			}
		}
	}
}
