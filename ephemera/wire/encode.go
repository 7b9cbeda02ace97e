package wire

import (
	"bytes"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
)

// rawHeld is Held on the wire. A missing certificate is an empty byte string.
type rawHeld struct {
	_           struct{} `cbor:",toarray"`
	Block       []byte
	Certificate []byte
}

type rawBlocks struct {
	_      struct{}  `cbor:",toarray"`
	Blocks []rawHeld `most:"64"` // MaxBlocks
}

// itemHeadBytes is the longest head of a byte string on the wire.
const itemHeadBytes = 5

type rawMessages struct {
	_        struct{} `cbor:",toarray"`
	Messages [][]byte `most:"1024"` // MaxListings
}

// AppendCanonical appends what was decoded, for canonical.Decode to compare.
func (r *rawBlocks) AppendCanonical(dst []byte) []byte {
	dst = canonical.AppendArray(canonical.AppendArray(dst, 1), len(r.Blocks))
	for _, held := range r.Blocks {
		dst = canonical.AppendBytes(canonical.AppendBytes(canonical.AppendArray(dst, 2), held.Block), held.Certificate)
	}
	return dst
}

// AppendCanonical appends what was decoded, for canonical.Decode to compare.
func (r *rawMessages) AppendCanonical(dst []byte) []byte {
	dst = canonical.AppendArray(canonical.AppendArray(dst, 1), len(r.Messages))
	for _, data := range r.Messages {
		dst = canonical.AppendBytes(dst, data)
	}
	return dst
}

var _ = []canonical.Taker{(*rawBlocks)(nil), (*rawMessages)(nil)}

// TakeCanonical implements canonical.Taker. The elements are parts of the input.
func (r *rawBlocks) TakeCanonical(from *canonical.Items) {
	from.Array()
	r.Blocks = make([]rawHeld, from.Array())
	for i := range r.Blocks {
		from.Array()
		r.Blocks[i].Block, r.Blocks[i].Certificate = from.Bytes(), from.Bytes()
	}
}

// TakeCanonical implements canonical.Taker. The elements are parts of the input.
func (r *rawMessages) TakeCanonical(from *canonical.Items) {
	from.Array()
	r.Messages = make([][]byte, from.Array())
	for i := range r.Messages {
		r.Messages[i] = from.Bytes()
	}
}

// Encode returns the bytes of a frame.
func Encode(frame Frame) []byte {
	out := append(make([]byte, 0, smallBytes/4+bodyBytes(frame)), byte(frame.kind()))
	switch f := frame.(type) {
	case Proposal:
		return f.Proposal.AppendCanonical(out)
	case Echo:
		return f.Echo.AppendCanonical(out)
	case Certificate:
		return f.Certificate.AppendCanonical(out)
	case Messages:
		out = canonical.AppendArray(canonical.AppendArray(out, 1), len(f.Messages))
		for i := range f.Messages {
			m := &f.Messages[i]
			out = m.AppendCanonical(canonical.AppendBytesHead(out, m.Size()))
		}
		return out
	case Blocks:
		return f.append(out)
	case canonical.Appender: // all others
		return f.AppendCanonical(out)
	}
	panic(fmt.Sprintf("wire: unknown frame %T", frame))
}

// MostBytes returns a bound on the length of a frame that carries messages, evidence or the
// description of a group, without encoding it.
func MostBytes(frame Frame) int {
	if description, ok := frame.(Description); ok {
		return smallBytes + 40*description.Group.N()
	}
	return smallBytes + bodyBytes(frame)
}

// bodyBytes returns the length of the messages in a Messages frame.
func bodyBytes(frame Frame) (size int) {
	if f, ok := frame.(Messages); ok {
		for i := range f.Messages {
			size += itemHeadBytes + f.Messages[i].Size()
		}
	}
	return size
}

// append appends the frame's body: see rawBlocks.
func (f Blocks) append(dst []byte) []byte {
	dst = canonical.AppendArray(canonical.AppendArray(dst, 1), len(f.Blocks))
	for _, held := range f.Blocks {
		dst = canonical.AppendBytes(canonical.AppendArray(dst, 2), held.Block.Encode())
		var proof []byte
		if held.Certificate != nil {
			proof = held.Certificate.Encode()
		}
		dst = canonical.AppendBytes(dst, proof)
	}
	return dst
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f Rejection) AppendCanonical(dst []byte) []byte {
	return canonical.AppendBytes(f.Slot.AppendCanonical(canonical.AppendArray(dst, 2)), f.Block[:])
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f GetMessages) AppendCanonical(dst []byte) []byte {
	return block.AppendIDs(canonical.AppendArray(dst, 1), f.IDs)
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f GetBlock) AppendCanonical(dst []byte) []byte {
	return canonical.AppendBytes(f.Slot.AppendCanonical(canonical.AppendArray(dst, 2)), f.Block[:])
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f GetCertified) AppendCanonical(dst []byte) []byte {
	return f.From.AppendCanonical(canonical.AppendArray(dst, 1))
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f Frontier) AppendCanonical(dst []byte) []byte {
	dst = canonical.AppendBytes(canonical.AppendArray(dst, 5), f.Group[:])
	dst = canonical.AppendArray(dst, len(f.Certified))
	for _, height := range f.Certified {
		dst = canonical.AppendUint(dst, height)
	}
	dst = canonical.AppendArray(dst, len(f.Open))
	for i := range f.Open {
		dst = f.Open[i].AppendCanonical(dst)
	}
	return canonical.AppendBytes(appendPlaces(dst, f.Evidence), f.Tips[:])
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f Pool) AppendCanonical(dst []byte) []byte {
	dst = canonical.AppendArray(canonical.AppendArray(dst, 1), len(f.Digests))
	for i := range f.Digests {
		d := &f.Digests[i]
		dst = canonical.AppendBytes(canonical.AppendArray(dst, 2), d.Sender[:])
		dst = canonical.AppendBytes(dst, d.Digest[:])
	}
	return dst
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f GetListing) AppendCanonical(dst []byte) []byte {
	dst = canonical.AppendArray(canonical.AppendArray(dst, 1), len(f.Senders))
	for i := range f.Senders {
		dst = canonical.AppendBytes(dst, f.Senders[i][:])
	}
	return dst
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f Listing) AppendCanonical(dst []byte) []byte {
	dst = canonical.AppendArray(canonical.AppendArray(dst, 1), len(f.Messages))
	for i := range f.Messages {
		listed := &f.Messages[i]
		dst = canonical.AppendBytes(canonical.AppendArray(dst, 2), listed.ID[:])
		dst = canonical.AppendBytes(dst, listed.Sender[:])
	}
	return dst
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f GetFrontier) AppendCanonical(dst []byte) []byte {
	return canonical.AppendBytes(canonical.AppendBytes(canonical.AppendArray(dst, 2), f.Group[:]), f.Nonce[:])
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f Fresh) AppendCanonical(dst []byte) []byte {
	return f.Frontier.AppendCanonical(canonical.AppendBytes(canonical.AppendArray(dst, 2), f.Nonce[:]))
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f GetEvidence) AppendCanonical(dst []byte) []byte {
	return appendPlaces(canonical.AppendBytes(canonical.AppendArray(dst, 2), f.Group[:]), f.Creators)
}

func appendPlaces(dst []byte, places []uint32) []byte {
	dst = canonical.AppendArray(dst, len(places))
	for _, place := range places {
		dst = canonical.AppendUint(dst, uint64(place))
	}
	return dst
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f Evidence) AppendCanonical(dst []byte) []byte {
	return f.B.AppendCanonical(f.A.AppendCanonical(canonical.AppendArray(dst, 2)))
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f Closed) AppendCanonical(dst []byte) []byte {
	return f.Slot.AppendCanonical(canonical.AppendArray(dst, 1))
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f Announce) AppendCanonical(dst []byte) []byte {
	return canonical.AppendUint(canonical.AppendArray(dst, 1), f.Number)
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f Newest) AppendCanonical(dst []byte) []byte {
	return canonical.AppendBytes(canonical.AppendUint(canonical.AppendArray(dst, 2), f.Number), f.Group[:])
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f GetGroup) AppendCanonical(dst []byte) []byte {
	return canonical.AppendUint(canonical.AppendArray(dst, 1), f.Number)
}

// AppendCanonical appends the canonical encoding of the frame's body.
func (f Description) AppendCanonical(dst []byte) []byte {
	return canonical.AppendBytes(canonical.AppendArray(dst, 1), f.Group.Encode())
}

// rawDescription is Description on the wire.
type rawDescription struct {
	_     struct{} `cbor:",toarray"`
	Group []byte
}

// AppendCanonical appends what was decoded, for canonical.Decode to compare.
func (r *rawDescription) AppendCanonical(dst []byte) []byte {
	return canonical.AppendBytes(canonical.AppendArray(dst, 1), r.Group)
}

// MayBeGossip reports whether bytes can be a frame that a correct member gossips: a Messages frame
// with one message. It costs nothing, however long the frame is.
func MayBeGossip(data []byte) bool {
	one := [...]byte{byte(KindMessages), 0x81, 0x81} // two arrays of one item: see rawMessages
	return bytes.HasPrefix(data, one[:])
}

// EncodeMessages returns the frame that carries these bodies. A member accepts them without having
// asked, within the senders' quotas.
func EncodeMessages(messages []block.Message) []byte { return Encode(Messages{Messages: messages}) }
