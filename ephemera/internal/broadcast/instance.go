package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Instance is the automaton of one member in one group. Every method that takes now (milliseconds
// since 1970, never running backwards) is one step; Take returns the effects. An Instance is not
// safe for concurrent use.
type Instance struct {
	Config
	chains     []*chain // by the creator's place
	named      named    // the open slots, by the messages that they name
	own        *ownSlot // the open own slot, or nil
	echoTimes  echoTimes
	candidate  *block.Block
	tip        *certifiedTip // the last own certificate, until every member has it
	now        int64
	timers     timers
	halted     bool
	space      Space
	changes    uint64
	heights    []uint64 // of all chains, in one slice
	tips       block.Digest
	tipsKnown  bool       // tips is of these heights
	proofs     int        // chains with evidence
	lastClaims [][]uint64 // what each member claimed last, by its place
	walk       walk
	owed       []int // requests for blocks that each member left unanswered, by its place
	out        []Effect
	taken      []Effect // by the last Take: its memory is reused
}

// chain is what a member knows of one creator's chain.
type chain struct {
	creator int
	key     keys.Public
	height  uint64   // highest contiguous certified height; certified means persisted here
	tip     block.ID // the block certified at that height

	first   *block.SignedHeader // first signed header seen of the open slot, height+1
	since   int64               // when first was seen
	open    *slot               // the block that this member may echo in the open slot
	ahead   *block.SignedHeader // first signed header seen of the slot above, height+2
	bucket  bucket              // what it may add to the store
	used    usage               // what it added recently
	next    *wire.Proposal      // the creator's proposal for height+2, kept until its turn
	proof   *certificate.Certificate
	fetch   retry                    // fetches the block that proof certifies
	pruned  map[uint64]*prunedClaims // by height above the certified one
	repairs []*repair                // certified blocks whose stored form is damaged
	// lost is the vote in the open slot, if the store cannot return its block; else nil.
	lost      *store.LostVote
	fetchLost retry
	evidence  *store.Evidence
	stop      *stopped                 // two certificates of one slot; nil: none are known
	suspect   *certificate.Certificate // of the block above, whose parent is not the tip
	inquiry   retry

	claims   []uint64 // the highest certified height that each member claims; nil: none is claimed
	pull     retry
	lastPull lastPull

	delivered  uint64
	delivering bool
	redeliver  retry
	waits      bool // no new vote before Release
}

// lastPull is the last request for a chain's blocks, and what came of it.
type lastPull struct {
	member  int
	sent    bool   // false before the first request
	waiting bool   // no answer has arrived yet
	from    uint64 // the certified height at the time
	bytes   int    // of the messages that arrived
}

// New returns the instance of a member, restored from what is durable. Start begins its work.
func New(config Config, state store.State) *Instance {
	config.Timing = config.Timing.WithDefaults()
	n := config.Group.N()
	s := &Instance{Config: config, named: named{}, lastClaims: make([][]uint64, n), owed: make([]int, n), heights: make([]uint64, n)}
	for i := range n {
		s.chains = append(s.chains, &chain{creator: i, key: config.Group.Member(i), waits: config.Waiting})
	}
	for _, stored := range state.Chains {
		if i, ok := config.Group.Index(stored.Creator); ok {
			s.chains[i].restore(stored, i == config.Self)
			s.heights[i] = stored.Certified
			if s.chains[i].open != nil {
				s.named.open(s.chains[i])
			}
		}
	}
	for _, evidence := range state.Evidence {
		if i, ok := config.Group.Index(evidence.A.Header.Creator); ok {
			if s.chains[i].evidence == nil {
				s.proofs++
			}
			s.chains[i].evidence = &evidence
		}
	}
	for _, fork := range state.Forks {
		if i, ok := config.Group.Index(fork.A.Slot.Creator); ok {
			s.chains[i].halt(s, fork)
		}
	}
	return s
}

func (c *chain) restore(stored store.Chain, own bool) {
	c.height, c.tip, c.delivered = stored.Certified, stored.Tip, stored.Delivered
	for _, voted := range stored.Votes {
		if voted.Header.Height != c.height+1 {
			continue
		}
		c.open = newHeldSlot(voted, voted.ID(), resumed)
		if !own { // this member stores its block before it signs it
			c.first = &c.open.header
		}
	}
	for _, lost := range stored.Lost {
		if lost.Height == c.height+1 && c.open == nil {
			c.lost = &lost
		}
	}
}

// Start resumes unfinished work: its block that was persisted is signed and proposed again (R8),
// and undelivered blocks are delivered.
func (b *Instance) Start(now int64) {
	b.step(now)
	c := b.chains[b.Self]
	if c.evidence != nil {
		b.haltForTwoHeaders(c.evidence.A.Header.Slot())
	}
	switch {
	case c.open == nil || b.Muted || b.halted || c.stop != nil:
	case b.Closed:
		b.emit(Returned{Messages: c.open.bodies})
	default:
		b.out = append(b.out, SignProposal{Header: c.open.header.Header})
	}
	for _, c := range b.chains {
		if c.lost != nil && c.stop == nil {
			c.fetchLost.at(b, now)
		}
		if c.stop != nil {
			b.tellAll(c)
		}
		b.deliverNext(c, nil)
	}
}

// Take returns the effects of the steps since the last Take. The slice is valid until the next
// Take.
func (b *Instance) Take() []Effect {
	out := b.out
	b.out, b.taken = b.taken[:0], out
	return out
}

// Halted reports whether the instance has stopped for good.
func (b *Instance) Halted() bool { return b.halted }

// step begins a step: time moves on.
func (b *Instance) step(now int64) { b.now = now }

func (b *Instance) emit(effects ...Effect) { b.out = append(b.out, effects...) }

func (b *Instance) send(to int, frame wire.Frame) {
	if to != b.Self {
		b.emit(Send{To: to, Frame: frame})
	}
}

// sendAll sends every other member the same frame.
func (b *Instance) sendAll(frame wire.Frame) {
	again := false
	for i := range b.chains {
		if i != b.Self {
			b.emit(Send{To: i, Frame: frame, Again: again})
			again = true
		}
	}
}

func (b *Instance) halt(reason string) {
	if b.Muted || b.Closed || b.halted {
		return
	}
	b.halted = true
	b.emit(Halt{Reason: reason})
}

// haltForUnknownVote halts the node because what it signed for a slot is not among its votes (R8).
func (b *Instance) haltForUnknownVote(what string, slot block.Slot) {
	b.halt(what + " of slot " + slot.String() + " bears this node's signature and its vote store does not know it")
}

// haltForTwoHeaders halts the node because it signed two headers of a slot (R8).
func (b *Instance) haltForTwoHeaders(slot block.Slot) {
	b.halt("two headers of slot " + slot.String() + " bear this node's signature")
}

// chain returns the chain of a creator, who is a member: the border has checked that.
func (b *Instance) chain(creator keys.Public) *chain {
	i, _ := b.Group.Index(creator)
	return b.chains[i]
}

func (c *chain) slot(b *Instance, height uint64) block.Slot {
	return block.Slot{Group: b.Group.ID(), Creator: c.key, Height: height}
}

// Height returns the highest contiguous certified height of the creator at this place, and the
// block there.
func (b *Instance) Height(creator int) (uint64, block.ID) {
	return b.chains[creator].height, b.chains[creator].tip
}

// Heights returns the certified heights of all chains, by the creator's place. The next step
// changes the slice: copy it to keep it.
func (b *Instance) Heights() []uint64 { return b.heights }

// Tips returns the digest of the blocks at the certified heights. A chain that has stopped counts
// as empty, because members have different blocks there.
func (b *Instance) Tips() block.Digest {
	if !b.tipsKnown {
		tips := make([]block.ID, len(b.chains))
		for i, c := range b.chains {
			if c.stop == nil {
				tips[i] = c.tip
			}
		}
		b.tips, b.tipsKnown = block.DigestTips(b.Group.Network(), tips), true
	}
	return b.tips
}

// DeliveredHeight returns the highest height of a chain that the application has accepted.
func (b *Instance) DeliveredHeight(creator int) uint64 { return b.chains[creator].delivered }

// AllDelivered reports whether the application has accepted every certified block of the chains
// that have not stopped.
func (b *Instance) AllDelivered() bool {
	return !slices.ContainsFunc(b.chains, func(c *chain) bool { return c.delivered < c.height && c.stop == nil })
}

// OpenHeader returns the signed header that this member holds of a chain's open slot, and when it
// was first seen, or returns nil if it holds none. The caller must not change or keep it.
func (b *Instance) OpenHeader(creator int) (header *block.SignedHeader, since int64) {
	c := b.chains[creator]
	return c.first, c.since
}

// Changes counts the changes of heights, open headers and evidence. While it stays the same, so
// does what a frontier says about them (R6).
func (b *Instance) Changes() uint64 { return b.changes }

// Proofs returns the number of creators against whom there is evidence.
func (b *Instance) Proofs() int { return b.proofs }

// Proven reports whether there is evidence against a creator.
func (b *Instance) Proven(creator int) bool { return b.chains[creator].evidence != nil }

// Evidence returns the proof that a creator signed two headers of one slot.
func (b *Instance) Evidence(creator int) (store.Evidence, bool) {
	if c := b.chains[creator]; c.evidence != nil {
		return *c.evidence, true
	}
	return store.Evidence{}, false
}

// Body returns a message of an open slot, for members that miss it: that of the first chain which
// has it.
func (b *Instance) Body(id block.MessageID) (m block.Message, ok bool) {
	first := int32(len(b.chains))
	for _, p := range b.named.unordered(id) {
		if o := b.chains[p.creator].open; p.creator < first && o.have[p.at] {
			m, ok, first = o.bodies[p.at], true, p.creator
		}
	}
	return m, ok
}
