package rewards

import (
	"context"
	"errors"
	"sync"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

// ErrUnsigned reports that the daemon did not sign.
var ErrUnsigned = errors.New("not signed by the node that holds the key")

// Sidecar is the Application of a Nym-API in sidecar mode: its node is an Ephemera daemon, a
// process that runs alongside. The daemon's block policy makes the blocks instead of NextBlock.
// Questions and deliveries arrive on different connections, so a Sidecar is safe for concurrent
// use.
type Sidecar struct {
	app *Application
	mu  sync.Mutex // guards what an Application leaves to the one goroutine that calls it
}

// NewSidecar returns the application for a node in another process.
func NewSidecar(ctx context.Context, config ApplicationConfig) (*Sidecar, error) {
	app, err := NewApplication(ctx, config)
	if err != nil {
		return nil, err
	}
	return &Sidecar{app: app}, nil
}

// Run wakes the node, see Application.Run.
func (s *Sidecar) Run(ctx context.Context, wake func()) error { return s.app.Run(ctx, wake) }

// CheckMessage accepts what Application.CheckMessage accepts.
func (s *Sidecar) CheckMessage(ctx context.Context, m block.Message) ephemera.Decision {
	return s.app.CheckMessage(ctx, m)
}

// CheckBlock judges the blocks of others as Application.CheckBlock does. A candidate for this
// member's next block holds what the daemon's policy found in the mempool. If it holds too few
// reports, it waits for as long as their epoch may be rewarded; then its messages leave the
// mempool. The answer may get lost, so this member's block counts as made only when it is
// delivered.
func (s *Sidecar) CheckBlock(ctx context.Context, candidate block.Block) ephemera.Decision {
	s.mu.Lock()
	defer s.mu.Unlock()
	if candidate.Header.Creator != s.app.self {
		return s.app.CheckBlock(ctx, candidate)
	}
	made, err := rules.ClaimOf(s.app.config.Group, candidate, s.app.cache.report)
	if err != nil {
		if s.hopeless(candidate) {
			return ephemera.Reject(err.Error()).Dropping(candidate.MessageIDs()...)
		}
		return ephemera.Later(err.Error())
	}
	delivered := s.app.made[made.Epoch]
	if delivered || settledIn(s.app.config.Calendar, made.Epoch) {
		return ephemera.Reject("this member's block for the epoch was already made, or the epoch is settled").
			Dropping(candidate.MessageIDs()...)
	}
	d := s.app.CheckBlock(ctx, candidate)
	s.app.made[made.Epoch] = delivered
	return d
}

// hopeless reports whether no later block can use any of the messages: they are not reports, or
// their epochs are settled or already have this member's block.
func (s *Sidecar) hopeless(candidate block.Block) bool {
	for _, m := range candidate.Messages {
		report, err := s.app.cache.report(m)
		if err == nil && report.Epoch != 0 && !s.app.made[report.Epoch] && !settledIn(s.app.config.Calendar, report.Epoch) {
			return false
		}
	}
	return true
}

func settledIn(calendar Calendar, id contract.Epoch) bool {
	e, known := entryOf(calendar, id)
	return known && e.Settled()
}

// Deliver takes a certified block as Application.DeliverBlock does. Its certificate must have been
// verified. The same block may be delivered again.
func (s *Sidecar) Deliver(ctx context.Context, delivered block.Block, proof certificate.Certificate) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.app.DeliverBlock(ctx, delivered, proof)
}
