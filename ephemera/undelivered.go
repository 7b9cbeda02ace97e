package ephemera

import (
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

const (
	undeliveredBytes = 8 << 20 // of all chains; each has an equal share
	// undeliveredBlock is about what a block takes in addition to its messages and signatures.
	undeliveredBlock = 1 << 10
	// readAhead is how many blocks of a chain are read at most when the next one is not kept.
	readAhead = 64
)

// undelivered keeps blocks that are durable and not delivered yet: a member that catches up stores
// blocks faster than its application accepts them, and reading them back one by one takes longer
// than to verify them. Of each chain it keeps consecutive blocks, the next ones as far as there is
// room; later ones are read from the store when they are due. It is safe for concurrent use.
type undelivered struct {
	share int // bytes of each chain

	mu     sync.Mutex
	chains map[block.Slot]*upcoming // by slots of height 0; none is empty
	bytes  int
}

// upcoming is what is kept of a chain: blocks of ascending height without gaps.
type upcoming struct {
	blocks []store.Certified
	bytes  int
}

func newUndelivered(members int) *undelivered {
	return &undelivered{share: undeliveredBytes / members, chains: make(map[block.Slot]*upcoming)}
}

// note takes the writes of a commit, except for relaxed ones: those are about delivered blocks. A
// block without its messages is not kept: the store may hold them since the vote.
func (u *undelivered) note(writes []store.Write) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, write := range writes {
		switch w := write.(type) {
		case store.PutCertified:
			if !w.Block.Pruned() {
				u.add(store.Certified(w))
			}
		case store.PutRepaired:
			u.drop(w.Block.Header.Slot())
		case store.PutFork: // nothing more of this chain is delivered
			u.drop(w.Fork.A.Slot)
		}
	}
}

// keep keeps blocks of one chain that were read from the store, in place of what it kept of that
// chain.
func (u *undelivered) keep(found []store.Certified) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, c := range found {
		if i == 0 {
			u.drop(c.Block.Header.Slot())
		}
		u.add(c)
	}
}

// next returns the block of a slot if it is kept. It forgets what is below.
func (u *undelivered) next(slot block.Slot) (store.Certified, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forgetBelow(slot)
	if w := u.chains[chainOf(slot)]; w != nil && w.first() == slot.Height {
		return w.blocks[0], true
	}
	return store.Certified{}, false
}

// delivered forgets a block, and what is below.
func (u *undelivered) delivered(slot block.Slot) {
	u.mu.Lock()
	defer u.mu.Unlock()
	slot.Height++
	u.forgetBelow(slot)
}

func (w *upcoming) first() uint64 { return w.blocks[0].Block.Header.Height }

// sizeOf returns about how many bytes of memory a block takes.
func sizeOf(c store.Certified) int {
	return c.Bytes() + len(c.Certificate.Signatures)*len(keys.Signature{}) + undeliveredBlock
}

// add keeps a block if it continues what is kept of its chain, and there is room.
func (u *undelivered) add(c store.Certified) {
	slot, size := c.Block.Header.Slot(), sizeOf(c)
	w := u.chains[chainOf(slot)]
	if w == nil {
		w = &upcoming{}
	} else if slot.Height != w.first()+uint64(len(w.blocks)) {
		return
	}
	if w.bytes+size > u.share || u.bytes+size > undeliveredBytes {
		return
	}
	w.blocks = append(w.blocks, c)
	w.bytes, u.bytes = w.bytes+size, u.bytes+size
	u.chains[chainOf(slot)] = w
}

func (u *undelivered) forgetBelow(slot block.Slot) {
	w := u.chains[chainOf(slot)]
	if w == nil {
		return
	}
	for len(w.blocks) > 0 && w.first() < slot.Height {
		size := sizeOf(w.blocks[0])
		w.bytes, u.bytes = w.bytes-size, u.bytes-size
		w.blocks[0] = store.Certified{}
		w.blocks = w.blocks[1:]
	}
	if len(w.blocks) == 0 {
		delete(u.chains, chainOf(slot))
	}
}

// drop forgets what is kept of a chain.
func (u *undelivered) drop(slot block.Slot) {
	if w := u.chains[chainOf(slot)]; w != nil {
		u.bytes -= w.bytes
		delete(u.chains, chainOf(slot))
	}
}
