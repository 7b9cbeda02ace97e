package evidence

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// OfHeaders returns the file that accuses the creator of two headers.
func OfHeaders(a, b block.SignedHeader) File {
	return New(TwoHeaders, canonical.Encode(a), canonical.Encode(b))
}

// OfMessages returns the file that accuses the sender of two messages.
func OfMessages(a, b block.Message) File { return New(TwoMessages, a.Encode(), b.Encode()) }

// OfCertificates returns the file that accuses the members that signed both of two certificates.
func OfCertificates(a, b certificate.Certificate) File { return New(Fork, a.Encode(), b.Encode()) }

// Proof is what a file proves.
type Proof struct {
	Kind    Kind   `json:"kind"`
	Network string `json:"network"`
	// Culprits are the keys that signed both sides, in byte order: one, or more than f of a Fork.
	Culprits []keys.Public `json:"culprits"`
	// Group, Creator and Height are the slot of both sides, zero for messages.
	Group   membership.ID `json:"group,omitzero"`
	Creator keys.Public   `json:"creator,omitzero"`
	Height  uint64        `json:"height,omitzero"`
	Label   string        `json:"label,omitzero"` // of both messages
	Signed  [2]string     `json:"signed"`         // the IDs of what was signed, in hexadecimal
}

// Verify returns what the file proves against members of group. A nil group means that nobody is
// known to be a member: then a key is convicted, which may be that of no member, and a Fork proves
// nothing. The error wraps ErrProvesNothing and says why, also for a kind that is not judged here.
func (f File) Verify(group *membership.Group) (Proof, error) {
	var proof Proof
	var err error
	switch f.Kind {
	case TwoHeaders:
		proof, err = f.headers(group)
	case TwoMessages:
		proof, err = f.messages(group)
	case Fork:
		proof, err = f.fork(group)
	default:
		err = fmt.Errorf("its kind %.40q is not one of a node (contract verify knows those of a contract)", f.Kind)
	}
	if err != nil {
		return Proof{}, fmt.Errorf("%w: %w", ErrProvesNothing, err)
	}
	proof.Kind = f.Kind
	return proof, nil
}

const maxHeaderBytes = 512 // of an encoded signed header

func (f File) headers(group *membership.Group) (Proof, error) {
	var sides [2]block.SignedHeader
	for i, data := range [][]byte{f.A, f.B} {
		if err := canonical.Decode(data, maxHeaderBytes, &sides[i]); err != nil {
			return Proof{}, fmt.Errorf("header: %w", err)
		}
		if err := checkHeader(sides[i], group); err != nil {
			return Proof{}, err
		}
	}
	a, b := sides[0].Header, sides[1].Header
	switch {
	case a.ID() == b.ID():
		return Proof{}, fmt.Errorf("both headers are of block %s", a.ID())
	case a.Network != b.Network:
		return Proof{}, fmt.Errorf("the headers are of networks %q and %q", a.Network, b.Network)
	case a.Creator != b.Creator:
		return Proof{}, fmt.Errorf("the headers are of two creators, %s and %s", a.Creator, b.Creator)
	case a.Slot() != b.Slot():
		return Proof{}, fmt.Errorf("the headers are of two slots, height %d of group %s and height %d of group %s", a.Height, a.Group, b.Height, b.Group)
	}
	return Proof{
		Network: a.Network, Culprits: []keys.Public{a.Creator}, Group: a.Group, Creator: a.Creator, Height: a.Height,
		Signed: [2]string{a.ID().String(), b.ID().String()},
	}, nil
}

// checkHeader returns an error unless a member of group signed the header. Without a group the key
// may be anybody's.
func checkHeader(s block.SignedHeader, group *membership.Group) error {
	err := membership.CheckNetwork(s.Header.Network)
	if group != nil {
		err = s.Header.Check(group)
	}
	if err == nil && !s.Verify() {
		err = fmt.Errorf("header %s is not signed by its creator %s", s.Header.ID(), s.Header.Creator)
	}
	return err
}

func (f File) messages(group *membership.Group) (Proof, error) {
	a, b, err := f.Messages(group)
	if err != nil {
		return Proof{}, err
	}
	switch {
	case a.ID() == b.ID():
		return Proof{}, fmt.Errorf("both messages are %s", a.ID())
	case a.Network() != b.Network():
		return Proof{}, fmt.Errorf("the messages are of networks %q and %q", a.Network(), b.Network())
	case a.Sender() != b.Sender():
		return Proof{}, fmt.Errorf("the messages are of two senders, %s and %s", a.Sender(), b.Sender())
	case a.Label() != b.Label():
		return Proof{}, fmt.Errorf("the messages have two labels, %q and %q", a.Label(), b.Label())
	}
	return Proof{
		Network: a.Network(), Culprits: []keys.Public{a.Sender()}, Label: a.Label(), Signed: [2]string{a.ID().String(), b.ID().String()},
	}, nil
}

// Messages returns the sides of a file of kind TwoMessages, signed by their senders. They are
// members of group unless it is nil.
func (f File) Messages(group *membership.Group) (a, b block.Message, err error) {
	var sides [2]block.Message
	for i, data := range [][]byte{f.A, f.B} {
		if sides[i], err = block.DecodeMessage(data, membership.MaxLimits().PayloadBytes); err != nil {
			return a, b, err
		}
		if err := checkMessage(sides[i], group); err != nil {
			return a, b, err
		}
	}
	return sides[0], sides[1], nil
}

func checkMessage(m block.Message, group *membership.Group) error {
	switch {
	case group != nil && m.Network() != group.Network():
		return fmt.Errorf("message %s is of network %q, expected %q", m.ID(), m.Network(), group.Network())
	case group != nil && !group.Contains(m.Sender()):
		return fmt.Errorf("sender %s is not a member of group %d", m.Sender(), group.Number())
	case !m.Verify():
		return fmt.Errorf("message %s is not signed by its sender %s", m.ID(), m.Sender())
	}
	return nil
}

func (f File) fork(group *membership.Group) (Proof, error) {
	if group == nil {
		return Proof{}, errors.New("certificates name their signers by place, so the group must be given")
	}
	a, err := certificate.Decode(f.A, group.N())
	if err != nil {
		return Proof{}, err
	}
	b, err := certificate.Decode(f.B, group.N())
	if err != nil {
		return Proof{}, err
	}
	if err := certificate.VerifyFork(group, a, b); err != nil {
		return Proof{}, err
	}
	return Proof{
		Network: group.Network(), Culprits: certificate.DoubleSigners(group, a, b), Group: a.Slot.Group, Creator: a.Slot.Creator, Height: a.Slot.Height,
		Signed: [2]string{a.Block.String(), b.Block.String()},
	}, nil
}

// Sentence says what the proof proves, such as "nymapi-3 signed two headers at height 7 of its
// chain". The function name returns what to call a key.
func (p Proof) Sentence(name func(keys.Public) string) string {
	switch p.Kind {
	case TwoHeaders:
		return fmt.Sprintf("%s signed two headers at height %d of its chain", name(p.Creator), p.Height)
	case TwoMessages:
		return fmt.Sprintf("%s signed two messages under the label %q", name(p.Culprits[0]), p.Label)
	default:
		return fmt.Sprintf("%d members signed two blocks at height %d of the chain of %s", len(p.Culprits), p.Height, name(p.Creator))
	}
}

// FileName returns the customary name of the file: its kind, the first 16 hexadecimal digits of the
// accused key or, of a Fork, of the creator's, and what is proven about. Files of different proofs
// against different members have different names.
func (p Proof) FileName() string {
	accused, about := p.Creator, fmt.Sprintf("group-%s-height-%d", hex.EncodeToString(p.Group[:4]), p.Height)
	if p.Kind == TwoMessages {
		accused, about = p.Culprits[0], p.Label
		if !isPlain(p.Label) {
			about = p.Signed[0][:16]
		}
	}
	return fmt.Sprintf("%s-%s-%s%s", strings.TrimPrefix(string(p.Kind), prefix), hex.EncodeToString(accused[:8]), about, Extension)
}

// Extension is what the names of evidence files end in.
const Extension = ".evidence"

// isPlain reports whether a label can be part of a file's name everywhere.
func isPlain(label string) bool {
	return label != "" && strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
