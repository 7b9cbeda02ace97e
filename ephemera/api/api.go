package api

import (
	"context"
	"iter"
	"math"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// API is what a node does for programs. Its methods are safe for concurrent use. Their errors are
// Problems, or those of ctx.
type API interface {
	// SubmitEphemeraMessage puts a message into the mempool and spreads it: a signed one, or a label
	// and a payload that the node signs with its own key. Accepted means that the mempool has it, not
	// that a block does. Kinds: Malformed, Forbidden, UnknownSender, Duplicate, TooLarge, Invalid,
	// Refused, MempoolFull, Unavailable.
	SubmitEphemeraMessage(ctx context.Context, submission Submission) (Submitted, error)

	// QueryBlockByHash returns the certified block with this ID, whoever made it; NotFound.
	QueryBlockByHash(ctx context.Context, id block.ID) (Block, error)
	// QueryBlockByHeight returns the certified block of a slot; NotFound.
	QueryBlockByHeight(ctx context.Context, slot SlotQuery) (Block, error)
	// QueryLastBlock returns the highest certified block of a chain; NotFound while there is none.
	QueryLastBlock(ctx context.Context, chain ChainQuery) (Block, error)
	// QueryBlockCertificates returns a block's certificate, with the header and the group that it is
	// checked with; NotFound.
	QueryBlockCertificates(ctx context.Context, id block.ID) (Certificate, error)
	// QueryBlockBroadcastInfo tells who echoed a block, and when this node proposed, certified and
	// delivered it; NotFound.
	QueryBlockBroadcastInfo(ctx context.Context, id block.ID) (BroadcastInfo, error)
	// ListBlocks returns certified blocks in the order in which this node got them, a page at a time.
	ListBlocks(ctx context.Context, list ListQuery) (BlockPage, error)
	// VerifyMessageInBlock tells whether a certified block holds a message, with the proof: check it
	// with Inclusion.Verify. NotFound for an unknown block, Pruned when the block's messages were
	// removed.
	VerifyMessageInBlock(ctx context.Context, question InclusionQuery) (Inclusion, error)

	// QueryBroadcastGroup returns a group that the node knows, the newest by default; NotFound.
	QueryBroadcastGroup(ctx context.Context, group GroupQuery) (Group, error)
	// Evidence returns the equivocation proofs that the node holds.
	Evidence(ctx context.Context) ([]Evidence, error)

	// QueryDHT returns the newest value that a member stored under a key; NotFound, after a bounded
	// search; NotConfigured.
	QueryDHT(ctx context.Context, key string) ([]byte, error)
	// StoreInDHT stores a value under a key, signed by the node. Kinds: TooLarge, Invalid,
	// NotConfigured, Unavailable.
	StoreInDHT(ctx context.Context, key string, value []byte) error

	// QueryEphemeraConfig returns how the node is configured, without secrets.
	QueryEphemeraConfig(ctx context.Context) (NodeConfig, error)
	// Health tells whether the node is ready, and where it stands. A node that is not ready answers,
	// without an error.
	Health(ctx context.Context) (Health, error)

	// Subscribe yields certified blocks in the order in which this node got them, each once, from a
	// cursor onwards and for as long as ctx lasts and the caller ranges; then it waits for more. It
	// ends with one error: that of ctx, or what went wrong. A caller may take its time: the node never
	// waits for it, and over HTTP, where one that lags is cut, the client goes on at its cursor.
	Subscribe(ctx context.Context, subscription Subscription) iter.Seq2[Entry, error]
}

// Cursor is a place in the order in which one node got certified blocks: that of the last block
// that was read. It means nothing to another node.
type Cursor uint64

const (
	// Beginning is before all blocks.
	Beginning Cursor = 0
	// Now is after all blocks that the node has when it is asked.
	Now Cursor = math.MaxUint64
)

// SlotQuery names the place of a block.
type SlotQuery struct {
	Height  uint64
	Creator keys.Public // zero: this node
	Group   uint64      // number, 0: the newest group in which the node is a member
}

// ChainQuery names a chain.
type ChainQuery struct {
	Creator keys.Public // zero: this node
	Group   uint64      // number, 0: the newest group in which the node is a member
}

// GroupQuery names a group by its number or, where that is 0, by its ID; zero in both: the newest.
type GroupQuery struct {
	Number uint64
	ID     membership.ID
}

// InclusionQuery asks whether a block holds a message.
type InclusionQuery struct {
	Block   block.ID        `json:"block" doc:"The block's ID."`
	Message block.MessageID `json:"message" doc:"The message's ID."`
}

// MaxPage bounds the blocks of one page; a page also ends after about a megabyte of messages.
const MaxPage = 100

// ListQuery asks for a page of blocks.
type ListQuery struct {
	Creator keys.Public // zero: of all
	From    Cursor      // blocks after it; BlockPage.Next of the page before
	Limit   int         // at most so many, 1..MaxPage; 0: MaxPage
}

// Subscription says which blocks are yielded. Conditions add up.
type Subscription struct {
	From    Cursor      // blocks after it; Beginning, Now, or Entry.Cursor of the last one that was read
	Own     bool        // of this node's own chains only
	Creator keys.Public // of this creator's chains only; zero: of all
	Label   string      // that hold a message with this label only; empty: all

	// Progress is called, between blocks, with how far the node has looked: whoever goes on from there
	// misses nothing. Nil: nobody wants to know.
	Progress func(Cursor)
}

// ReportProgress calls Progress if it is set.
func (s Subscription) ReportProgress(until Cursor) {
	if s.Progress != nil {
		s.Progress(until)
	}
}
