// Package leaves is what stores keep of a block's messages when the messages themselves are
// removed: in the block's order, each ID, which is a leaf of the block's Merkle tree, with the
// sender and the signed time. It is plain bytes, and nothing of it is signed.
package leaves

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Leaf tells of one message.
type Leaf struct {
	ID     block.MessageID
	Sender keys.Public
	Time   int64 // as signed, milliseconds since 1970
}

// Bytes is the length of an encoded leaf.
const Bytes = len(block.MessageID{}) + len(keys.Public{}) + 8

// Of returns the leaves of a whole block.
func Of(b block.Block) []Leaf {
	all := make([]Leaf, len(b.Messages))
	for i, m := range b.Messages {
		all[i] = Leaf{ID: m.ID(), Sender: m.Sender(), Time: m.Time()}
	}
	return all
}

// Newest returns the latest signed time, 0 where there is none.
func Newest(all []Leaf) int64 {
	newest := int64(0)
	for _, l := range all {
		newest = max(newest, l.Time)
	}
	return newest
}

// Encode writes the leaves one behind the other: ID, sender, time (8 bytes, big endian).
func Encode(all []Leaf) []byte {
	data := make([]byte, 0, len(all)*Bytes)
	for _, l := range all {
		data = append(append(data, l.ID[:]...), l.Sender[:]...)
		data = binary.BigEndian.AppendUint64(data, uint64(l.Time))
	}
	return data
}

// Decode reads what Encode wrote.
func Decode(data []byte) ([]Leaf, error) {
	if len(data)%Bytes != 0 {
		return nil, fmt.Errorf("stored leaves have %d bytes, expected a multiple of %d", len(data), Bytes)
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
