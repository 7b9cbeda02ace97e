package lsm

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// view reads the store, usually from a snapshot.
type view struct{ Reader }

func (v view) identity() (store.Identity, error) {
	data, err := v.Get([]byte{keyIdentity})
	if err != nil {
		return store.Identity{}, err
	}
	if data == nil {
		return store.Identity{}, store.ErrNotFound
	}
	identity, err := decodeIdentity(data)
	if err != nil {
		return store.Identity{}, err
	}
	identity.Votes, err = decodeVotes(v.Get([]byte{keyVotes}))
	return identity, err
}

// each visits the keys that begin with prefix and are not below prefix + from, in ascending order,
// until visit returns false or an error. rest is the key without the prefix.
func (v view) each(prefix, from []byte, visit func(rest, value []byte) (bool, error)) error {
	return v.Scan(append(slices.Clone(prefix), from...), prefixEnd(prefix), func(k, value []byte) (bool, error) {
		return visit(k[len(prefix):], value)
	})
}

// header returns the stored header of the block with this ID. The error is store.ErrNotFound, a
// *store.CorruptError, or one of the database.
func (v view) header(id block.ID) (signed block.SignedHeader, err error) {
	data, err := v.Get(key(keyHeader, id[:]))
	if err != nil {
		return signed, ofBlock(id, err)
	}
	if data == nil {
		return signed, store.ErrNotFound
	}
	if err := canonical.DecodeStored(data, &signed); err != nil {
		return signed, store.Corrupt(id, fmt.Errorf("decode stored header: %w", err))
	}
	return signed, store.CheckHeader(id, signed.Header)
}

// ofBlock makes an error that wraps store.ErrCorrupt one about the block with this ID.
func ofBlock(id block.ID, err error) error {
	if errors.Is(err, store.ErrCorrupt) {
		return store.Corrupt(id, err)
	}
	return err
}

func (v view) body(id block.ID) (body, error) {
	data, err := v.Get(key(keyBody, id[:]))
	if err != nil || data == nil {
		return body{}, ofBlock(id, err)
	}
	b, err := decodeBody(data)
	return b, ofBlock(id, err)
}

// held is a stored block whose messages were not read yet.
type held struct {
	id block.ID
	block.SignedHeader
	body body
}

func (v view) held(id block.ID) (h held, err error) {
	h.id = id
	if h.SignedHeader, err = v.header(id); err == nil {
		h.body, err = v.body(id)
	}
	return h, err
}

// bytes is equal to the block's store.Certified.Bytes.
func (h held) bytes() int {
	if h.body.whole || h.Header.Count == 0 {
		return int(h.body.bytes)
	}
	return len(canonical.Encode(h.SignedHeader))
}

// block reads the messages, and checks that they are those of the header.
func (v view) block(h held) (block.Block, error) {
	b := block.Block{SignedHeader: h.SignedHeader, Messages: make([]block.Message, 0, len(h.body.numbers))}
	for _, n := range h.body.numbers {
		data, err := v.Get(key(keyMessage, number(n)))
		if err != nil {
			return block.Block{}, ofBlock(h.id, err)
		}
		m, err := block.DecodeStoredMessage(data)
		if err != nil {
			return block.Block{}, store.CorruptBody(h.id, h.SignedHeader, fmt.Errorf("decode stored message %d: %w", n, err))
		}
		b.Messages = append(b.Messages, m)
	}
	if err := store.CheckBody(h.id, b); err != nil {
		return block.Block{}, err
	}
	return b, nil
}

// proof returns the certificate of the block with this ID, or store.ErrNotFound.
func (v view) proof(id block.ID) (certificate.Certificate, error) {
	data, err := v.Get(key(keyCertificate, id[:]))
	if err != nil {
		return certificate.Certificate{}, ofBlock(id, err)
	}
	if data == nil {
		return certificate.Certificate{}, store.ErrNotFound
	}
	// No limit is needed here: the certificate's size was checked before it was stored.
	proof, err := certificate.Decode(data, len(data))
	if err != nil {
		return proof, store.Corrupt(id, fmt.Errorf("decode stored certificate: %w", err))
	}
	return proof, nil
}

// certified adds the certificate and the messages to h. It returns store.ErrNotFound if the block
// is not certified.
func (v view) certified(id block.ID, h held) (store.Certified, error) {
	proof, err := v.proof(id)
	if err != nil {
		return store.Certified{}, err
	}
	if err := store.CheckCertificate(id, h.SignedHeader, proof); err != nil {
		return store.Certified{}, err
	}
	b, err := v.block(h)
	if err != nil {
		return store.Certified{}, err
	}
	return store.Certified{Block: b, Certificate: proof}, nil
}

// locate completes the *store.CorruptError in err, if there is one.
func (v view) locate(err error, id block.ID, slot block.Slot, sequence uint64) error {
	if !errors.Is(err, store.ErrCorrupt) {
		return err
	}
	proof, missing := v.proof(id)
	if missing != nil {
		return store.Locate(err, slot, sequence, nil)
	}
	return store.Locate(err, slot, sequence, &proof)
}

// Load returns the state of a group from one snapshot; see store.Store.
func (s *Store) Load(ctx context.Context, group membership.ID) (state store.State, err error) {
	err = s.view(ctx, func(v view) error {
		if state.Chains, err = v.chains(group); err != nil {
			return err
		}
		if state.Evidence, err = v.evidence(key(keyEvidence, group[:])); err != nil {
			return err
		}
		state.Forks, err = v.forks(key(keyFork, group[:]))
		return err
	})
	if err != nil {
		return store.State{}, fmt.Errorf("load group %s: %w", group, err)
	}
	return state, nil
}

func (v view) chains(group membership.ID) (all []store.Chain, err error) {
	err = v.each(key(keyChain, group[:]), nil, func(creator, value []byte) (bool, error) {
		if err := checkLength(creator, 32, "creator"); err != nil {
			return false, err
		}
		certified, delivered, err := decodePair(value, "chain")
		all = append(all, store.Chain{Creator: keys.Public(creator), Certified: certified, Delivered: delivered})
		return true, err
	})
	for i := range all {
		if err == nil {
			err = v.fillChain(group, &all[i])
		}
	}
	return all, err
}

// fillChain sets the chain's tip and its votes.
func (v view) fillChain(group membership.ID, c *store.Chain) error {
	slot := block.Slot{Group: group, Creator: c.Creator, Height: c.Certified}
	if c.Certified > 0 {
		data, err := v.Get(slotKey(keyCertified, slot))
		if err != nil {
			return err
		}
		if err := checkLength(data, 40, "certified slot"); err != nil {
			return err
		}
		c.Tip = block.ID(data[8:])
	}
	var voted []store.LostVote // until its block is found
	err := v.each(key(keyVote, group[:], c.Creator[:]), number(c.Certified+1), func(height, value []byte) (bool, error) {
		if err := errors.Join(checkLength(height, 8, "height of a vote"), checkLength(value, 32, "vote")); err != nil {
			return false, err
		}
		voted = append(voted, store.LostVote{Height: binary.BigEndian.Uint64(height), Block: block.ID(value)})
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, at := range voted {
		h, err := v.held(at.Block)
		if err == nil {
			var b block.Block
			if b, err = v.block(h); err == nil {
				c.Votes = append(c.Votes, b)
				continue
			}
		}
		switch {
		case errors.Is(err, store.ErrNotFound):
			err = store.Corrupt(at.Block, errors.New("its header is missing"))
		case !errors.Is(err, store.ErrCorrupt):
			return err
		}
		at.Err = err
		c.Lost = append(c.Lost, at)
	}
	return nil
}

// Block returns a stored block; see store.Store.
func (s *Store) Block(ctx context.Context, id block.ID) (found block.Block, err error) {
	err = s.view(ctx, func(v view) error {
		h, err := v.held(id)
		if err == nil {
			found, err = v.block(h)
		}
		if err == nil && found.Pruned() {
			return store.ErrPruned
		}
		return v.locate(err, id, block.Slot{}, 0)
	})
	if err != nil {
		return block.Block{}, fmt.Errorf("load block %s: %w", id.Short(), err)
	}
	return found, nil
}

// CertifiedByID returns a certified block; see store.Store.
func (s *Store) CertifiedByID(ctx context.Context, id block.ID) (found store.Certified, err error) {
	err = s.view(ctx, func(v view) error {
		h, err := v.held(id)
		if err == nil {
			found, err = v.certified(id, h)
		}
		return v.locate(err, id, block.Slot{}, 0)
	})
	if err != nil {
		return store.Certified{}, fmt.Errorf("load certified block %s: %w", id.Short(), err)
	}
	return found, nil
}

// Certified returns the certified block of a slot; see store.Store.
func (s *Store) Certified(ctx context.Context, slot block.Slot) (store.Certified, error) {
	found, err := s.CertifiedFrom(ctx, slot, 1, 0)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("load certified block of slot %s: %w", slot, store.ErrNotFound)
	}
	if err != nil {
		return store.Certified{}, err
	}
	return found[0], nil
}

// Header returns the header of a certified block; see store.Store.
func (s *Store) Header(ctx context.Context, slot block.Slot) (found block.SignedHeader, err error) {
	err = s.view(ctx, func(v view) error {
		data, err := v.Get(slotKey(keyCertified, slot))
		switch {
		case err != nil:
			return err
		case data == nil:
			return store.ErrNotFound
		}
		if err := checkLength(data, 40, "certified slot"); err != nil {
			return err
		}
		id := block.ID(data[8:])
		signed, err := v.header(id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			err = store.Corrupt(id, errors.New("its header is missing"))
		case err == nil:
			found = signed
		}
		return v.locate(err, id, slot, 0)
	})
	if err != nil {
		return block.SignedHeader{}, fmt.Errorf("load header of slot %s: %w", slot, err)
	}
	return found, nil
}

// pager reads blocks up to the bounds of one call of CertifiedFrom or List.
type pager struct {
	view
	count, bytes int
	taken, total int
}

// next reads the block with that ID unless it exceeds the bounds, or is damaged and not the first.
// within reports whether it was read. slot and sequence are those of the block, or zero.
func (p *pager) next(id block.ID, slot block.Slot, sequence uint64) (c store.Certified, within bool, err error) {
	if p.taken >= p.count {
		return c, false, nil
	}
	h, err := p.held(id)
	if err == nil {
		if p.total += h.bytes(); p.taken > 0 && p.total > p.bytes {
			return c, false, nil
		}
		c, err = p.certified(id, h)
	}
	switch {
	case err == nil:
		p.taken++
		return c, true, nil
	case errors.Is(err, store.ErrNotFound):
		err = store.Corrupt(id, errors.New("its header or certificate is missing"))
	}
	if p.taken > 0 && errors.Is(err, store.ErrCorrupt) {
		return c, false, nil // the next read begins with it and reports it
	}
	return c, false, p.locate(err, id, slot, sequence)
}

// CertifiedFrom returns consecutive blocks of a chain; see store.Store.
func (s *Store) CertifiedFrom(ctx context.Context, from block.Slot, count, bytes int) (found []store.Certified, err error) {
	if count <= 0 {
		return nil, nil
	}
	err = s.view(ctx, func(v view) error {
		page, height := pager{view: v, count: count, bytes: bytes}, from.Height
		return v.each(key(keyCertified, from.Group[:], from.Creator[:]), number(from.Height), func(at, value []byte) (bool, error) {
			if err := checkLength(value, 40, "certified slot"); err != nil {
				return false, err
			}
			if binary.BigEndian.Uint64(at) != height {
				return false, nil
			}
			slot := from
			slot.Height = height
			height++
			c, within, err := page.next(block.ID(value[8:]), slot, 0)
			if within {
				found = append(found, c)
			}
			return within && height > 0, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("load certified blocks from slot %s: %w", from, err)
	}
	return found, nil
}

// List returns certified blocks in the order in which they were committed; see store.Store.
func (s *Store) List(ctx context.Context, from uint64, creator keys.Public, count, bytes int) (found []store.Entry, err error) {
	if count <= 0 || from == math.MaxUint64 {
		return nil, nil
	}
	prefix := []byte{keySequence}
	if (creator != keys.Public{}) {
		prefix = key(keyCreator, creator[:])
	}
	err = s.view(ctx, func(v view) error {
		page := pager{view: v, count: count, bytes: bytes}
		return v.each(prefix, number(from+1), func(at, value []byte) (bool, error) {
			if err := checkLength(value, 32, "sequence"); err != nil {
				return false, err
			}
			sequence := binary.BigEndian.Uint64(at)
			c, within, err := page.next(block.ID(value), block.Slot{}, sequence)
			if within {
				found = append(found, store.Entry{Sequence: sequence, Certified: c})
			}
			return within, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list blocks after sequence %d: %w", from, err)
	}
	return found, nil
}

// Equivocations returns the evidence of all groups; see store.Store.
func (s *Store) Equivocations(ctx context.Context) (all []store.Evidence, err error) {
	err = s.view(ctx, func(v view) error {
		if all, err = v.evidence([]byte{keyEvidence}); err != nil {
			return err
		}
		return sortByGroup(v, all, func(e store.Evidence) membership.ID { return e.A.Header.Group })
	})
	if err != nil {
		return nil, fmt.Errorf("load equivocations: %w", err)
	}
	return all, nil
}

// evidence returns the stored evidence whose keys begin with prefix, in the order of groups and
// creators.
func (v view) evidence(prefix []byte) (all []store.Evidence, err error) {
	err = v.each(prefix, nil, func(_, value []byte) (bool, error) {
		e, err := decodeEvidence(value)
		all = append(all, e)
		return true, err
	})
	return all, err
}

// sortByGroup sorts what is in the order of groups' IDs and creators by the groups' numbers. Groups
// that were not recorded come last.
func sortByGroup[T any](v view, all []T, groupOf func(T) membership.ID) error {
	numbers := map[membership.ID]uint64{}
	for _, e := range all {
		group := groupOf(e)
		if _, ok := numbers[group]; ok {
			continue
		}
		numbers[group] = math.MaxUint64
		at, err := v.Get(key(keyGroupID, group[:]))
		if err != nil {
			return err
		}
		if len(at) == 8 {
			numbers[group] = binary.BigEndian.Uint64(at)
		}
	}
	slices.SortStableFunc(all, func(a, b T) int { return cmp.Compare(numbers[groupOf(a)], numbers[groupOf(b)]) })
	return nil
}

// Groups returns the recorded groups; see store.Store.
func (s *Store) Groups(ctx context.Context) (groups []store.Group, err error) {
	err = s.view(ctx, func(v view) error {
		return v.each([]byte{keyGroup}, nil, func(_, value []byte) (bool, error) {
			g, err := decodeGroup(value)
			groups = append(groups, g)
			return true, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("load groups: %w", err)
	}
	return groups, nil
}
