package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// The node gets Later with one of these reasons if the program gives no verdict.
var (
	// errAway reports that no program is connected as the node's application.
	errAway = errors.New("no application is registered with this node: start it, and submit again")
	// errSilent reports a program that did not answer in time.
	errSilent = errors.New("the application did not answer in time: submit again later")
)

// Config describes the node's side.
type Config struct {
	Network string      // of the node, told to the program
	Key     keys.Public // of the node, told to the program

	// Allow tells whether a request may register as the application; an error is answered with 403.
	// Nil: whoever reaches the handler may, so it belongs behind the admin listener's own check.
	Allow func(*http.Request) error

	Within    time.Duration // an answer must come: 2 s
	Questions int           // that wait for an answer at a time: 256; more are answered as if the program were silent
	Ping      time.Duration // between two pings, and for an answer to one: 10 s
	Logger    *slog.Logger  // default: none
}

func (c Config) withDefaults() Config {
	c.Within = cmp.Or(c.Within, 2*time.Second)
	c.Questions = cmp.Or(c.Questions, 256)
	c.Ping = cmp.Or(c.Ping, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = c.Logger.With("logger", "application")
	return c
}

// patience is how long the node waits for a verdict on another member's block before it goes on: an
// answer that comes later is remembered, and wakes the node. An own candidate is waited for,
// because the next one is another block.
const patience = 100 * time.Millisecond

// rememberedVerdicts is above the open slots of a few groups of 100.
const rememberedVerdicts = 1024

// Server asks the registered program on behalf of a node. It is the node's ephemera.Application,
// around the one that decides about own blocks, and the http.Handler of the endpoint. Without a
// program the answer about messages and blocks is Later, and the node makes no blocks; deliveries
// continue.
type Server struct {
	config Config
	inner  ephemera.Application
	wakes  chan struct{}
	known  *lru.Cache[block.ID, ephemera.Decision] // verdicts that came late

	mu      sync.Mutex
	program *session // nil: none is registered
}

var _ ephemera.Application = (*Server)(nil)

// NewServer returns a server around the application that makes own blocks and takes deliveries.
func NewServer(config Config, inner ephemera.Application) *Server {
	known, err := lru.New[block.ID, ephemera.Decision](rememberedVerdicts)
	if err != nil {
		panic(err) // a constant that is not positive: our own mistake
	}
	return &Server{config: config.withDefaults(), inner: inner, wakes: make(chan struct{}, 1), known: known}
}

// Run passes wake-ups on to the node until ctx is done, and returns nil. Then it ends the program's
// connection.
func (s *Server) Run(ctx context.Context, wake func()) error {
	defer func() {
		if p := s.registered(); p != nil {
			p.end(errors.New("the node stops"))
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wakes:
			wake()
		}
	}
}

// Wake makes the node ask again. It never blocks.
func (s *Server) Wake() {
	select {
	case s.wakes <- struct{}{}:
	default: // one is waiting already
	}
}

// Connected tells the name of the registered program, and whether there is one.
func (s *Server) Connected() (string, bool) {
	if p := s.registered(); p != nil {
		return p.name, true
	}
	return "", false
}

func (s *Server) registered() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.program
}

// CheckMessage asks the inner application and then the program. Without an answer it returns Later.
func (s *Server) CheckMessage(ctx context.Context, m block.Message) ephemera.Decision {
	if d := s.inner.CheckMessage(ctx, m); !d.IsAccept() {
		return d
	}
	message := api.NewMessage(m)
	answer, err := s.ask(ctx, Frame{Kind: CheckMessage, Message: &message}, s.config.Within, nil)
	if err != nil {
		return ephemera.Later(err.Error())
	}
	answer.Reason = cmp.Or(answer.Reason, "the application gave no reason")
	return decision(answer)
}

// NextBlock asks the inner application, while there is a program that could check the block.
func (s *Server) NextBlock(ctx context.Context, turn ephemera.Turn) []block.MessageID {
	if s.registered() == nil {
		return nil
	}
	return s.inner.NextBlock(ctx, turn)
}

// CheckBlock asks the inner application, and then the program. No answer is ephemera.Later.
func (s *Server) CheckBlock(ctx context.Context, b block.Block) ephemera.Decision {
	if d := s.inner.CheckBlock(ctx, b); !d.IsAccept() {
		return d
	}
	id, own := b.ID(), b.Header.Creator == s.config.Key
	if d, ok := s.known.Get(id); ok {
		return d
	}
	encoded := api.NewBlock(b)
	within, late := s.config.Within, func(Frame) {}
	if !own {
		within = min(within, patience)
		late = func(f Frame) {
			if f.Verdict != Later { // that is what the node was told
				s.known.Add(id, decision(f))
				s.Wake()
			}
		}
	}
	answer, err := s.ask(ctx, Frame{Kind: CheckBlock, Block: &encoded, Own: own}, within, late)
	if err != nil {
		return ephemera.Later(err.Error())
	}
	return decision(answer)
}

// DeliverBlock passes it to the inner application.
func (s *Server) DeliverBlock(ctx context.Context, b block.Block, c certificate.Certificate) error {
	return s.inner.DeliverBlock(ctx, b, c)
}

// decision returns what a verdict frame says.
func decision(f Frame) ephemera.Decision {
	d := ephemera.Later(f.Reason)
	switch f.Verdict {
	case Accept:
		d = ephemera.Accept()
	case Reject:
		d = ephemera.Reject(f.Reason)
	}
	return d.Dropping(f.Drop...)
}

// ask puts a question to the program. An answer that comes after within is given to late, while the
// connection lasts.
func (s *Server) ask(ctx context.Context, f Frame, within time.Duration, late func(Frame)) (Frame, error) {
	p := s.registered()
	if p == nil {
		return Frame{}, errAway
	}
	f.WithinMS = s.config.Within.Milliseconds()
	q, err := p.put(f, late)
	if err != nil {
		return Frame{}, err
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case answer := <-q.answer:
		return answer, nil
	case <-timer.C:
	case <-p.ended:
		return Frame{}, errAway
	case <-ctx.Done():
	}
	answer, answered := p.leave(q)
	switch {
	case answered:
		return answer, nil
	case ctx.Err() != nil:
		return Frame{}, ctx.Err()
	}
	return Frame{}, errSilent
}

// admit makes a session the registered one. ErrTaken when there is one.
func (s *Server) admit(p *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.program != nil {
		return fmt.Errorf("%w: %q", ErrTaken, s.program.name)
	}
	s.program = p
	return nil
}

func (s *Server) dismiss(p *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.program == p {
		s.program = nil
	}
}
