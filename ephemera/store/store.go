// Package store says what a node keeps on disk, as one interface, and with which guarantees.
// Implementations: store/sqlite (default), store/pebble, store/rocksdb (built with a tag) and
// store/memory (tests, simulation). Each passes the suites of store/storetest.
//
// Two kinds of data have different rules. Votes are what this member signed and may never sign
// differently: written first, never pruned. Everything else can be fetched again from other
// members. Of that, the bodies of old certified blocks may be removed (retention.go).
package store

import (
	"context"
	"errors"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

var (
	// ErrNotFound reports that the store holds no such thing.
	ErrNotFound = errors.New("not in the store")
	// ErrVoted reports a second vote for a slot: the write was refused and nothing of its commit was
	// applied.
	ErrVoted = errors.New("slot already voted for another block")
	// ErrConflict reports a certificate for another block of a certified slot: more than f members of
	// the group are Byzantine. The write was refused and nothing of its commit was applied.
	ErrConflict = errors.New("slot already certified with another block")
	// ErrForeign reports a store made for another network or key.
	ErrForeign = errors.New("store belongs to another node")
	// ErrGroup reports a second group with a known number.
	ErrGroup = errors.New("group number is taken by another group")
	// ErrPruned reports a block whose messages were removed by retention, or never came because every
	// member had removed them. Its header and certificate are there.
	ErrPruned = errors.New("messages of the block were removed by retention")
	// ErrLocked reports a store that is open already, in this process or another.
	ErrLocked = errors.New("store is in use by another node: stop that node first")
)

// Store keeps one node's state. Commit has one caller at a time; reads may run concurrently with it
// and with each other.
type Store interface {
	// Commit applies all writes in order in one transaction. When it returns nil they are durable
	// (fsynced); when it returns an error none is applied.
	Commit(ctx context.Context, writes []Write) error
	// Load returns what the engine needs to go on in a group. A group never heard of has an empty
	// state.
	Load(ctx context.Context, group membership.ID) (State, error)
	// Block returns a held block by ID, echoed or certified. ErrNotFound when there is none, ErrPruned
	// when its messages are gone.
	Block(ctx context.Context, id block.ID) (block.Block, error)
	// Certified returns the certified block of a slot. ErrNotFound when there is none. Here and in the
	// three methods below, a block whose messages are gone has its header alone: block.Block.Pruned.
	Certified(ctx context.Context, slot block.Slot) (Certified, error)
	// CertifiedByID returns the certified block of that ID. ErrNotFound when there is none.
	CertifiedByID(ctx context.Context, id block.ID) (Certified, error)
	// CertifiedFrom returns consecutive certified blocks of a chain from a height upwards, up to the
	// first gap: at most count of them, and at most bytes of Certified.Bytes together, but the first
	// one always where there is one.
	CertifiedFrom(ctx context.Context, from block.Slot, count, bytes int) ([]Certified, error)
	// List returns certified blocks of all groups in the order in which this store got them, those
	// with a sequence above after: of one creator, or of all for the zero key. Bounds are those of
	// CertifiedFrom. What is committed later has a higher sequence, so that a reader who goes on from
	// the last sequence that it got misses nothing and gets nothing twice.
	List(ctx context.Context, after uint64, creator keys.Public, count, bytes int) ([]Entry, error)
	// Equivocations returns the evidence of all groups, ascending by the group's number, then by
	// creator. Groups that were not recorded come last, by ID.
	Equivocations(ctx context.Context) ([]Evidence, error)
	// Included returns the messages of certified blocks whose signed time is since or later
	// (milliseconds since 1970), each once, ascending by time, then by ID. Messages that retention
	// removed are among them until Retention.Messages forgets them.
	Included(ctx context.Context, since int64) ([]Included, error)
	// Prune removes messages of blocks that are certified and delivered, in transactions of bounded
	// size between which Commit has its turn, and gives the disk space back. It may run beside
	// everything else, once at a time. What was removed before an error stays removed, and is in the
	// result.
	Prune(ctx context.Context, retention Retention) (Pruned, error)
	// Groups returns the groups that were recorded, ascending by number.
	Groups(ctx context.Context) ([]Group, error)
	// Identity returns whose store this is. ErrNotFound for a new store.
	Identity(ctx context.Context) (Identity, error)
	// SetIdentity writes it durably. ErrForeign when another network or key is there. It comes before
	// the first Commit.
	SetIdentity(ctx context.Context, identity Identity) error
	// Close releases the store. Nothing may be in flight.
	Close() error
}

// Identity ties a store to its node (PROTOCOL.md R8).
type Identity struct {
	Network string
	Key     keys.Public
	// Starts counts the runs of the node on this store, as the marker file does.
	Starts uint64
	// MutedThrough is the highest group number that the node must not sign in any more, because an
	// earlier store was lost; 0: none.
	MutedThrough uint64
}

// Group is a recorded group.
type Group struct {
	Group  *membership.Group
	Closed bool
}

// Certified is a block with its certificate.
type Certified struct {
	Block       block.Block
	Certificate certificate.Certificate
}

// Bytes returns what the block counts for in a bounded answer: its encoded messages together, or
// its encoded header where they are gone.
func (c Certified) Bytes() int {
	if c.Block.Pruned() {
		return len(canonical.Encode(c.Block.SignedHeader))
	}
	return c.Block.BodyBytes()
}

// Entry is a certified block with its place in this store. Sequences count from 1, may have gaps,
// are never used again, and say nothing about other members' stores. A certificate that is written
// again does not move its block.
type Entry struct {
	Sequence uint64
	Certified
}

// Evidence is two different headers of one slot, both signed by its creator. A.ID() < B.ID()
// bytewise.
type Evidence struct {
	A, B block.SignedHeader
}

// State is what is durable of one group.
type State struct {
	Chains   []Chain // in the byte order of creators; chains of which nothing is stored are left out
	Evidence []Evidence
}

// Chain is what is durable of one creator's chain.
type Chain struct {
	Creator   keys.Public
	Certified uint64   // highest contiguous certified height, 0: none
	Tip       block.ID // the block certified there
	Delivered uint64   // highest height that the application has accepted
	// Votes are this member's votes above Certified, ascending, with their blocks.
	Votes []block.Block
}

// Write is one change. The types below are all there are.
type Write interface{ write() }

// PutVote records that this member votes for the block in its slot, and holds it. ErrVoted when it
// voted for another, ErrPruned when its messages are not there. A held block stays as it is, but
// that a signed one takes the place of one that its creator had not signed yet.
type PutVote struct{ Block block.Block }

// PutCertified stores a certified block. Writing it again replaces the certificate. ErrConflict
// when another is certified there. A block without its messages (block.Block.Pruned) is stored as
// one that retention removed; over a whole one it removes nothing, and a whole one written over it
// puts the messages there.
type PutCertified struct {
	Block       block.Block
	Certificate certificate.Certificate
}

// PutEvidence stores an equivocation. Of one chain the first is kept.
type PutEvidence struct{ Evidence Evidence }

// PutDelivered moves a chain's delivery cursor to the slot's height; it never goes back.
type PutDelivered struct{ Slot block.Slot }

// PutGroup records a group that the node knows: before anything is signed in it, or, where the node
// is no member, so that it goes on making way for that group. ErrGroup when another group has its
// number.
type PutGroup struct{ Group *membership.Group }

// PutClosed records that this member signs nothing new in a group any more (R9). It cannot be
// undone.
type PutClosed struct{ Group membership.ID }

func (PutVote) write()      {}
func (PutCertified) write() {}
func (PutEvidence) write()  {}
func (PutDelivered) write() {}
func (PutGroup) write()     {}
func (PutClosed) write()    {}
