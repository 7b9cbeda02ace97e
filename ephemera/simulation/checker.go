package simulation

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// Violation is a promise of docs/PROTOCOL.md that was broken.
type Violation struct {
	Promise string
	At      int64 // virtual microseconds
	Text    string
}

// String returns the violation as one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s at %.3f ms: %s", v.Promise, float64(v.At)/1000, v.Text)
}

// checker sees everything that happens in a world, and knows which members are correct. It keeps
// its own records and trusts no engine.
type checker struct {
	w          *world
	violations []Violation
	observers  []Invariant
	planned    int64 // the millisecond after which nothing more is planned

	slots    map[slotKey]*slotBook
	order    []*slotBook // in the order in which they were first seen
	signed   map[signKey]block.ID
	accepted map[block.ID]bool // by a correct member's application
	rejected map[block.ID]bool
	made     map[block.MessageID]bool
	messages []*messageBook
	byID     map[block.MessageID]*messageBook
	proofs   map[uint64]bool  // fingerprints of checked certificates and blocks
	removed  map[slotKey]bool // whose messages the retention of a correct member removed
	forms    formTwin
	contents map[block.ID][]block.MessageID // of blocks that were checked
	evidence map[chainKey]map[int]bool      // the nodes that have proof
	included map[inclusion]uint64           // the heights of messages in chains of correct creators
	split    map[chainKey]bool              // with two certificates of a slot
	alarms   map[chainKey]map[int]bool      // the nodes that have proof of that
	halts    map[chainKey]map[int]bool      // the nodes that have stopped the chain since their start
	arrived  map[stored]int64               // when a node had a certified block with its messages
	nodes    []nodeBook

	accounts  []account // by the two nodes
	direct    Traffic   // of correct nodes, while something happens
	piles     []*pile
	listings  map[[2]int]*listingBook // by node and Byzantine member
	steps     int
	sightings []sighting
	quietAt   int64    // since when nodes hold what they end with, under Idle; -1: not yet
	remains   holdings // what they held then
}

// slotKey names a slot by small numbers: groups from 0, creators by node.
type slotKey struct {
	group, creator int
	height         uint64
}

type signKey struct {
	node   int
	header bool
	slot   slotKey
}

type chainKey struct{ group, creator int }

// slotBook is what the checker knows about a slot.
type slotBook struct {
	key         slotKey
	certified   block.ID
	isCertified bool
	held        []holding
	seen        []holding // in memory, since the last start of each node
	delivered   map[int]bool
	proposed    int64 // by a correct creator; -1: not proposed
	certifiedAt int64 // when the creator had the certificate; -1: not yet
	deliveredAt int64 // when it was last delivered
	firstSeen   int64
}

// follows reports whether a block's parent is the certified block below it.
func (c *diskChain) follows(b block.Block) bool {
	below := b.Header.Height - 2
	return below < uint64(len(c.certified)) && c.certified[below].Certificate.Block == b.Header.Parent
}

// holding is a signed header that a node has stored.
type holding struct {
	node  int
	block block.ID
}

// messageBook is a message that a client submitted to a correct node.
type messageBook struct {
	node        int
	incarnation uint32
	taken       bool // by the mempool
	durable     bool // in a durable block of its node
	done        bool // certified in a block of its node, or dropped by the application
	fresh       bool // signed at this moment by the node's own clock
}

type nodeBook struct {
	lostThrough uint64 // the node counts among the faulty up to the group with this number
	chains      map[chainKey]*cursor
	growth      growthBook
	votes       int // that the node has made durable and counted, except for lost ones
	// heard is who answered the last start, by group.
	heard     map[membership.ID]map[int]bool
	postponed map[block.MessageID]bool // by the application since the start; see unasked
	left      map[block.MessageID]bool // the mempool, for a certified block
}

// cursor is how far an application is with a chain.
type cursor struct {
	height uint64
	repeat bool // the block at height may be delivered once more, after a crash
}

func newChecker(w *world) *checker {
	c := &checker{
		w: w, planned: w.schedule.lastPlanned(), slots: map[slotKey]*slotBook{}, signed: map[signKey]block.ID{}, accepted: map[block.ID]bool{}, rejected: map[block.ID]bool{},
		made: map[block.MessageID]bool{}, byID: map[block.MessageID]*messageBook{}, evidence: map[chainKey]map[int]bool{}, proofs: map[uint64]bool{},
		forms: formTwin{}, contents: map[block.ID][]block.MessageID{}, removed: map[slotKey]bool{}, included: map[inclusion]uint64{}, arrived: map[stored]int64{},
		split: map[chainKey]bool{}, alarms: map[chainKey]map[int]bool{}, halts: map[chainKey]map[int]bool{},
		nodes: make([]nodeBook, len(w.nodes)), accounts: make([]account, len(w.nodes)*len(w.nodes)), quietAt: -1,
	}
	for i := range c.nodes {
		c.nodes[i] = nodeBook{chains: map[chainKey]*cursor{}, postponed: map[block.MessageID]bool{}, left: map[block.MessageID]bool{}}
	}
	c.observers = w.options.Invariants
	return c
}

func (c *checker) failed() bool { return len(c.violations) > 0 }

func (c *checker) violate(promise, format string, args ...any) {
	if len(c.violations) >= 16 {
		return
	}
	v := Violation{Promise: promise, At: c.w.now, Text: fmt.Sprintf(format, args...)}
	c.violations = append(c.violations, v)
	c.w.trace.printf(c.w.now, "VIOLATION of %s: %s", promise, v.Text)
}

// group returns the index of a group, from 0.
func (c *checker) group(id membership.ID) (int, bool) {
	for i, g := range c.w.groups {
		if g.ID() == id {
			return i, true
		}
	}
	return 0, false
}

func (c *checker) key(s block.Slot) slotKey {
	group, _ := c.group(s.Group)
	return slotKey{group: group, creator: c.w.places[s.Creator], height: s.Height}
}

func (c *checker) book(k slotKey) *slotBook {
	b, ok := c.slots[k]
	if !ok {
		b = &slotBook{key: k, delivered: map[int]bool{}, proposed: -1, certifiedAt: -1, firstSeen: c.w.now}
		c.slots[k] = b
		c.order = append(c.order, b)
	}
	return b
}

// correct reports whether a node is correct in a group: neither Byzantine, nor faulty there because
// its votes were lost.
func (c *checker) correct(node, group int) bool {
	return c.w.nodes[node].byzantine == nil && uint64(group+1) > c.nodes[node].lostThrough
}

// header checks a node's signature on a header of its own. The vote must be durable, it must be the
// only one of its slot, and a muted or closed member signs none.
func (c *checker) header(n *node, h block.Header) {
	c.tagged(n, "ephemera/block/v1", h.SigningBytes())
	c.sign(n, h.Slot(), h.ID(), true)
	k := c.key(h.Slot())
	if b := c.book(k); n.byzantine == nil && b.proposed < 0 {
		b.proposed = c.w.now
		c.notifyInvariants(n, Proposed, h.Slot(), nil)
	}
}

// echo checks a node's signature on an echo.
func (c *checker) echo(n *node, slot block.Slot, id block.ID) {
	if b := c.book(c.key(slot)); len(b.held) <= 1 { // once per slot is enough
		c.tagged(n, "ephemera/echo/v1", certificate.SigningBytes(network, slot, id))
	}
	c.sign(n, slot, id, false)
}

// tagged checks that what a node signs begins with its purpose and network, so that no signature
// serves for another purpose or network.
func (c *checker) tagged(n *node, purpose string, signing []byte) {
	tag, rest, _ := bytes.Cut(signing, []byte{0})
	if string(tag) != purpose || len(rest) == 0 || !bytes.HasPrefix(rest[1:], []byte(network)) {
		c.violate("domain separation", "node %d signs %q, which does not begin with %s and network %s", n.place, signing[:min(len(signing), 40)], purpose, network)
	}
}

func (c *checker) sign(n *node, slot block.Slot, id block.ID, header bool) {
	k := c.key(slot)
	c.w.trace.add(c.w.now, 'e', n.place, k.creator, prefix(id))
	if c.w.trace.out != nil {
		c.w.trace.printf(c.w.now, "%d signs %s of %s %x", n.place, map[bool]string{true: "the header", false: "an echo"}[header], c.w.slot(slot), id[:3])
	}
	if n.byzantine != nil {
		return
	}
	c.checkStopped(n, slot, "signs for")
	if !c.correct(n.place, k.group) {
		c.violate("R8", "node %d lost its votes and signs in group %d", n.place, k.group+1)
	}
	if c.nodes[n.place].lostThrough < uint64(k.group+1) && n.files.group < uint64(k.group+1) {
		c.violate("R8", "node %d signs in group %d before its marker says so", n.place, k.group+1)
	}
	held := n.disk.chain(slot)
	if held == nil {
		c.violate("R3", "node %d signs in a group that its disk does not know", n.place)
		return
	}
	v := held.vote(slot.Height)
	switch {
	case v == nil || v.id != id:
		c.violate("R3", "node %d signs for %s before its vote is durable", n.place, c.w.slot(slot))
	case !c.holds(v, c.w.groups[k.group]):
		c.violate("R3", "node %d signs for %s without holding the whole block", n.place, c.w.slot(slot))
	case slot.Height > 1 && !held.follows(v.block):
		c.violate("R8", "node %d signs for %s, whose parent is not the certified block below", n.place, c.w.slot(slot))
	case header && !c.accepted[id]:
		c.violate("R1", "node %d signs %s before its application accepted it", n.place, c.w.slot(slot))
	}
	for _, other := range []bool{header, !header} {
		if before, ok := c.signed[signKey{n.place, other, k}]; ok && before != id {
			c.violate("R3", "node %d signs for two blocks of %s", n.place, c.w.slot(slot))
		}
	}
	if v != nil && v.late {
		c.violate("R9", "node %d signs for %s after closing the group", n.place, c.w.slot(slot))
	}
	c.signed[signKey{n.place, header, k}] = id
}

// holds reports whether a vote has the whole block, and the block has the form that its group
// requires.
func (c *checker) holds(v *vote, group *membership.Group) bool {
	if known, ok := c.contents[v.id]; ok && slices.EqualFunc(known, v.block.Messages, func(id block.MessageID, m block.Message) bool { return id == m.ID() }) {
		return true
	}
	if c.forms.form(v.block, group) != "" {
		return false
	}
	c.contents[v.id] = v.block.MessageIDs()
	return true
}

// judged checks a verdict of an application.
func (c *checker) judged(n *node, slot block.Slot, id block.ID, d verdict.Decision) {
	c.w.trace.add(c.w.now, 'j', n.place, c.w.places[slot.Creator], traced(d))
	if n.byzantine != nil {
		return
	}
	switch {
	case d.IsAccept():
		c.accepted[id] = true
	case d.IsReject():
		c.rejected[id] = true
	}
	if c.accepted[id] && c.rejected[id] {
		c.violate("R2", "correct members' applications disagree on %s", c.w.slot(slot))
	}
	if n.key.Public() == slot.Creator {
		for _, dropped := range d.Drops() {
			delete(c.nodes[n.place].postponed, dropped)
			if m := c.byID[dropped]; m != nil {
				m.done = true
			}
		}
	}
}

// traced returns the number of a verdict in the trace.
func traced(d verdict.Decision) uint64 {
	switch {
	case d.IsLater():
		return 0
	case d.IsAccept():
		return 1
	case d.IsReject():
		return 2
	}
	panic("simulation: the application answered CheckBlock with the " + verdict.ErrZero.Error())
}

// persisted checks a write that a node has made durable.
func (c *checker) persisted(n *node, w store.Write) {
	if n.byzantine != nil {
		return
	}
	defer c.keepBodies(n, w)
	switch w := w.(type) {
	case store.PutFork:
		c.alarmed(n, w.Fork)
	case store.PutVote:
		c.checkStopped(n, w.Block.Header.Slot(), "votes for")
		c.grows(n, w.Block)
		if g := n.disk.find(w.Block.Header.Group); g.barred(w.Block.Header) {
			c.violate("R3", "node %d votes for %s despite proof against its creator", n.place, c.w.slot(w.Block.Header.Slot()))
		}
		c.hold(n, w.Block.Header.Slot(), c.w.idOf(&w.Block))
		if !w.Again {
			c.voteAfterHearing(n, w.Block.Header.Slot())
		}
		if w.Block.Header.Creator == n.key.Public() {
			c.checkExpiry(n, w.Block)
			for _, m := range w.Block.Messages {
				if book := c.byID[m.ID()]; book != nil && book.node == n.place {
					book.durable = true
				}
			}
		}
	case store.PutCertified:
		c.checkStopped(n, w.Block.Header.Slot(), "certifies")
		c.certified(n, w)
		c.leavesPool(n, w.Block)
	case store.PutRepaired:
		c.repaired(n, w)
	case store.PutEvidence:
		c.proof(n, w.Evidence)
	}
}

func (c *checker) hold(n *node, slot block.Slot, id block.ID) {
	b, h := c.book(c.key(slot)), holding{n.place, id}
	if !slices.Contains(b.held, h) {
		b.held = append(b.held, h)
	}
}

func (c *checker) proof(n *node, e store.Evidence) {
	k := c.key(e.A.Header.Slot())
	chain := chainKey{k.group, k.creator}
	if c.evidence[chain] == nil {
		c.evidence[chain] = map[int]bool{}
	}
	c.evidence[chain][n.place] = true
	if c.w.nodes[k.creator].byzantine == nil {
		c.violate("accountability", "node %d has proof against the correct node %d", n.place, k.creator)
	}
	if e.A.Header.Slot() != e.B.Header.Slot() || e.A.Header.ID() == e.B.Header.ID() || c.w.keyring.checkHeaders(e.A, e.B) != nil {
		c.violate("accountability", "node %d keeps a proof that proves nothing", n.place)
	}
}

// anyLost reports whether any member has lost its votes so far.
func (c *checker) anyLost() bool {
	return slices.ContainsFunc(c.nodes, func(b nodeBook) bool { return b.lostThrough > 0 })
}

func (c *checker) started(n *node) {
	clear(c.nodes[n.place].postponed)
	c.nodes[n.place].growth.chains, c.nodes[n.place].growth.full = nil, nil
	c.nodes[n.place].growth.starts++
	for i := range n.disk.groups {
		for _, f := range n.disk.groups[i].forks {
			c.chainStopped(n, f.A.Slot)
		}
	}
	c.notifyInvariants(n, Started, block.Slot{}, nil)
}

// stopped records a crash: the last block of each chain may be delivered again.
func (c *checker) stopped(n *node) {
	c.forget(n)
	for _, cursor := range c.nodes[n.place].chains {
		cursor.repeat = true
	}
	c.notifyInvariants(n, Stopped, block.Slot{}, nil)
}

func (c *checker) halted(n *node, reason string) {
	if n.byzantine == nil {
		c.violate("R8", "correct node %d halts: %s", n.place, reason)
	}
}

// inclusion is a message in a chain.
type inclusion struct {
	chain   chainKey
	message block.MessageID
}

// stored is a certified block at a node.
type stored struct {
	node int
	slot slotKey
}

// signers returns which nodes really signed an echo for this block. It is the checker's own
// arithmetic.
func (c *checker) signers(group *membership.Group, proof certificate.Certificate) (signers []int, forged bool) {
	next := 0
	for i := range group.N() {
		if i/8 >= len(proof.Signers) || proof.Signers[i/8]>>(i%8)&1 == 0 {
			continue
		}
		if next >= len(proof.Signatures) {
			return signers, true
		}
		if !c.w.keyring.verify(group.Member(i), certificate.SigningBytes(network, proof.Slot, proof.Block), proof.Signatures[next]) {
			return signers, true
		}
		signers = append(signers, c.w.places[group.Member(i)])
		next++
	}
	return signers, next != len(proof.Signatures)
}

// rootTwin returns the Merkle tree hash of RFC 6962 by its recursive definition.
func rootTwin(ids []block.MessageID) block.Hash {
	switch n := len(ids); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, ids[0][:]...))
	default:
		k := 1 // the largest power of two below n
		for 2*k < n {
			k *= 2
		}
		left, right := rootTwin(ids[:k]), rootTwin(ids[k:])
		return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	}
}

// quorumTwin finds the smallest quorum by trying: any two quorums must share a correct member.
func quorumTwin(n int) (f, q int) {
	for 3*(f+1) < n {
		f++
	}
	for q = 1; 2*q-n <= f; q++ {
	}
	return f, q
}
