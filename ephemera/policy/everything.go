package policy

import (
	"context"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Everything is the application that has no opinion: it takes every message, makes a block at once
// of as many as the group's limits allow, accepts every block and does nothing at delivery. Embed
// it and override what matters.
type Everything struct{}

var _ ephemera.Application = Everything{}

// CheckMessage takes it.
func (Everything) CheckMessage(context.Context, block.Message) ephemera.Decision { return ephemera.Accept() }

// NextBlock returns the candidates that fit into one block.
func (Everything) NextBlock(_ context.Context, turn ephemera.Turn) []block.MessageID {
	return Config{}.pick(turn.Group.Limits(), func(keys.Public) bool { return false }, wanted(turn)).ids
}

// wanted are the candidates of a turn, in an older group only those that were submitted for it.
func wanted(turn ephemera.Turn) []block.Message {
	if turn.Newest {
		return turn.Candidates
	}
	return slices.DeleteFunc(slices.Clone(turn.Candidates), func(m block.Message) bool { return !turn.Directed[m.ID()] })
}

// CheckBlock accepts it.
func (Everything) CheckBlock(context.Context, block.Block) ephemera.Decision {
	return ephemera.Accept()
}

// DeliverBlock does nothing.
func (Everything) DeliverBlock(context.Context, block.Block, certificate.Certificate) error {
	return nil
}
