package api

import (
	"context"
	"iter"
	"math"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// API is a node as programs see it. Its methods are safe for concurrent use. Their errors are
// Problems or the error of ctx.
type API interface {
	// SubmitEphemeraMessage puts a message into the mempool and spreads it: a signed message, or a
	// label and a payload that the node signs with its own key. Success means that the message is in
	// the mempool, not that it is in a block. Kinds: Malformed, Forbidden, UnknownSender, Duplicate,
	// TooLarge, Invalid, Refused, MempoolFull, Unavailable.
	SubmitEphemeraMessage(ctx context.Context, submission Submission) (Submitted, error)

	// QueryBlockByHash returns the certified block with an ID, of any creator; NotFound.
	QueryBlockByHash(ctx context.Context, id block.ID) (Block, error)
	// QueryBlockByHeight returns the certified block of a slot; NotFound.
	QueryBlockByHeight(ctx context.Context, slot SlotQuery) (Block, error)
	// QueryLastBlock returns the highest certified block of a chain; NotFound if the chain is empty.
	QueryLastBlock(ctx context.Context, chain ChainQuery) (Block, error)
	// QueryBlockCertificates returns a block's certificate with the header and the group needed to
	// verify it; NotFound.
	QueryBlockCertificates(ctx context.Context, id block.ID) (Certificate, error)
	// QueryBlockBroadcastInfo returns who echoed a block, and when this node proposed, certified and
	// delivered it; NotFound.
	QueryBlockBroadcastInfo(ctx context.Context, id block.ID) (BroadcastInfo, error)
	// ListBlocks returns a page of certified blocks in the order in which this node received them.
	ListBlocks(ctx context.Context, list ListQuery) (BlockPage, error)
	// VerifyMessageInBlock reports whether a certified block holds a message, with a proof that
	// Inclusion.Verify checks. NotFound if the block is unknown, Pruned if its messages were removed.
	VerifyMessageInBlock(ctx context.Context, question InclusionQuery) (Inclusion, error)

	// QueryBroadcastGroup returns a group that the node knows, the newest by default; NotFound.
	QueryBroadcastGroup(ctx context.Context, group GroupQuery) (Group, error)
	// Evidence returns all equivocation proofs that the node holds.
	Evidence(ctx context.Context) ([]Evidence, error)
	// Forks returns the proofs that two blocks of a slot are certified, one for each chain that the
	// node has stopped. Any of them means that more than f members of that group are faulty.
	Forks(ctx context.Context) ([]Fork, error)

	// QueryDHT returns the newest value that a member stored under a key. Kinds: NotFound, after a
	// search of bounded duration; NotConfigured.
	QueryDHT(ctx context.Context, key string) ([]byte, error)
	// StoreInDHT stores a value under a key, signed by the node. Kinds: TooLarge, Invalid,
	// NotConfigured, Unavailable.
	StoreInDHT(ctx context.Context, key string, value []byte) error

	// QueryEphemeraConfig returns how the node is configured, without secrets.
	QueryEphemeraConfig(ctx context.Context) (NodeConfig, error)
	// Health reports whether the node is ready, and its state. That a node is not ready is not an
	// error.
	Health(ctx context.Context) (Health, error)

	// Subscribe yields the certified blocks after a cursor, each once, in the order in which this node
	// received them. After the last block it waits for more, until ctx is done or the caller stops
	// ranging. It ends with one error: that of ctx, or what went wrong. A slow caller delays nobody.
	// Over HTTP the server disconnects a subscriber that lags, and the client reconnects at its
	// cursor.
	Subscribe(ctx context.Context, subscription Subscription) iter.Seq2[Entry, error]
}

// Cursor is a position in the order in which one node received certified blocks: that of the last
// block read. It has no meaning at another node.
type Cursor uint64

const (
	// Beginning is before all blocks.
	Beginning Cursor = 0
	// Now is after all blocks that the node has at the time of the call.
	Now Cursor = math.MaxUint64
)

// SlotQuery selects the block at a height of a chain.
type SlotQuery struct {
	Height  uint64
	Creator keys.Public // zero: this node
	Group   uint64      // number; 0: the newest group in which the node is a member
}

// ChainQuery selects a chain.
type ChainQuery struct {
	Creator keys.Public // zero: this node
	Group   uint64      // number; 0: the newest group in which the node is a member
}

// GroupQuery selects a group by number, or by ID if the number is 0. The zero value selects the
// newest.
type GroupQuery struct {
	Number uint64
	ID     membership.ID
}

// InclusionQuery selects a message in a block.
type InclusionQuery struct {
	Block   block.ID        `json:"block" doc:"The block's ID."`
	Message block.MessageID `json:"message" doc:"The message's ID."`
}

// MaxPage bounds the blocks of one page. A page also ends after about a megabyte of messages.
const MaxPage = 100

// ListQuery selects a page of blocks.
type ListQuery struct {
	Creator keys.Public // zero: all creators
	From    Cursor      // blocks after it; BlockPage.Next of the previous page
	Limit   int         // maximum, 1..MaxPage; 0: MaxPage
}

// Subscription selects the blocks that Subscribe yields. A block must meet all conditions.
type Subscription struct {
	From    Cursor      // blocks after it: Beginning, Now, or Entry.Cursor of the last block read
	Own     bool        // only blocks that this node created
	Creator keys.Public // only blocks of this creator; zero: all
	Label   string      // only blocks with a message of this label; "": all

	// Progress is called between blocks with the cursor up to which the node has searched. A
	// subscription from there misses nothing. It may be nil.
	Progress func(Cursor)
}

// ReportProgress calls Progress if it is set.
func (s Subscription) ReportProgress(cursor Cursor) {
	if s.Progress != nil {
		s.Progress(cursor)
	}
}
