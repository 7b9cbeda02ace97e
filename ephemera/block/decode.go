package block

import (
	"bytes"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
)

// Members decode these types so often that reflection would dominate the cost.
var _ = []canonical.Taker{(*Slot)(nil), (*SignedHeader)(nil), (*wireMessage)(nil), (*wireBlock)(nil), (*wireProposal)(nil)}

// TakeCanonical fills the slot.
func (s *Slot) TakeCanonical(from *canonical.Items) {
	from.Array()
	from.Fixed(s.Group[:])
	from.Fixed(s.Creator[:])
	s.Height = from.Number()
}

func (h *Header) take(from *canonical.Items) {
	from.Array()
	h.Network = from.Text()
	from.Fixed(h.Group[:])
	from.Fixed(h.Creator[:])
	h.Height = from.Number()
	from.Fixed(h.Parent[:])
	h.Time = int64(from.Number())
	from.Fixed(h.Root[:])
	h.Count = uint32(from.Number())
}

// TakeCanonical fills the signed header.
func (s *SignedHeader) TakeCanonical(from *canonical.Items) {
	from.Array()
	s.Header.take(from)
	from.Fixed(s.Signature[:])
}

func (c *content) take(from *canonical.Items) {
	from.Array()
	c.Network, c.Label = from.Text(), from.Text()
	c.Payload = bytes.Clone(from.Bytes())
	from.Fixed(c.Sender[:])
	c.Time = int64(from.Number())
}

// TakeCanonical fills the message.
func (w *wireMessage) TakeCanonical(from *canonical.Items) {
	from.Array()
	w.Content.take(from)
	from.Fixed(w.Signature[:])
}

// TakeCanonical fills the block.
func (w *wireBlock) TakeCanonical(from *canonical.Items) {
	from.Array()
	w.Signed.TakeCanonical(from)
	w.Messages = make([]wireMessage, from.Array())
	for i := range w.Messages {
		w.Messages[i].TakeCanonical(from)
	}
}

// TakeCanonical fills the proposal.
func (w *wireProposal) TakeCanonical(from *canonical.Items) {
	from.Array()
	w.Signed.TakeCanonical(from)
	w.IDs = make([]MessageID, from.Array())
	for i := range w.IDs {
		from.Fixed(w.IDs[i][:])
	}
}
