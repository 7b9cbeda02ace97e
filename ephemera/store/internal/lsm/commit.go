package lsm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// Commit applies the writes in one batch and returns after its fsync; see store.Store.
func (s *Store) Commit(ctx context.Context, writes []store.Write) error {
	err := s.write(ctx, reserve, func(b *batch) error {
		for _, w := range writes {
			if err := b.apply(w); err != nil {
				return fmt.Errorf("%T: %w", w, err)
			}
		}
		if store.HoldVotes(writes) {
			return b.countVotes()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (b *batch) apply(w store.Write) error {
	switch w := w.(type) {
	case store.PutVote:
		return b.vote(w)
	case store.PutCertified:
		return b.certify(w)
	case store.PutRepaired:
		return b.repair(w)
	case store.PutEvidence:
		slot := w.Evidence.A.Header.Slot()
		at := key(keyEvidence, slot.Group[:], slot.Creator[:])
		if known, err := b.get(at); err != nil || known != nil {
			return err
		}
		b.set(at, canonical.Encode(wireEvidence{A: w.Evidence.A, B: w.Evidence.B}))
		return nil
	case store.PutFork:
		return b.fork(w.Fork)
	case store.PutDelivered:
		certified, delivered, err := b.chain(w.Slot)
		if err != nil {
			return err
		}
		b.setChain(w.Slot, certified, max(delivered, w.Slot.Height))
		return nil
	case store.PutGroup:
		return b.group(w.Group)
	case store.PutClosed:
		return b.close(w.Group)
	default:
		return fmt.Errorf("unknown type of write %T", w)
	}
}

func (b *batch) chain(s block.Slot) (certified, delivered uint64, err error) {
	data, err := b.get(key(keyChain, s.Group[:], s.Creator[:]))
	if err != nil {
		return 0, 0, err
	}
	return decodePair(data, "chain")
}

func (b *batch) setChain(s block.Slot, certified, delivered uint64) {
	b.set(key(keyChain, s.Group[:], s.Creator[:]), append(number(certified), number(delivered)...))
}

// vote checks and records a vote, whatever else is stored about the slot.
func (b *batch) vote(w store.PutVote) error {
	blk := w.Block
	slot, id := blk.Header.Slot(), blk.ID()
	if blk.Pruned() {
		return fmt.Errorf("vote for %s: %w", id.Short(), store.ErrPruned)
	}
	voted, err := b.get(slotKey(keyVote, slot))
	if err != nil {
		return err
	}
	if voted == nil {
		b.set(slotKey(keyVote, slot), id[:])
	} else if string(voted) != string(id[:]) {
		return fmt.Errorf("%w: slot %s, block %x", store.ErrVoted, slot, voted)
	}
	certified, delivered, err := b.chain(slot)
	if err != nil {
		return err
	}
	b.setChain(slot, certified, delivered)
	held, err := b.putBlock(blk, id, w.Again)
	if err != nil {
		return err
	}
	entry, err := b.get(slotKey(keyCertified, slot))
	if err == nil && held.whole && len(entry) == 40 && string(entry[8:]) == string(id[:]) {
		return b.indexWhole(blk.Header, id, held) // it was certified earlier, without its messages
	}
	return err
}

// countVotes counts a commit that holds votes.
func (b *batch) countVotes() error {
	count, err := decodeVotes(b.get([]byte{keyVotes}))
	if err != nil {
		return err
	}
	b.set([]byte{keyVotes}, number(count+1))
	return nil
}

// indexWhole adds a certified block whose messages are stored to the index of keyWhole. If it is
// there already, as when its certificate is replaced, it keeps the running time at which it came.
func (b *batch) indexWhole(h block.Header, id block.ID, held body) error {
	at := slotKey(keyWhole, h.Slot())
	if known, err := b.get(at); err != nil || known != nil {
		return err
	}
	times := append(number(uint64(b.now)), number(uint64(leaves.Newest(held.leaves)))...)
	b.set(at, append(times, id[:]...))
	return nil
}

// putBlock stores the header and the messages of a block if they are not stored yet, or again if
// they were found damaged, and returns the stored body. Most blocks are stored by their vote,
// before they are certified.
func (b *batch) putBlock(blk block.Block, id block.ID, again bool) (body, error) {
	if err := b.putHeader(blk, id, again); err != nil {
		return body{}, err
	}
	var held body
	data, err := b.get(key(keyBody, id[:]))
	if err != nil {
		return held, err
	}
	if data != nil {
		if held, err = decodeBody(data); err != nil {
			data, held = nil, body{} // it is written again
		}
	}
	if held.whole && !again || len(blk.Messages) == 0 {
		return held, nil
	}
	if data != nil && !held.whole { // the messages had been removed
		b.remove(key(keyRemoved, number(uint64(leaves.Newest(held.leaves))), id[:]))
	}
	counted := map[block.MessageID]bool{}
	for _, leaf := range held.leaves {
		counted[leaf.ID] = held.whole
	}
	held = body{whole: true, leaves: leaves.Of(blk)}
	for _, m := range blk.Messages {
		n, err := b.retain(m, counted[m.ID()], again)
		if err != nil {
			return held, err
		}
		held.bytes, held.numbers = held.bytes+uint64(m.Size()), append(held.numbers, n)
	}
	b.set(key(keyBody, id[:]), held.encode())
	return held, nil
}

// putHeader stores the header unless one is stored that can be decoded and has a signature.
func (b *batch) putHeader(blk block.Block, id block.ID, again bool) error {
	data, err := b.get(key(keyHeader, id[:]))
	if err != nil {
		return err
	}
	if data != nil && !again {
		var held block.SignedHeader
		if err := canonical.DecodeStored(data, &held); err == nil &&
			(held.Signature != keys.Signature{} || blk.Signature == keys.Signature{}) {
			return nil
		}
	}
	b.set(key(keyHeader, id[:]), canonical.Encode(blk.SignedHeader))
	return nil
}

// retain increments the message's count of bodies unless the body is counted already, stores the
// message if it is not stored yet, or again, and returns its number.
func (b *batch) retain(m block.Message, counted, again bool) (uint64, error) {
	id := m.ID()
	data, err := b.get(key(keyMessageID, id[:]))
	if err != nil {
		return 0, err
	}
	at, bodies, err := decodePair(data, "message ID")
	if err != nil && !errors.Is(err, store.ErrCorrupt) {
		return 0, err
	}
	if data == nil || err != nil {
		b.number++
		at, bodies, counted = b.number, 0, false
	}
	if bodies == 0 || again {
		b.set(key(keyMessage, number(at)), m.Encode())
	}
	if !counted {
		bodies++
	}
	b.set(key(keyMessageID, id[:]), append(number(at), number(bodies)...))
	return at, nil
}

// repair writes a certified block over what is stored of it.
func (b *batch) repair(w store.PutRepaired) error {
	slot, id := w.Block.Header.Slot(), w.Block.ID()
	entry, err := b.get(slotKey(keyCertified, slot))
	if err != nil {
		return err
	}
	if entry == nil {
		return fmt.Errorf("repair slot %s: %w", slot, store.ErrNotFound)
	}
	if err := checkEntry(entry, slot, id); err != nil {
		return err
	}
	b.set(key(keyCertificate, id[:]), w.Certificate.Encode())
	held, err := b.putBlock(w.Block, id, true)
	if err != nil {
		return err
	}
	if !w.Block.Pruned() {
		if held.whole {
			b.indexWhole(w.Block.Header, id, held)
		}
		return nil
	}
	if held.whole { // remove the messages as Prune does
		p := pruning{lowest: math.MaxUint64}
		_, err = p.remove(b, []indexedBody{{slot: slot, newest: leaves.Newest(held.leaves), id: id}})
		return err
	}
	if len(held.leaves) == 0 { // a body that cannot be decoded: its messages stay
		b.remove(key(keyBody, id[:]))
		b.remove(slotKey(keyWhole, slot))
	}
	return nil
}

// checkEntry returns store.ErrConflict if the entry of a certified slot names another block, and
// store.ErrCorrupt if it is damaged.
func checkEntry(entry []byte, slot block.Slot, id block.ID) error {
	if err := checkLength(entry, 8+len(id), "certified slot"); err != nil {
		return err
	}
	if string(entry[8:]) != string(id[:]) {
		return fmt.Errorf("%w: slot %s, block %x", store.ErrConflict, slot, entry[8:])
	}
	return nil
}

func (b *batch) certify(w store.PutCertified) error {
	slot, id := w.Block.Header.Slot(), w.Block.ID()
	held, err := b.putBlock(w.Block, id, false)
	if err != nil {
		return err
	}
	entry, err := b.get(slotKey(keyCertified, slot))
	if err != nil {
		return err
	}
	if entry == nil {
		b.sequence++
		b.set(slotKey(keyCertified, slot), append(number(b.sequence), id[:]...))
		b.set(key(keySequence, number(b.sequence)), id[:])
		b.set(key(keyCreator, slot.Creator[:], number(b.sequence)), id[:])
	} else if err := checkEntry(entry, slot, id); err != nil {
		return err
	}
	b.set(key(keyCertificate, id[:]), w.Certificate.Encode())
	if held.whole {
		if err := b.indexWhole(w.Block.Header, id, held); err != nil {
			return err
		}
	}
	return b.advance(slot)
}

// advance raises the chain's contiguous certified height to that of the block before the first gap.
// slot is the slot of the block that was just certified.
func (b *batch) advance(slot block.Slot) error {
	certified, delivered, err := b.chain(slot)
	if err != nil {
		return err
	}
	for certified+1 >= slot.Height {
		slot.Height = certified + 1
		next, err := b.get(slotKey(keyCertified, slot))
		if err != nil {
			return err
		}
		if next == nil {
			break
		}
		certified++
	}
	b.setChain(slot, certified, delivered)
	return nil
}

func (b *batch) group(g *membership.Group) error {
	id := g.ID()
	data, err := b.get(key(keyGroup, number(g.Number())))
	if err != nil {
		return err
	}
	if data == nil {
		b.set(key(keyGroup, number(g.Number())), encodeGroup(store.Group{Group: g}))
		b.set(key(keyGroupID, id[:]), number(g.Number()))
		return nil
	}
	known, err := decodeGroup(data)
	if err != nil {
		return err
	}
	if known.Group.ID() != id {
		return fmt.Errorf("%w: number %d belongs to %s, not to %s", store.ErrGroup, g.Number(), known.Group.ID(), id)
	}
	return nil
}

func (b *batch) close(id membership.ID) error {
	at, err := b.get(key(keyGroupID, id[:]))
	if err != nil {
		return err
	}
	if at == nil {
		return fmt.Errorf("close group %s: %w", id, store.ErrNotFound)
	}
	if err := checkLength(at, 8, "group number"); err != nil {
		return err
	}
	data, err := b.get(key(keyGroup, number(binary.BigEndian.Uint64(at))))
	if err != nil {
		return err
	}
	known, err := decodeGroup(data)
	if err != nil {
		return err
	}
	known.Closed = true
	b.set(key(keyGroup, at), encodeGroup(known))
	return nil
}
