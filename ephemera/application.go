package ephemera

import (
	"context"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// Decision is an application's answer about a message or a block, made by Accept, Reject or Later.
// A node that gets the zero Decision stops with an error.
type Decision = verdict.Decision

// Accept returns a positive answer.
func Accept() Decision { return verdict.Accept() }

// Reject returns a final negative answer. The reason is logged, and the submitter of a message gets
// it.
func Reject(reason string) Decision { return verdict.Reject(reason) }

// Later postpones the answer. The reason names what is missing.
func Later(reason string) Decision { return verdict.Later(reason) }

// Turn is an opportunity for the node to make a block.
type Turn struct {
	// Group is the group of the block. Its Limits bound the block.
	Group *membership.Group
	// Newest reports whether no later group is known. Applications rarely start new work in an older
	// group.
	Newest bool
	// Candidates are the messages of the mempool that the block may take, in the order of arrival. It
	// is never empty. Messages that Node.SubmitIn assigned to another group are left out.
	Candidates []block.Message
	// Directed are the candidates that Node.SubmitIn assigned to this group.
	Directed map[block.MessageID]bool
}

// Application makes the decisions that belong to the embedding program. Package policy implements
// it with functions, and package remote by asking another process.
//
// The node calls NextBlock, CheckBlock and DeliverBlock, and the methods of CursorKeeper and
// EquivocationObserver, one at a time. While one of them runs the node echoes no block and makes
// none. CheckMessage is called by several goroutines, concurrently with itself and with all others;
// while it runs the message waits, and nothing else does.
//
// The context is done when Run ends, or is that of the caller of Submit. That of CheckMessage is
// also done after 10 s. Methods should return soon after it is done, because Run waits for them.
// They must not change messages and blocks. If a method panics or returns the zero Decision, Run
// ends with an error.
type Application interface {
	// CheckMessage judges a single message, submitted to this node or received from another member.
	// The node has checked signature, network and size.
	//
	// Accept adds the message to the mempool; a submitted one spreads to the other members. Reject
	// keeps it out for good, and Submit returns ErrRefused. Later keeps it out for now: Submit returns
	// ErrLater and forgets the message, and about a message of another member the node asks again from
	// time to time and after Node.Wake, until the message expires. Without an answer in time, answer
	// Later. The member that passed a message on is not blamed, and gossip does not wait for the
	// answer. It does not affect the validity of blocks: a block may hold messages that CheckMessage
	// does not accept.
	CheckMessage(ctx context.Context, message block.Message) Decision

	// NextBlock chooses the messages of this node's next block from the candidates and returns their
	// IDs in the order of the candidates, or nothing if it is too early for a block. The node asks
	// when the mempool or the chain has changed and after Node.Wake, unless one of its blocks is under
	// way in the group. It asks about the newest group, and with Config.Hold also about older groups
	// that are still open. The node makes no block that exceeds the group's limits or names a message
	// that has left the mempool.
	NextBlock(ctx context.Context, turn Turn) []block.MessageID

	// CheckBlock judges a block: this node's candidate before it is signed, or the proposal of another
	// member. The block is complete, its signatures and root are right, and its parent is certified.
	//
	// Accept lets the node echo the block, or propose its candidate. After Reject it never does. Both
	// must be functions of the block's bytes, its group, the headers before it in its chain and data
	// that it names by hash. They must not depend on a clock, the mempool or the order of arrival, so
	// that all correct members agree (PROTOCOL.md R2). Later postpones the answer while something is
	// missing. The node repeats the question from time to time and after Node.Wake. Once nothing is
	// missing, every correct member must give the same Accept or Reject.
	//
	// The node drops its candidate unless it is accepted, and calls NextBlock again. Decision.Dropping
	// removes messages from the mempool that would make the next candidate fail as well.
	CheckBlock(ctx context.Context, candidate block.Block) Decision

	// DeliverBlock receives a certified block of any member, in the order of its chain, after it is
	// durable. Blocks of different chains have no order. If this node missed a block for so long that
	// f+1 members have removed its messages, it only delivers the header: Block.Pruned.
	//
	// After nil the node delivers the next block of the chain. After an error it logs the error and
	// delivers the same block again, after a wait that grows to some seconds; other chains continue.
	// After a stop or crash the last block of a chain may be delivered again although DeliverBlock
	// returned nil. An application that must not act twice records the slot in its own transaction, or
	// is a CursorKeeper.
	DeliverBlock(ctx context.Context, delivered block.Block, proof certificate.Certificate) error
}

// CursorKeeper is an Application that records its progress in the same transaction as its work. The
// node then delivers every block exactly once, even if the process crashes.
//
// The node discovers the method by a type assertion, so a misspelt method compiles and is never
// called. Prevent that with var _ ephemera.CursorKeeper = (*Application)(nil).
type CursorKeeper interface {
	// Cursors returns, for each chain of a group, the greatest height that the application has
	// processed. Chains without a processed block may be left out. The node calls it once for each
	// group in its store, before any other method, and uses the result instead of its own cursors,
	// whether those are higher or lower. An error ends Run.
	Cursors(ctx context.Context, group membership.ID) (map[keys.Public]uint64, error)
}

// EquivocationObserver is an Application that learns when a member has signed two blocks for one
// slot. The node discovers the method by a type assertion, as for a CursorKeeper.
type EquivocationObserver interface {
	// ObserveEquivocation is called once the proof is durable, in the run in which it was found only.
	// The API's Evidence returns all proofs.
	ObserveEquivocation(ctx context.Context, evidence store.Evidence)
}
