package mempool

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// share is what one sender has in the mempool.
type share struct {
	sender  keys.Public
	entries []*Entry
	bytes   int
	full    bool // a message did not fit into SenderBytes, and none has left since

	stale  bool              // in digests.stale: it changed, or holds messages that are too young
	listed []block.MessageID // ascending: what digest covers
	digest block.Digest
	change uint64 // number of the change that made digest; 0: nothing is listed

	all      block.Digest // of all entries
	allKnown bool
}

// share returns the share of a sender, to read it. It is empty if the sender has none.
func (p *Mempool) share(sender keys.Public) *share {
	if sent, ok := p.bySender[sender]; ok {
		return sent
	}
	return &share{sender: sender}
}

func (s *share) insert(entry *Entry) {
	entry.place = len(s.entries)
	s.entries = append(s.entries, entry)
	s.bytes += entry.Message.Size()
	s.allKnown = false
}

func (s *share) remove(entry *Entry) {
	last := len(s.entries) - 1
	s.entries[entry.place] = s.entries[last]
	s.entries[entry.place].place = entry.place
	s.entries[last] = nil
	s.entries = s.entries[:last]
	s.bytes -= entry.Message.Size()
	s.full, s.allKnown = false, false
}

// ids returns the messages that arrived before a moment, ascending.
func (s *share) ids(before int64) []block.MessageID {
	ids := make([]block.MessageID, 0, len(s.entries))
	for _, entry := range s.entries {
		if entry.Since < before {
			ids = append(ids, entry.Message.ID())
		}
	}
	slices.SortFunc(ids, func(a, b block.MessageID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// digestOf returns the digest of some of the messages. It is zero for an empty list.
func (s *share) digestOf(ids []block.MessageID) block.Digest {
	if len(ids) == 0 {
		return block.Digest{}
	}
	return block.DigestMessages(s.entries[0].Message.Network(), ids)
}
