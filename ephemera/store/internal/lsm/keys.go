package lsm

import (
	"encoding/binary"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// A key is one of these bytes, its kind, followed by the parts that the comment names before the
// arrow. Numbers have 8 bytes, big endian, so that keys sort numerically; groups, creators and IDs
// have 32; a slot is group, creator, height. Headers, certificates, evidence, groups and messages
// are encoded by package canonical. A body is whole if the store holds its messages.
const (
	keyVersion = 'v' // -> layout version
	// -> newest sequence, newest message number, running time in milliseconds, and the latest signed
	// time of messages of own blocks whose IDs were forgotten, or -1
	keyCounters    = 'c'
	keyIdentity    = 'i' // -> identity
	keyVotes       = 'W' // -> number of commits that held votes; 0 if it does not exist
	keyChain       = 'N' // group, creator -> highest contiguous certified height, delivered height
	keyVote        = 'V' // slot -> block ID; never removed
	keyHeader      = 'H' // block ID -> signed header
	keyBody        = 'B' // block ID -> body; blocks without messages have none
	keyCertified   = 'C' // slot -> sequence, block ID
	keyCertificate = 'P' // block ID -> certificate
	keySequence    = 'S' // sequence -> block ID
	keyCreator     = 'O' // creator, sequence -> block ID
	keyMessage     = 'M' // number -> message
	keyMessageID   = 'R' // message ID -> number, count of whole bodies that contain it
	keyEvidence    = 'E' // group, creator -> two signed headers
	keyFork        = 'X' // group, creator -> two certificates of one slot
	keyGroup       = 'G' // number -> closed (1 byte), group
	keyGroupID     = 'D' // group -> number
	// Index of the certified blocks whose body is whole:
	// slot -> running time at which the block came here, newest signed time, block ID
	keyWhole = 'Q'
	// Index of the bodies whose messages were removed: newest signed time, block ID -> running time at
	// which the block came here; nothing if they were removed by layout version 1
	keyRemoved = 'F'
)

func key(kind byte, parts ...[]byte) []byte {
	k := make([]byte, 1, 80)
	k[0] = kind
	for _, p := range parts {
		k = append(k, p...)
	}
	return k
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func slotKey(kind byte, s block.Slot) []byte {
	return key(kind, s.Group[:], s.Creator[:], number(s.Height))
}

// prefixEnd returns the least key greater than all keys that begin with prefix. The first byte of
// prefix must be less than 0xff.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; ; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
}

// checkLength returns an error unless data, which is a stored what, has want bytes.
func checkLength(data []byte, want int, what string) error {
	if len(data) != want {
		return store.Corruptf("decode stored %s: %d bytes, expected %d", what, len(data), want)
	}
	return nil
}

// decodePair decodes two numbers. It returns zeros if data is nil.
func decodePair(data []byte, what string) (a, b uint64, err error) {
	if data == nil {
		return 0, 0, nil
	}
	if err := checkLength(data, 16, what); err != nil {
		return 0, 0, err
	}
	return binary.BigEndian.Uint64(data), binary.BigEndian.Uint64(data[8:]), nil
}

type wireIdentity struct {
	_            struct{} `cbor:",toarray"`
	Network      string
	Key          keys.Public
	Starts       uint64
	MutedThrough uint64
}

func encodeIdentity(i store.Identity) []byte {
	return canonical.Encode(wireIdentity{Network: i.Network, Key: i.Key, Starts: i.Starts, MutedThrough: i.MutedThrough})
}

func decodeIdentity(data []byte) (store.Identity, error) {
	var w wireIdentity
	if err := canonical.DecodeStored(data, &w); err != nil {
		return store.Identity{}, store.Corruptf("decode stored identity: %w", err)
	}
	return store.Identity{Network: w.Network, Key: w.Key, Starts: w.Starts, MutedThrough: w.MutedThrough}, nil
}

// decodeVotes decodes what is stored under keyVotes. It passes on an error of reading it.
func decodeVotes(data []byte, err error) (uint64, error) {
	if err != nil || data == nil {
		return 0, err
	}
	if err := checkLength(data, 8, "count of votes"); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(data), nil
}

type wireEvidence struct {
	_    struct{} `cbor:",toarray"`
	A, B block.SignedHeader
}

func decodeEvidence(data []byte) (store.Evidence, error) {
	var w wireEvidence
	if err := canonical.DecodeStored(data, &w); err != nil {
		return store.Evidence{}, store.Corruptf("decode stored evidence: %w", err)
	}
	return store.Evidence{A: w.A, B: w.B}, nil
}

// body is what is stored under keyBody about a block's messages.
type body struct {
	whole   bool   // the messages are stored
	bytes   uint64 // size of the encoded messages together
	leaves  []leaves.Leaf
	numbers []uint64 // of the messages (keyMessage) if whole
}

// encode concatenates whole (1 byte), bytes (8), the number of leaves (4), the leaves and, if
// whole, the numbers (8 bytes each).
func (b body) encode() []byte {
	data := []byte{0}
	if b.whole {
		data[0] = 1
	}
	data = binary.BigEndian.AppendUint64(data, b.bytes)
	data = binary.BigEndian.AppendUint32(data, uint32(len(b.leaves)))
	data = append(data, leaves.Encode(b.leaves)...)
	if b.whole {
		for _, n := range b.numbers {
			data = binary.BigEndian.AppendUint64(data, n)
		}
	}
	return data
}

const bodyHead = 1 + 8 + 4

func decodeBody(data []byte) (b body, err error) {
	if len(data) < bodyHead {
		return b, checkLength(data, bodyHead, "body")
	}
	if data[0] > 1 {
		return b, store.Corruptf("decode stored body: first byte is %d, expected 0 or 1", data[0])
	}
	b.whole, b.bytes = data[0] == 1, binary.BigEndian.Uint64(data[1:])
	count := int(binary.BigEndian.Uint32(data[9:]))
	want := bodyHead + count*leaves.Bytes
	if b.whole {
		want += 8 * count
	}
	if err := checkLength(data, want, "body"); err != nil {
		return b, err
	}
	data = data[bodyHead:]
	if b.leaves, err = leaves.Decode(data[:count*leaves.Bytes]); err != nil || !b.whole {
		return b, err
	}
	for data = data[count*leaves.Bytes:]; len(data) > 0; data = data[8:] {
		b.numbers = append(b.numbers, binary.BigEndian.Uint64(data))
	}
	return b, nil
}

// encodeGroup returns the value stored under keyGroup.
func encodeGroup(g store.Group) []byte {
	data := []byte{0}
	if g.Closed {
		data[0] = 1
	}
	return append(data, g.Group.Encode()...)
}

func decodeGroup(data []byte) (store.Group, error) {
	if len(data) == 0 {
		return store.Group{}, store.Corruptf("decode stored group: it is empty")
	}
	g, err := membership.DecodeStoredGroup(data[1:])
	if err != nil {
		return store.Group{}, store.Corruptf("decode stored group: %w", err)
	}
	return store.Group{Group: g, Closed: data[0] == 1}, nil
}
