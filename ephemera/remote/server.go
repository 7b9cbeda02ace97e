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

// The server answers Later with one of these reasons if the program gives no verdict.
var (
	// errAway reports that no program is connected as the node's application.
	errAway = errors.New("no application is registered with this node: start it, and submit again")
	// errSilent reports a program that did not answer in time.
	errSilent = errors.New("the application did not answer in time: submit again later")
)

// Config describes the node's side.
type Config struct {
	// Network and Key are those of the node. The program learns them when it registers.
	Network string
	Key     keys.Public

	// Allow returns an error if the request must not register a program. The error is answered with
	// status 403. If Allow is nil, any caller of the handler may register, so the handler belongs
	// behind the admin listener's own check.
	Allow func(*http.Request) error

	// Within is how long the program has to answer a question. The default is 2 s.
	Within time.Duration
	// Questions is how many questions may wait for an answer at a time. Beyond it the server does
	// not ask and answers Later. The default is 256.
	Questions int
	// Ping is both the interval between pings and the time for an answer to one. The default is 10 s.
	Ping time.Duration
	// Logger may be nil.
	Logger *slog.Logger
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

// patience is how long the node waits for a verdict on another member's block before it continues.
// A later answer is remembered and wakes the node. For its own candidate the node waits until
// Config.Within, because its next candidate is a different block.
const patience = 100 * time.Millisecond

// rememberedVerdicts is above the open slots of a few groups of 100.
const rememberedVerdicts = 1024

// Server asks the registered program on behalf of a node. It is both the node's
// ephemera.Application and the http.Handler of the endpoint. It wraps the application that proposes
// the node's blocks. While no program is registered it answers Later about messages and blocks, and
// the node proposes no blocks. Deliveries continue.
type Server struct {
	config Config
	inner  ephemera.Application
	wakes  chan struct{}
	known  *lru.Cache[block.ID, ephemera.Decision] // late verdicts

	mu      sync.Mutex
	program *session // nil if no program is registered
}

var _ ephemera.Application = (*Server)(nil)

// NewServer returns a server that wraps inner, which proposes the node's blocks and receives
// deliveries.
func NewServer(config Config, inner ephemera.Application) *Server {
	known, err := lru.New[block.ID, ephemera.Decision](rememberedVerdicts)
	if err != nil {
		panic(err) // rememberedVerdicts is not positive
	}
	return &Server{config: config.withDefaults(), inner: inner, wakes: make(chan struct{}, 1), known: known}
}

// Run forwards wake-ups to the node until ctx is done. It then ends the program's connection and
// returns nil.
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
	default: // one is pending already
	}
}

// Connected returns the name of the registered program and reports whether one is registered.
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
	answer, err := s.ask(ctx, frame{Kind: kindCheckMessage, Message: &message}, s.config.Within, nil)
	if err != nil {
		return ephemera.Later(err.Error())
	}
	answer.Reason = cmp.Or(answer.Reason, "the application gave no reason")
	return decision(answer)
}

// NextBlock asks the inner application if a program is registered that can check the block.
func (s *Server) NextBlock(ctx context.Context, turn ephemera.Turn) []block.MessageID {
	if s.registered() == nil {
		return nil
	}
	return s.inner.NextBlock(ctx, turn)
}

// CheckBlock asks the inner application and then the program. Without an answer it returns Later.
func (s *Server) CheckBlock(ctx context.Context, b block.Block) ephemera.Decision {
	if d := s.inner.CheckBlock(ctx, b); !d.IsAccept() {
		return d
	}
	id, own := b.ID(), b.Header.Creator == s.config.Key
	if d, ok := s.known.Get(id); ok {
		return d
	}
	encoded := api.NewBlock(b)
	within, late := s.config.Within, func(frame) {}
	if !own {
		within = min(within, patience)
		late = func(f frame) {
			if f.Verdict != verdictLater { // the node was already told later
				s.known.Add(id, decision(f))
				s.Wake()
			}
		}
	}
	answer, err := s.ask(ctx, frame{Kind: kindCheckBlock, Block: &encoded, Own: own}, within, late)
	if err != nil {
		return ephemera.Later(err.Error())
	}
	return decision(answer)
}

// DeliverBlock delivers the block to the inner application.
func (s *Server) DeliverBlock(ctx context.Context, b block.Block, c certificate.Certificate) error {
	return s.inner.DeliverBlock(ctx, b, c)
}

// decision returns what a verdict frame says.
func decision(f frame) ephemera.Decision {
	d := ephemera.Later(f.Reason)
	switch f.Verdict {
	case verdictAccept:
		d = ephemera.Accept()
	case verdictReject:
		d = ephemera.Reject(f.Reason)
	}
	return d.Dropping(f.Drop...)
}

// ask sends a question to the program and waits for the answer. If late is not nil, it receives an
// answer that arrives after within on the same connection.
func (s *Server) ask(ctx context.Context, f frame, within time.Duration, late func(frame)) (frame, error) {
	p := s.registered()
	if p == nil {
		return frame{}, errAway
	}
	f.WithinMS = s.config.Within.Milliseconds()
	q, err := p.put(f, late)
	if err != nil {
		return frame{}, err
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case answer := <-q.answer:
		return answer, nil
	case <-timer.C:
	case <-p.ended:
		return frame{}, errAway
	case <-ctx.Done():
	}
	answer, answered := p.leave(q)
	switch {
	case answered:
		return answer, nil
	case ctx.Err() != nil:
		return frame{}, ctx.Err()
	}
	return frame{}, errSilent
}

// admit registers a session. It returns ErrTaken if another one is registered.
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
