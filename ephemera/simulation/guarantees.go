package simulation

import (
	"encoding/binary"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// certified checks a certified block that a correct node has just made durable.
func (c *checker) certified(n *node, w store.PutCertified) {
	slot, id := w.Block.Header.Slot(), c.w.idOf(&w.Block)
	k := c.key(slot)
	c.hold(n, slot, id)
	c.w.trace.add(c.w.now, 'C', n.place, k.creator, slot.Height)
	if c.w.trace.out != nil {
		c.w.trace.printf(c.w.now, "%d stores %s %x certified by %d", n.place, c.w.slot(slot), id[:3], w.Certificate.Count())
	}
	if w.Certificate.Block != id || w.Certificate.Slot != slot {
		c.violate("consistency", "node %d stores %s with a certificate of another block", n.place, c.w.slot(slot))
	}
	if w.Block.Pruned() {
		c.checkPruned(n, w.Block)
	} else {
		c.checkWhole(n, w.Block, id)
	}
	if below := w.Block.Header; below.Height > 1 {
		slot.Height--
		held, ok := n.disk.certified(slot)
		if !ok || held.Certificate.Block != below.Parent {
			c.violate("R8", "node %d stores a block of %s whose parent is not the certified block below", n.place, c.w.slot(below.Slot()))
		}
	}
	c.certificate(w.Certificate)
	c.came(n, k, w.Block)
	b := c.book(k)
	if n.place == k.creator && b.certifiedAt < 0 {
		b.certifiedAt = c.w.now
		c.w.stats.Blocks++
		c.once(k, w.Block)
		for _, m := range w.Block.Messages {
			if book := c.byID[m.ID()]; book != nil && book.node == n.place {
				book.done = true
			}
		}
	}
	c.notifyInvariants(n, Certified, w.Block.Header.Slot(), &store.Certified{Block: w.Block, Certificate: w.Certificate})
}

// repaired checks a certified block that a correct node wrote over a damaged one.
func (c *checker) repaired(n *node, w store.PutRepaired) {
	slot := w.Block.Header.Slot()
	c.w.trace.add(c.w.now, 'R', n.place, c.w.places[slot.Creator], slot.Height)
	c.w.trace.printf(c.w.now, "%d repairs %s", n.place, c.w.slot(slot))
	if id := c.w.idOf(&w.Block); w.Certificate.Block != id || w.Certificate.Slot != slot {
		c.violate("consistency", "node %d repairs %s with a certificate of another block", n.place, c.w.slot(slot))
	} else if w.Block.Pruned() {
		c.checkPruned(n, w.Block)
	} else {
		c.checkWhole(n, w.Block, id)
	}
	c.certificate(w.Certificate)
	c.came(n, c.key(slot), w.Block)
}

// pruned records that a node's retention removed the messages of a block.
func (c *checker) pruned(n *node, slot block.Slot) {
	c.w.trace.add(c.w.now, 'P', n.place, c.w.places[slot.Creator], slot.Height)
	delete(c.arrived, stored{n.place, c.key(slot)}) // they may be stored again
	if n.byzantine == nil {
		c.removed[c.key(slot)] = true
	}
}

// once checks that a correct creator's chain holds each message once, whatever happened to its
// clock and memory.
func (c *checker) once(k slotKey, b block.Block) {
	if !c.correct(k.creator, k.group) {
		return
	}
	for _, m := range b.Messages {
		at := inclusion{chainKey{k.group, k.creator}, m.ID()}
		if height, ok := c.included[at]; ok {
			c.violate("once per chain", "%s holds a message that is in height %d already", c.w.slot(b.Header.Slot()), height)
		}
		c.included[at] = k.height
	}
}

// came records when a node had a certified block with its messages.
func (c *checker) came(n *node, k slotKey, b block.Block) {
	at := stored{n.place, k}
	if _, known := c.arrived[at]; !known && !b.Pruned() {
		c.arrived[at] = c.w.now
	}
}

// prunedByAge checks that a node's retention removed no messages before their time. It knows only
// how long they were there at most, because the time while the node was down does not count. Stores
// count whole milliseconds.
func (c *checker) prunedByAge(n *node, slot block.Slot, age int64) {
	if there := c.w.now/1000 - c.arrived[stored{n.place, c.key(slot)}]/1000; there < age && n.byzantine == nil {
		c.violate("retention", "node %d removes the messages of %s after %d ms, and keeps them for %d", n.place, c.w.slot(slot), there, age)
	}
}

// checkPruned checks a block that a node stores without its messages: a correct member must have
// had them and removed them.
func (c *checker) checkPruned(n *node, b block.Block) {
	if slot := b.Header.Slot(); !c.removed[c.key(slot)] {
		c.violate("availability", "node %d gives up the messages of %s, which no correct member has removed", n.place, c.w.slot(slot))
	}
	c.checkCreator(n, b)
}

// checkCreator checks that a stored block is signed by its creator.
func (c *checker) checkCreator(n *node, b block.Block) {
	if err := c.w.keyring.checkHeaders(b.SignedHeader); err != nil {
		c.violate("integrity", "node %d stores %s without its creator's signature", n.place, c.w.slot(b.Header.Slot()))
	}
}

// checkWhole checks a stored block in full, once for all nodes that store the same block.
func (c *checker) checkWhole(n *node, b block.Block, id block.ID) {
	print := hash(prefix(id), binary.BigEndian.Uint64(b.Signature[:]), uint64(len(b.Messages)))
	for _, m := range b.Messages {
		messageID := m.ID()
		print = mix(print ^ binary.BigEndian.Uint64(messageID[:]))
	}
	if c.proofs[print] {
		return
	}
	slot := b.Header.Slot()
	if wrong := c.forms.form(b, c.w.groups[c.key(slot).group]); wrong != "" || idTwin(b.Header) != id {
		c.violate("integrity", "node %d stores %s, which no group may certify: %s", n.place, c.w.slot(slot), wrong)
	}
	c.checkCreator(n, b)
	c.proofs[print] = true
}

// certificate checks a certificate that exists anywhere.
func (c *checker) certificate(proof certificate.Certificate) {
	k := c.key(proof.Slot)
	b := c.book(k)
	print := fingerprint(k, proof)
	if c.proofs[print] {
		return
	}
	c.proofs[print] = true
	group := c.w.groups[k.group]
	f, q := quorumTwin(group.N())
	signers, forged := c.signers(group, proof)
	if forged || len(signers) < q {
		c.violate("consistency", "a certificate of %s was accepted with %d of %d echoes", c.w.slot(proof.Slot), len(signers), q)
		return
	}
	if b.isCertified {
		if b.certified != proof.Block {
			c.second(k, proof.Slot)
		}
		return
	}
	b.isCertified, b.certified = true, proof.Block
	holders := 0
	for i, n := range c.w.nodes {
		if !group.Contains(n.key.Public()) || !c.correct(i, k.group) {
			continue
		}
		if _, ok := n.disk.block(proof.Slot, proof.Block); ok {
			holders++
		}
	}
	if holders < f+1 && !c.w.schedule.Fork {
		c.violate("availability", "%s is certified but %d correct members hold it, expected %d", c.w.slot(proof.Slot), holders, f+1)
	}
	if !c.accepted[proof.Block] {
		c.violate("external validity", "%s is certified but no correct member's application accepted it", c.w.slot(proof.Slot))
	}
	for _, signer := range signers {
		if !c.correct(signer, k.group) {
			continue
		}
		header, echo := c.signed[signKey{signer, true, k}], c.signed[signKey{signer, false, k}]
		if header != proof.Block && echo != proof.Block {
			c.violate("consistency", "the certificate of %s has an echo that correct node %d never signed", c.w.slot(proof.Slot), signer)
		}
	}
}

// fingerprint identifies a certificate that was checked before. It is fast, and no adversary here
// attacks it.
func fingerprint(k slotKey, proof certificate.Certificate) uint64 {
	h := hash(prefix(proof.Block), uint64(k.group), uint64(k.creator), k.height)
	for _, b := range proof.Signers {
		h = mix(h ^ uint64(b))
	}
	for i := range proof.Signatures {
		for j := 0; j < len(keys.Signature{}); j += 8 {
			h = mix(h ^ binary.BigEndian.Uint64(proof.Signatures[i][j:]))
		}
	}
	return h
}

// delivered checks a block that a node hands to its application, which accepts it or fails.
func (c *checker) delivered(n *node, slot block.Slot, held store.Certified, taken bool) {
	if n.byzantine != nil {
		return
	}
	k := c.key(slot)
	cursors := c.nodes[n.place].chains
	chain := chainKey{k.group, k.creator}
	at, ok := cursors[chain]
	if !ok {
		at = &cursor{}
		cursors[chain] = at
	}
	if k.height != at.height+1 && !(at.repeat && k.height == at.height) {
		c.violate("delivery", "node %d delivers %s after height %d", n.place, c.w.slot(slot), at.height)
	}
	if n.disk.rotten && !c.intact(held.Block) {
		c.violate("integrity", "node %d delivers %s with messages that are not its header's", n.place, c.w.slot(slot))
	}
	b := c.book(k)
	c.checkStopped(n, slot, "delivers")
	if !c.isSplit(k) && (!b.isCertified || b.certified != held.Certificate.Block) || c.w.idOf(&held.Block) != held.Certificate.Block {
		c.violate("consistency", "node %d delivers a block of %s that is not the certified one", n.place, c.w.slot(slot))
	}
	if c.w.nodes[k.creator].byzantine == nil && c.correct(k.creator, k.group) && c.signed[signKey{k.creator, true, k}] != c.w.idOf(&held.Block) {
		c.violate("integrity", "node %d delivers a block of %s that its creator never signed", n.place, c.w.slot(slot))
	}
	for _, m := range held.Block.Messages {
		if sender, ok := c.w.places[m.Sender()]; ok && c.w.nodes[sender].byzantine == nil && !c.made[m.ID()] {
			c.violate("integrity", "node %d delivers a message in %s that its sender never signed", n.place, c.w.slot(slot))
		}
	}
	if taken {
		at.height, at.repeat = k.height, false
		b.delivered[n.place], b.deliveredAt = true, c.w.now
		c.notifyInvariants(n, Delivered, slot, &held)
	}
}

// Delay is how long a correct creator's block took, in virtual microseconds.
type Delay struct {
	Slot      block.Slot
	Proposed  int64
	Certified int64 // at the creator
	Delivered int64 // at the last correct member that delivered it
}

func (c *checker) delays() []Delay {
	var out []Delay
	for _, b := range c.order {
		if b.proposed >= 0 && b.certifiedAt >= 0 {
			slot := block.Slot{Group: c.w.groups[b.key.group].ID(), Creator: c.w.nodes[b.key.creator].key.Public(), Height: b.key.height}
			out = append(out, Delay{Slot: slot, Proposed: b.proposed, Certified: b.certifiedAt, Delivered: b.deliveredAt})
		}
	}
	slices.SortStableFunc(out, func(a, b Delay) int { return int(a.Certified - b.Certified) })
	return out
}

// certificatesIn checks the certificates in a frame that an adversary made: from now on the valid
// ones exist.
func (c *checker) certificatesIn(frame wire.Frame) {
	look := func(proof certificate.Certificate) {
		i, ok := c.group(proof.Slot.Group)
		if !ok {
			return
		}
		print := hash(fingerprint(c.key(proof.Slot), proof), 1)
		if !c.proofs[print] && c.w.keyring.checkCertificate(c.w.groups[i], proof) == nil {
			c.certificate(proof)
		}
		c.proofs[print] = true
	}
	switch f := frame.(type) {
	case wire.Certificate:
		look(f.Certificate)
	case wire.Blocks:
		for _, held := range f.Blocks {
			if held.Certificate != nil {
				look(*held.Certificate)
			}
		}
	}
}
