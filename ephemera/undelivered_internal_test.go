package ephemera

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// certifiedAt returns a block without messages.
func certifiedAt(creator byte, height uint64) store.Certified {
	header := block.Header{Creator: keys.Public{creator}, Height: height}
	return store.Certified{Block: block.Block{SignedHeader: block.SignedHeader{Header: header}}}
}

func certifiedRange(creator byte, from, to uint64) (all []store.Certified) {
	for height := from; height <= to; height++ {
		all = append(all, certifiedAt(creator, height))
	}
	return all
}

func writesOf(blocks []store.Certified) (writes []store.Write) {
	for _, c := range blocks {
		writes = append(writes, store.PutCertified(c))
	}
	return writes
}

// keptOf returns the heights of a chain that can be delivered from memory, one after the other.
func keptOf(u *undelivered, creator byte, from uint64) (heights []uint64) {
	slot := block.Slot{Creator: keys.Public{creator}, Height: from}
	for {
		if _, ok := u.next(slot); !ok {
			return heights
		}
		heights = append(heights, slot.Height)
		u.delivered(slot)
		slot.Height++
	}
}

func heightsOf(from, to uint64) (heights []uint64) {
	for ; from <= to; from++ {
		heights = append(heights, from)
	}
	return heights
}

// Each chain keeps its next blocks up to its share, so that no other chain can take the room.
func TestUndeliveredBlocksAreKeptByChain(t *testing.T) {
	const share = 10 * undeliveredBlock
	u := &undelivered{share: share, chains: map[block.Slot]*upcoming{}}
	u.note(writesOf(certifiedRange(1, 1, 100)))
	u.note(writesOf(certifiedRange(2, 5, 8)))
	require.Equal(t, 14*undeliveredBlock, u.bytes)
	require.Equal(t, heightsOf(1, 10), keptOf(u, 1, 1))
	require.Equal(t, heightsOf(5, 8), keptOf(u, 2, 5))
	require.Zero(t, u.bytes)
	require.Empty(t, u.chains)
}

// All chains together keep no more than the bound.
func TestUndeliveredBlocksAreBounded(t *testing.T) {
	u := newUndelivered(1)
	for creator := range byte(2) {
		u.note(writesOf(certifiedRange(creator, 1, undeliveredBytes/undeliveredBlock*2/3)))
	}
	require.LessOrEqual(t, u.bytes, undeliveredBytes)
	require.Len(t, u.chains, 2)
}

// What was left out is read later. The blocks read take the place of later ones, which are read
// after them: so a range is never read for one block.
func TestUndeliveredBlocksThatWereReadContinue(t *testing.T) {
	u := newUndelivered(4)
	u.note(writesOf(certifiedRange(1, 90, 99)))
	_, ok := u.next(block.Slot{Creator: keys.Public{1}, Height: 20})
	require.False(t, ok)
	u.keep(certifiedRange(1, 20, 83))
	u.note(writesOf(certifiedRange(1, 100, 110))) // not the next ones
	require.Equal(t, heightsOf(20, 83), keptOf(u, 1, 20))
	require.Zero(t, u.bytes)
}

// A block that the store may hold in a better form is read from it, and one of a chain that stopped
// is forgotten.
func TestUndeliveredBlocksFollowTheStore(t *testing.T) {
	u := newUndelivered(4)
	pruned := certifiedAt(1, 1)
	pruned.Block.Header.Count = 3
	require.True(t, pruned.Block.Pruned())
	u.note(writesOf([]store.Certified{pruned}))
	require.Empty(t, keptOf(u, 1, 1))

	u.note(writesOf(certifiedRange(1, 1, 3)))
	u.note([]store.Write{store.PutRepaired(certifiedAt(1, 2))})
	require.Empty(t, keptOf(u, 1, 1))

	u.note(writesOf(certifiedRange(1, 1, 3)))
	slot := certifiedAt(1, 3).Block.Header.Slot()
	u.note([]store.Write{store.PutFork{Fork: store.Fork{A: certificate.Certificate{Slot: slot}}}})
	require.Empty(t, keptOf(u, 1, 1))
	require.Zero(t, u.bytes)
}
