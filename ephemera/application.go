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
// The zero Decision is no answer: a node that gets one stops with an error.
type Decision = verdict.Decision

// Accept is a yes.
func Accept() Decision { return verdict.Accept() }

// Reject is a final no. The reason is logged, and told to whoever submitted the message.
func Reject(reason string) Decision { return verdict.Reject(reason) }

// Later is no answer yet: something that it depends on is missing, which the reason names.
func Later(reason string) Decision { return verdict.Later(reason) }

// Turn is the occasion for an own block.
type Turn struct {
	Group  *membership.Group // in which the block would be made
	Newest bool              // no later group is known; in an older one new work is seldom wanted
	// Candidates are the messages of the mempool that the block may take, in the order of arrival.
	// Those that Node.SubmitIn gave to another group are left out.
	Candidates []block.Message
	// Directed are the candidates that Node.SubmitIn gave to this group.
	Directed map[block.MessageID]bool
}

// Application is what an embedding program decides. The node calls NextBlock, CheckBlock and
// DeliverBlock one at a time from one goroutine; CheckMessage concurrently with them and with
// itself. A panic in any of them stops the node.
//
// Package policy has one that is made of functions, package remote one that asks a program in
// another process.
type Application interface {
	// CheckMessage judges one message alone: one that was submitted to this node, or came from another
	// member. Signature, network and size are checked before. Accept takes it into the mempool and
	// lets it spread. Reject keeps it out, and Submit returns ErrRefused. Later keeps it out for now
	// and remembers nothing of it; Submit returns ErrLater. A member that passed the message on is not
	// to blame for either. The answer is not part of a block's validity: a block may hold messages that
	// are not accepted here.
	CheckMessage(ctx context.Context, message block.Message) Decision

	// NextBlock picks the messages of the node's next own block in the turn's group out of the
	// candidates, in their order; none: not ready. It is asked when the mempool or the chain changed,
	// and after Node.Wake, while no own block of the group is open: of the newest group, and with
	// Config.Hold of older ones that are still open.
	NextBlock(ctx context.Context, turn Turn) []block.MessageID

	// CheckBlock judges a block: an own candidate before it is signed, or another member's proposal.
	// All its messages are there and signed, its root is right, its parent is certified. Accept lets
	// the node echo the block, or propose it; after Reject it never does. Both must be functions of the
	// block's bytes, its group, the headers before it in its chain and data that it names by hash: no
	// clock, mempool or order of arrival (PROTOCOL.md R2). Later says that something which the answer
	// needs is missing: the node asks again after Wake and from time to time, and once nothing is
	// missing every correct member must come to the same Accept or Reject. An own candidate that is not
	// accepted is given up; Decision.Dropping takes messages of it out of the mempool, so that the next
	// candidate is another one.
	CheckBlock(ctx context.Context, candidate block.Block) Decision

	// DeliverBlock hands over a certified block, own or another's, in the order of its chain, after it
	// is durable. The cursor moves after nil is returned: after the node stopped or crashed the last
	// block of a chain may come again, so an application that must not act twice records the slot in
	// its own transaction, or is a CursorKeeper. After an error the block is delivered again later. A
	// block that this node missed for so long that f+1 members have removed its messages comes as its
	// header alone: Block.Pruned.
	DeliverBlock(ctx context.Context, delivered block.Block, proof certificate.Certificate) error
}

// CursorKeeper is an Application that records, in the transaction in which it takes a block, how
// far it has come. With it every block is delivered exactly once, whenever the process ends.
type CursorKeeper interface {
	// Cursors returns the highest height of each creator's chain in a group that the application has
	// taken; chains of which it has taken nothing may be left out. It is called once for each group of
	// the store, before anything else; an error ends Run. What it says counts, also where the node's
	// own cursors are higher or lower.
	Cursors(ctx context.Context, group membership.ID) (map[keys.Public]uint64, error)
}

// EquivocationObserver is an Application that wants to know when a member is found to have signed
// two blocks for one slot. It is called from the goroutine of NextBlock, once the proof is durable,
// once in the run in which the proof came; the API's Evidence lists all.
type EquivocationObserver interface {
	ObserveEquivocation(ctx context.Context, evidence store.Evidence)
}
