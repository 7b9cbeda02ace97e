package mempool

import (
	"cmp"
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// SenderDigest is the digest of the messages of one sender that have been here for a while.
type SenderDigest struct {
	Sender keys.Public
	Digest block.Digest
	Change uint64 // in the order of changes, from 1
}

// digests holds the digest of each sender's messages. A digest is computed again only after that
// sender's messages changed.
type digests struct {
	stale   []*share // to be computed
	ordered []*share // with a digest, by change
	changes uint64
}

// changed notes that a sender's messages changed. A share without messages stays until the next
// RefreshDigests, which has to see that it is empty.
func (d *digests) changed(s *share) {
	if !s.stale {
		s.stale = true
		d.stale = append(d.stale, s)
	}
}

// RefreshDigests updates the digests, so that they cover the messages that arrived before a
// Moment.Now. Settled reports whether they cover all.
func (p *Mempool) RefreshDigests(before int64) (settled bool) {
	d := &p.digests
	stale, renewed := d.stale, d.changes
	d.stale = nil
	for _, s := range stale {
		s.stale = false
		s.listed = s.ids(before)
		if len(s.listed) < len(s.entries) {
			d.changed(s)
		}
		if digest := s.digestOf(s.listed); digest != s.digest {
			d.changes++
			s.digest, s.change = digest, d.changes
			p.Dismiss(digest)
		}
		if s.count == 0 {
			delete(p.bySender, s.sender)
		}
	}
	if d.changes > renewed {
		d.order(stale, renewed)
	}
	return len(d.stale) == 0
}

// order moves the digests that changed to the end.
func (d *digests) order(stale []*share, before uint64) {
	listed := func(s *share) bool { return s.change <= before && len(s.listed) > 0 }
	d.ordered = slices.DeleteFunc(d.ordered, func(s *share) bool { return !listed(s) })
	for _, s := range stale {
		if s.change > before && len(s.listed) > 0 {
			d.ordered = append(d.ordered, s)
		}
	}
}

// DigestChanges counts the changes of digests.
func (p *Mempool) DigestChanges() uint64 { return p.digests.changes }

// Digests returns the digests that changed after a change, in the order of changes, at most as many
// as asked for.
func (p *Mempool) Digests(after uint64, most int) []SenderDigest {
	ordered := p.digests.ordered
	first, _ := slices.BinarySearchFunc(ordered, after+1, func(s *share, change uint64) int { return cmp.Compare(s.change, change) })
	ordered = ordered[first:min(len(ordered), first+most)]
	out := make([]SenderDigest, len(ordered))
	for i, s := range ordered {
		out[i] = SenderDigest{Sender: s.sender, Digest: s.digest, Change: s.change}
	}
	return out
}

// Listed returns the messages that a sender's digest covers, ascending. The caller must not change
// them.
func (p *Mempool) Listed(sender keys.Public) []block.MessageID { return p.share(sender).listed }

// Agrees reports whether a digest is that of a sender's messages here: of those that its digest
// covers, or of all.
func (p *Mempool) Agrees(sender keys.Public, digest block.Digest) bool {
	s := p.share(sender)
	if digest == s.digest {
		return true
	}
	return digest == s.digestOfAll()
}

// digestOfAll returns the digest of all messages, however young.
func (s *share) digestOfAll() block.Digest {
	if !s.allKnown {
		s.all, s.allKnown = s.digestOf(s.ids(math.MaxInt64)), true
	}
	return s.all
}

// Dismissed reports whether nothing is wanted of what a digest covers, as far as is remembered: it
// was the digest of a sender's messages here, which are still here or left for good, or it was
// dismissed. When more may be wanted, because the clock was set or senders were added, all are
// forgotten.
func (p *Mempool) Dismissed(digest block.Digest) bool { return p.dismissed.has(digest) }

// Dismiss says that nothing is wanted of what a digest covers.
func (p *Mempool) Dismiss(digest block.Digest) {
	if digest != (block.Digest{}) {
		p.dismissed.add(digest)
	}
}

// dismissPresent dismisses the digests of the senders of some messages that are about to leave for
// good: members in whose blocks they are later still name them.
func (p *Mempool) dismissPresent(ids []block.MessageID) {
	for _, id := range ids {
		if entry, ok := p.entries[id]; ok {
			p.Dismiss(p.bySender[entry.Message.Sender()].digestOfAll())
		}
	}
}
