// Package leaves encodes what a store keeps of a block's messages after the messages themselves
// were removed: each message's ID, which is a leaf of the block's Merkle tree, with its sender and
// signed time, in the block's order. The encoding is local to a store and never signed or sent.
package leaves

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Leaf describes one message.
type Leaf struct {
	ID     block.MessageID
	Sender keys.Public
	Time   int64 // as signed, milliseconds since 1970
}

// Bytes is the length of an encoded Leaf.
const Bytes = len(block.MessageID{}) + len(keys.Public{}) + 8

// Of returns the leaves of a block that has its messages.
func Of(b block.Block) []Leaf {
	all := make([]Leaf, len(b.Messages))
	for i, m := range b.Messages {
		all[i] = Leaf{ID: m.ID(), Sender: m.Sender(), Time: m.Time()}
	}
	return all
}

// Newest returns the latest signed time, but never less than 0.
func Newest(all []Leaf) int64 {
	newest := int64(0)
	for _, l := range all {
		newest = max(newest, l.Time)
	}
	return newest
}

// Encode concatenates the leaves: for each ID, sender, time (8 bytes, big endian).
func Encode(all []Leaf) []byte {
	data := make([]byte, 0, len(all)*Bytes)
	for _, l := range all {
		data = append(append(data, l.ID[:]...), l.Sender[:]...)
		data = binary.BigEndian.AppendUint64(data, uint64(l.Time))
	}
	return data
}

// Decode is the inverse of Encode. It fails if data is not a whole number of leaves.
func Decode(data []byte) ([]Leaf, error) {
	if len(data)%Bytes != 0 {
		return nil, fmt.Errorf("%w: decode stored message IDs: %d bytes, expected a multiple of %d", store.ErrCorrupt, len(data), Bytes)
	}
	all := make([]Leaf, 0, len(data)/Bytes)
	for one := range slices.Chunk(data, Bytes) {
		all = append(all, Leaf{
			ID:     block.MessageID(one[:32]),
			Sender: keys.Public(one[32:64]),
			Time:   int64(binary.BigEndian.Uint64(one[64:])),
		})
	}
	return all, nil
}
