package block

import "github.com/ephemera-go/nym-rewarding/ephemera/canonical"

// The methods below implement canonical.Appender: members encode and hash these types so often that
// reflection would dominate the cost.

// AppendCanonical appends the canonical encoding of the slot.
func (s Slot) AppendCanonical(dst []byte) []byte {
	dst = canonical.AppendBytes(canonical.AppendArray(dst, 3), s.Group[:])
	return canonical.AppendUint(canonical.AppendBytes(dst, s.Creator[:]), s.Height)
}

// AppendCanonical appends the canonical encoding of the header.
func (h *Header) AppendCanonical(dst []byte) []byte {
	dst = canonical.AppendText(canonical.AppendArray(dst, 8), h.Network)
	dst = canonical.AppendBytes(canonical.AppendBytes(dst, h.Group[:]), h.Creator[:])
	dst = canonical.AppendBytes(canonical.AppendUint(dst, h.Height), h.Parent[:])
	dst = canonical.AppendBytes(canonical.AppendInt(dst, h.Time), h.Root[:])
	return canonical.AppendUint(dst, uint64(h.Count))
}

// AppendCanonical appends the canonical encoding of the signed header.
func (s SignedHeader) AppendCanonical(dst []byte) []byte {
	dst = s.Header.AppendCanonical(canonical.AppendArray(dst, 2))
	return canonical.AppendBytes(dst, s.Signature[:])
}

// AppendCanonical appends the canonical encoding of the block.
func (b Block) AppendCanonical(dst []byte) []byte {
	dst = b.SignedHeader.AppendCanonical(canonical.AppendArray(dst, 2))
	dst = canonical.AppendArray(dst, len(b.Messages))
	for i := range b.Messages {
		dst = b.Messages[i].AppendCanonical(dst)
	}
	return dst
}

// AppendCanonical appends the canonical encoding of the proposal.
func (p Proposal) AppendCanonical(dst []byte) []byte {
	return AppendIDs(p.SignedHeader.AppendCanonical(canonical.AppendArray(dst, 2)), p.IDs)
}

// AppendIDs appends the canonical encoding of a list of message IDs.
func AppendIDs(dst []byte, ids []MessageID) []byte {
	dst = canonical.AppendArray(dst, len(ids))
	for i := range ids {
		dst = canonical.AppendBytes(dst, ids[i][:])
	}
	return dst
}

// AppendCanonical appends the canonical encoding of the message, Size bytes.
func (m Message) AppendCanonical(dst []byte) []byte {
	content, signature := &m.get().content, m.Signature()
	return canonical.AppendBytes(content.append(canonical.AppendArray(dst, 2)), signature[:])
}

func (c *content) append(dst []byte) []byte {
	dst = canonical.AppendText(canonical.AppendText(canonical.AppendArray(dst, 5), c.Network), c.Label)
	dst = canonical.AppendBytes(canonical.AppendBytes(dst, c.Payload), c.Sender[:])
	return canonical.AppendInt(dst, c.Time)
}

// AppendCanonical lets canonical.Decode compare what it decoded with its input.
func (w *wireMessage) AppendCanonical(dst []byte) []byte {
	return canonical.AppendBytes(w.Content.append(canonical.AppendArray(dst, 2)), w.Signature[:])
}

// AppendCanonical lets canonical.Decode compare what it decoded with its input.
func (w *wireBlock) AppendCanonical(dst []byte) []byte {
	dst = w.Signed.AppendCanonical(canonical.AppendArray(dst, 2))
	dst = canonical.AppendArray(dst, len(w.Messages))
	for i := range w.Messages {
		dst = w.Messages[i].AppendCanonical(dst)
	}
	return dst
}

// AppendCanonical lets canonical.Decode compare what it decoded with its input.
func (w *wireProposal) AppendCanonical(dst []byte) []byte {
	return AppendIDs(w.Signed.AppendCanonical(canonical.AppendArray(dst, 2)), w.IDs)
}
