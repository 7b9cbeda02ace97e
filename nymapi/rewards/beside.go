package rewards

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// ErrUnsigned reports that the holder of the key did not sign.
var ErrUnsigned = errors.New("not signed by the node that has the key")

// Beside is the Application of a Nym-API whose node is another process. The node's block policy
// makes own blocks instead of NextBlock; questions and deliveries come by different ways, so it is
// safe for concurrent use.
type Beside struct {
	app *Application
	mu  sync.Mutex // over what belongs to the one goroutine that asks an Application
}

// NewBeside returns the application beside a node.
func NewBeside(ctx context.Context, config ApplicationConfig) (*Beside, error) {
	app, err := NewApplication(ctx, config)
	if err != nil {
		return nil, err
	}
	return &Beside{app: app}, nil
}

// Run wakes the node as Application.Run does.
func (b *Beside) Run(ctx context.Context, wake func()) error { return b.app.Run(ctx, wake) }

// CheckMessage takes what Application.CheckMessage takes.
func (b *Beside) CheckMessage(ctx context.Context, m block.Message) ephemera.Decision {
	return b.app.CheckMessage(ctx, m)
}

// CheckBlock judges others' blocks as Application.CheckBlock does. An own candidate is what the
// policy found: too few reports are waited for while their epoch may still be rewarded, and leave
// the mempool after that. The answer may be lost on its way, so that an own block counts as made
// when it is delivered.
func (b *Beside) CheckBlock(ctx context.Context, candidate block.Block) ephemera.Decision {
	b.mu.Lock()
	defer b.mu.Unlock()
	if candidate.Header.Creator != b.app.self {
		return b.app.CheckBlock(ctx, candidate)
	}
	made, err := b.app.cards.classify(b.app.config.Group, candidate)
	if err != nil {
		if b.hopeless(candidate) {
			return ephemera.Reject(err.Error()).Dropping(candidate.MessageIDs()...)
		}
		return ephemera.Later(err.Error())
	}
	delivered := b.app.made[made.epoch]
	if delivered || settledIn(b.app.config.Calendar, made.epoch) {
		return ephemera.Reject("the epoch needs no block of ours any more").Dropping(candidate.MessageIDs()...)
	}
	d := b.app.CheckBlock(ctx, candidate)
	b.app.made[made.epoch] = delivered
	return d
}

// hopeless tells whether no later block can use any of the messages: they are no reports, or of
// epochs that are settled or have their block.
func (b *Beside) hopeless(candidate block.Block) bool {
	for _, m := range candidate.Messages {
		if read := b.app.cards.read(m); read.err == nil && !b.app.made[read.epoch] && !settledIn(b.app.config.Calendar, read.epoch) {
			return false
		}
	}
	return true
}

func settledIn(calendar Calendar, id contract.Epoch) bool {
	e, known := entryOf(calendar, id)
	return known && e.Settled()
}

// Deliver takes a certified block, as Application.DeliverBlock does; the certificate was verified.
// The same block may come again.
func (b *Beside) Deliver(ctx context.Context, delivered block.Block, proof certificate.Certificate) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.app.DeliverBlock(ctx, delivered, proof)
}

// Followed returns the cursor up to which a node's blocks were taken, 0 when none of this node's
// were.
func (s *Store) Followed(ctx context.Context, node keys.Public) (uint64, error) {
	var cursor uint64
	err := s.db.GetContext(ctx, &cursor, `SELECT cursor FROM followed WHERE node = ?`, node[:])
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("load cursor: %w", err)
	}
	return cursor, nil
}

// Follow stores the cursor up to which a node's blocks were taken. That of another node is
// forgotten.
func (s *Store) Follow(ctx context.Context, node keys.Public, cursor uint64) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO followed (one, node, cursor) VALUES (1, ?, ?)
		ON CONFLICT (one) DO UPDATE SET node = excluded.node, cursor = excluded.cursor`, node[:], cursor)
	if err != nil {
		return fmt.Errorf("store cursor: %w", err)
	}
	return nil
}
