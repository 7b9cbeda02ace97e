package sqlite

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// known holds what this run knows to be in the file, so that a commit need not look it up. Only
// committed transactions change it.
type known struct {
	chains *lru.Cache[chainKey, chainRow] // only Commit changes their rows
	// messages are stored, unless Prune removed them since.
	messages *lru.Cache[block.MessageID, struct{}]
	// voted are blocks that were stored whole and signed with their vote. They leave it when they are
	// certified, because from then on Prune may remove their messages.
	voted *lru.Cache[block.ID, struct{}]
}

// Sizes of the caches: most chains in use and their open slots, and most messages that the next
// blocks contain.
const (
	knownChains   = 1024
	knownMessages = 8192
	knownVoted    = 1024
)

func newKnown() known {
	var k known
	k.chains, _ = lru.New[chainKey, chainRow](knownChains) // the sizes are positive
	k.messages, _ = lru.New[block.MessageID, struct{}](knownMessages)
	k.voted, _ = lru.New[block.ID, struct{}](knownVoted)
	return k
}
