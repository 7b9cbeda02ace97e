// Package store defines what a node keeps on disk and with which guarantees: the interface Store.
// Implementations are store/sqlite (default), store/pebble, store/rocksdb (behind a build tag) and
// store/memory (tests, simulation). Each passes the suites of store/storetest.
//
// Two kinds of data follow different rules. Votes are what this member signed and must never sign
// differently: they are written first and never pruned. Everything else can be fetched again from
// other members, and of that, the bodies of old certified blocks may be removed (Store.Prune).
package store

import (
	"context"
	"errors"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

var (
	// ErrNotFound reports that the store does not hold what was asked for.
	ErrNotFound = errors.New("not found")
	// ErrVoted reports a vote for a second block of one slot. Nothing of the commit was applied.
	ErrVoted = errors.New("slot already has a vote for another block")
	// ErrConflict reports a certificate for a second block of one slot: more than f members of the
	// group are Byzantine. Nothing of the commit was applied.
	ErrConflict = errors.New("slot is already certified with another block")
	// ErrForeign reports a store made for another network or key.
	ErrForeign = errors.New("store belongs to another node")
	// ErrGroup reports a second group with a number that is already recorded.
	ErrGroup = errors.New("group number is taken by another group")
	// ErrPruned reports a block whose messages the store does not hold: retention removed them here,
	// or the block was fetched after every other member had removed them. The header and certificate
	// are still in the store.
	ErrPruned = errors.New("messages of the block were removed by retention")
	// ErrBusy reports that another program has locked the store's file, such as a shell or a backup.
	// Nothing was written. The same call may be repeated.
	ErrBusy = errors.New("another program has locked the store: end it")
	// ErrFull reports that the disk has no room. Nothing was written. The same call may be repeated.
	ErrFull = errors.New("the disk of the store is full: free some space")
	// ErrLocked reports a store that is already open, in this process or another.
	ErrLocked = errors.New("store is in use by another node: stop that node first")
)

// Store keeps one node's state. Commit must not be called concurrently with itself. Reads may run
// concurrently with Commit, with Prune and with each other.
//
// What is read is checked: no method returns a block whose header does not hash to its ID, or whose
// messages are not those that the header commits to. The error is a *CorruptError then. It heals
// when the block is written again with PutRepaired.
type Store interface {
	// Commit applies all writes in order in one transaction. If it returns nil, they are durable
	// (fsynced); if it returns an error, none is applied.
	Commit(ctx context.Context, writes []Write) error
	// Load returns what the engine needs to continue in a group. The state of an unknown group is
	// empty.
	Load(ctx context.Context, group membership.ID) (State, error)
	// Block returns a block by ID, echoed or certified. It returns ErrNotFound if the store does not
	// hold the block, ErrPruned if it holds the header without the messages, and a *CorruptError if
	// what it holds is damaged. So do the methods below.
	Block(ctx context.Context, id block.ID) (block.Block, error)
	// Certified returns the certified block of a slot, or ErrNotFound. Here and in CertifiedByID,
	// CertifiedFrom and List, a block whose messages were removed consists of its header only
	// (block.Block.Pruned).
	Certified(ctx context.Context, slot block.Slot) (Certified, error)
	// Header returns the signed header of the certified block of a slot, or ErrNotFound. It reads
	// neither messages nor certificate, and returns a *CorruptError only if the header is damaged.
	Header(ctx context.Context, slot block.Slot) (block.SignedHeader, error)
	// CertifiedByID returns the certified block with that ID, or ErrNotFound.
	CertifiedByID(ctx context.Context, id block.ID) (Certified, error)
	// CertifiedFrom returns consecutive certified blocks of a chain, ascending from a height up to
	// the first gap. It returns at most count blocks whose Certified.Bytes add up to at most bytes,
	// except that the first block is returned whatever its size. It stops before a damaged block as
	// before a gap, and returns a *CorruptError only if the first block is damaged.
	CertifiedFrom(ctx context.Context, from block.Slot, count, bytes int) ([]Certified, error)
	// List returns certified blocks of all groups with a sequence above after, in the order in which
	// they were committed to this store: those of one creator, or of all creators for the zero key.
	// The bounds are those of CertifiedFrom. Later commits get higher sequences, so a reader that
	// continues from the last sequence it read misses nothing and reads nothing twice. List stops
	// before a damaged block. If the first one is damaged it returns a *CorruptError, from whose
	// Sequence a reader may continue that can do without the block.
	List(ctx context.Context, after uint64, creator keys.Public, count, bytes int) ([]Entry, error)
	// Equivocations returns the evidence of all groups, ascending by the group's number, then by
	// creator. Groups that were not recorded come last, by ID.
	Equivocations(ctx context.Context) ([]Evidence, error)
	// Forks returns the forks of all groups, in the same order.
	Forks(ctx context.Context) ([]Fork, error)
	// Included returns the messages of certified blocks whose signed time (milliseconds since 1970)
	// is since or later, each once, ascending by time, then by ID. It includes messages that
	// retention removed, until Retention.Messages lets the store forget them. It leaves out blocks
	// whose message IDs cannot be decoded.
	Included(ctx context.Context, since int64) ([]Included, error)
	// Forgotten returns the latest signed time of messages of the node's blocks whose IDs Prune
	// has forgotten, or -1 if it has forgotten none. Without an identity, every block counts as the
	// node's.
	// Messages that are signed at that time or before may be missing in Included.
	Forgotten(ctx context.Context) (int64, error)
	// Prune removes messages of blocks that are certified and delivered, and frees the disk space.
	// It works in transactions of bounded size, so that a Commit never waits for long. It may run
	// concurrently with every method but Close; concurrent calls of Prune wait for each other. What
	// was removed before an error stays removed and is counted in the result.
	Prune(ctx context.Context, retention Retention) (Pruned, error)
	// Groups returns the recorded groups, ascending by number.
	Groups(ctx context.Context) ([]Group, error)
	// Identity returns whose store this is, or ErrNotFound for a new store.
	Identity(ctx context.Context) (Identity, error)
	// SetIdentity durably writes whose store this is. It returns ErrForeign if the store belongs to
	// another network or key. Call it before the first Commit.
	SetIdentity(ctx context.Context, identity Identity) error
	// Close releases the store. No other call may be in progress.
	Close() error
}

// Identity ties a store to its node (PROTOCOL.md R8).
type Identity struct {
	Network string
	Key     keys.Public
	// Starts counts the runs of the node on this store, like the marker file of package home.
	Starts uint64
	// MutedThrough is the highest group number in which the node must no longer sign, because an
	// earlier store was lost. Zero means that it may sign in every group.
	MutedThrough uint64
	// Votes counts the commits that held votes, like the counter file of package home. Commit
	// increments it, and SetIdentity never decreases it.
	Votes uint64
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

// Bytes returns the size that counts towards the bounds of CertifiedFrom and List: that of the
// encoded messages, or that of the encoded header if the messages were removed.
func (c Certified) Bytes() int {
	if c.Block.Pruned() {
		return len(canonical.Encode(c.Block.SignedHeader))
	}
	return c.Block.BodyBytes()
}

// Entry is a certified block with its position in this store. Sequences start at 1, may have gaps,
// are never reused, and differ between members' stores. Replacing a certificate does not change its
// block's sequence.
type Entry struct {
	Sequence uint64
	Certified
}

// Evidence is two different headers of one slot, both signed by its creator. The ID of A is less
// than that of B in byte order.
type Evidence struct {
	A, B block.SignedHeader
}

// State is the durable state of one group.
type State struct {
	// Chains are in the byte order of creators. Chains of which nothing is stored are left out.
	Chains   []Chain
	Evidence []Evidence // in the byte order of creators
	Forks    []Fork     // in the byte order of creators
}

// Chain is the durable state of one creator's chain.
type Chain struct {
	Creator   keys.Public
	Certified uint64   // highest contiguous certified height, 0: none
	Tip       block.ID // the block certified at that height
	Delivered uint64   // highest height that the application has accepted
	// Votes are the blocks above Certified for which this member voted, ascending by height.
	Votes []block.Block
	// Lost are the votes above Certified whose block is damaged or missing, ascending by height. The
	// member must vote for no other block in these slots.
	Lost []LostVote
}

// LostVote is a vote whose block the store cannot return any more.
type LostVote struct {
	Height uint64
	Block  block.ID
	Err    error // what is wrong; wraps ErrCorrupt
}

// Write is one change of a commit: one of the Put types below.
type Write interface{ write() }

// HoldVotes reports whether there is a vote among writes. A Commit of such writes increments
// Identity.Votes.
func HoldVotes(writes []Write) bool {
	return slices.ContainsFunc(writes, func(w Write) bool {
		_, ok := w.(PutVote)
		return ok
	})
}

// PutVote records that this member votes for the block in its slot, and stores the block. Commit
// fails with ErrVoted if the member voted for another block in that slot, and with ErrPruned if the
// block has no messages although its header counts some. If the block is already stored, only a
// missing creator's signature and missing messages are added, unless Again is set: then the block
// is written over the stored one, which was found damaged (LostVote).
type PutVote struct {
	Block block.Block
	Again bool
}

// PutCertified stores a certified block; writing it again replaces the certificate. Commit fails
// with ErrConflict if another block is certified in that slot. A block without its messages
// (block.Block.Pruned) is stored as if retention had removed them. It does not remove messages that
// are already stored, and writing the whole block later adds them.
type PutCertified struct {
	Block       block.Block
	Certificate certificate.Certificate
}

// PutRepaired writes a certified block over what is stored of it and was found damaged: header,
// messages and certificate. Commit fails with ErrNotFound if nothing is certified in that slot, and
// with ErrConflict if another block is. A block without its messages is stored as if retention had
// removed them, whatever is stored. If the member voted for the block, the vote stays.
type PutRepaired struct {
	Block       block.Block
	Certificate certificate.Certificate
}

// PutEvidence stores an equivocation. Only the first of each chain is kept.
type PutEvidence struct{ Evidence Evidence }

// PutDelivered moves a chain's delivery cursor up to the slot's height. A lower height has no
// effect.
type PutDelivered struct{ Slot block.Slot }

// PutGroup records a group that the node knows. A member writes it before it signs anything in the
// group. A node that is not a member writes it so that after a restart it still closes the groups
// before that one (R9). Commit fails with ErrGroup if another group has its number.
type PutGroup struct{ Group *membership.Group }

// PutClosed records that this member signs nothing new in a group any more (R9). It cannot be
// undone. Commit fails with ErrNotFound if the group was not recorded.
type PutClosed struct{ Group membership.ID }

func (PutVote) write()      {}
func (PutCertified) write() {}
func (PutRepaired) write()  {}
func (PutEvidence) write()  {}
func (PutDelivered) write() {}
func (PutGroup) write()     {}
func (PutClosed) write()    {}
