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
	registerWithin = 5 * time.Second // for the first frame
	writeWithin    = 5 * time.Second // to write a frame
	maxSilent      = 3               // unanswered questions in a row until the program is disconnected
)

// A question waits for its answer.
type question struct {
	id     uint64
	about  block.ID   // zero if the question is about a message
	answer chan frame // with capacity 1
	late   func(frame)
	left   bool // ask no longer waits
	since  time.Time
}

// A session is one connection of a program.
type session struct {
	name   string
	limit  int           // open questions at a time
	within time.Duration // for an answer
	out    chan frame
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
		out: make(chan frame, config.Questions+1), ended: make(chan struct{}), open: map[uint64]*question{},
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

// put sends a question. If a question about the same block is open and nobody waits for it, put
// returns that one instead. It returns errSilent if too many questions are open.
func (p *session) put(f frame, late func(frame)) (*question, error) {
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
	q := &question{id: f.ID, about: about, answer: make(chan frame, 1), late: late, since: time.Now()}
	select {
	case p.out <- f:
	default:
		return nil, fmt.Errorf("%w: it reads too slowly", errSilent)
	}
	p.open[q.id] = q
	return q, nil
}

// leave stops waiting for an answer. It returns the answer if it has just arrived. A question with
// a late function stays open.
func (p *session) leave(q *question) (frame, bool) {
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
	return frame{}, false
}

// missed counts a question that was not answered in time. The caller holds mu.
func (p *session) missed() {
	if p.silent++; p.silent >= maxSilent && !p.over {
		p.over, p.reason = true, fmt.Errorf("%d questions in a row were not answered in time", p.silent)
		close(p.ended)
	}
}

// expire closes questions that have waited for a late answer since before the given time. The
// caller holds mu.
func (p *session) expire(before time.Time) {
	for id, q := range p.open {
		if q.left && q.since.Before(before) {
			delete(p.open, id)
			p.missed()
		}
	}
}

// answered accepts a verdict. It ignores one on a question that is no longer open.
func (p *session) answered(f frame) {
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

// ServeHTTP registers a program as the application and serves it until it disconnects.
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
	connection, err := websocket.Accept(w, r, nil) // refuses pages of other origins
	if err != nil {
		return // Accept has answered
	}
	defer connection.CloseNow()
	connection.SetReadLimit(maxProgramFrame)
	if err := s.serve(r.Context(), connection); err != nil {
		_ = connection.Close(websocket.StatusPolicyViolation, clip(err.Error()))
	}
}

// clip shortens a text to fit a close frame.
func clip(text string) string { return shorten(text, 120) }

func shorten(text string, bytes int) string {
	return strings.ToValidUTF8(text[:min(len(text), bytes)], "")
}

// serve runs a session. It returns an error if the program could not register.
func (s *Server) serve(ctx context.Context, connection *websocket.Conn) error {
	first, err := s.register(ctx, connection)
	if err != nil {
		return err
	}
	p := newSession(first.Name, s.config)
	key := s.config.Key
	p.out <- frame{Kind: kindRegistered, Version: frameVersion, Network: s.config.Network, Key: &key, WithinMS: s.config.Within.Milliseconds()}
	s.known.Purge()
	if err := s.admit(p); err != nil {
		return err
	}
	s.config.Logger.InfoContext(ctx, "application registered", "name", p.name)
	s.Wake()
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { p.end(s.read(ctx, connection, p)); return nil })
	work.Go(func() error { p.end(s.watch(ctx, connection)); return nil })
	work.Go(func() error { return p.write(ctx, connection) }) // ends the other two
	err = work.Wait()
	s.dismiss(p)
	s.config.Logger.InfoContext(ctx, "application disconnected", "name", p.name, "reason", err)
	return nil
}

// register reads the first frame.
func (s *Server) register(ctx context.Context, connection *websocket.Conn) (frame, error) {
	ctx, cancel := context.WithTimeout(ctx, registerWithin)
	defer cancel()
	_, data, err := connection.Read(ctx)
	if err != nil {
		return frame{}, fmt.Errorf("read the register frame: %w", err)
	}
	f, err := decodeProgramFrame(data)
	if err == nil && f.Kind != kindRegister {
		err = fmt.Errorf("%w: %s before register", errFrame, f.Kind)
	}
	return f, err
}

func (s *Server) read(ctx context.Context, connection *websocket.Conn, p *session) error {
	for {
		_, data, err := connection.Read(ctx)
		if err != nil {
			return err
		}
		f, err := decodeProgramFrame(data)
		switch {
		case err != nil:
			return err
		case f.Kind == kindVerdict:
			p.answered(f)
		case f.Kind == kindWake:
			s.Wake()
		default:
			return fmt.Errorf("%w: registered twice", errFrame)
		}
	}
}

// write sends frames until the session ends. It then sends the program the reason and returns it.
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

func writeFrame(ctx context.Context, connection *websocket.Conn, f frame) error {
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	return connection.Write(ctx, websocket.MessageText, f.encode())
}

// watch pings the program until it does not answer.
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
