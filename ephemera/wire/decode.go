package wire

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// ErrInvalid reports a frame that no correct member sends.
var ErrInvalid = errors.New("invalid frame")

// Decode decodes a frame of one group: see Groups.Decode.
func Decode(group *membership.Group, data []byte) (Decoded, error) {
	return NewGroups(group).Decode(data)
}

// Open decodes and verifies a frame of one group: see Groups.Open.
func Open(group *membership.Group, data []byte) (Verified, error) {
	return NewGroups(group).Open(data)
}

// Decode decodes a frame and checks its form. A frame that exceeds the limits of the known groups,
// but not those of any group, may be about a group that this node does not know yet: then the error
// is ErrUnknownGroup. The limits and members of blocks, and all signatures, are left to
// Verifier.Verify.
func (g Groups) Decode(data []byte) (Decoded, error) {
	if len(data) == 0 {
		return Decoded{}, fmt.Errorf("%w: empty", ErrInvalid)
	}
	if len(data) > g.bytes {
		return Decoded{}, fmt.Errorf("%w: %d bytes, at most %d", ErrInvalid, len(data), g.bytes)
	}
	frame, err := g.decodeBody(Kind(data[0]), data[1:])
	if err == nil {
		_, err = g.groupOf(frame)
	}
	if errors.Is(err, canonical.ErrTooLarge) && g.mayBeNewer(data) {
		err = fmt.Errorf("%w: it exceeds the limits of the known groups: %w", ErrUnknownGroup, err)
	}
	if err != nil {
		return Decoded{}, invalid(Kind(data[0]), err)
	}
	return Decoded{frame: frame, digest: digestOf(frame, data)}, nil
}

// mayBeNewer reports whether a frame that exceeds the known groups' limits could be from a correct
// member that knows another group.
func (g Groups) mayBeNewer(data []byte) bool {
	g.limits, g.members = membership.MaxLimits(), membership.MaxMembers
	frame, err := g.decodeBody(Kind(data[0]), data[1:])
	if err == nil {
		_, err = g.groupOf(frame)
	}
	_, messages := frame.(Messages)
	return errors.Is(err, ErrUnknownGroup) || err == nil && messages
}

func invalid(kind Kind, err error) error {
	if errors.Is(err, ErrInvalid) {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrInvalid, kind, err)
}

func (g Groups) decodeBody(kind Kind, body []byte) (Frame, error) {
	switch kind {
	case KindProposal:
		p, err := block.DecodeProposal(body, g.limits)
		return Proposal{p}, err
	case KindEcho:
		return decodePlain(body, smallBytes, func(e *certificate.Echo) (Frame, error) { return Echo{*e}, g.checkSlot(e.Slot) })
	case KindCertificate:
		c, err := certificate.Decode(body, g.members)
		return Certificate{c}, err
	case KindRejection:
		return decodePlain(body, smallBytes, func(f *Rejection) (Frame, error) { return *f, g.checkSlot(f.Slot) })
	case KindGetMessages:
		return decodePlain(body, smallBytes+34*MaxListings, func(f *GetMessages) (Frame, error) { return *f, f.check() })
	case KindGetBlock:
		return decodePlain(body, smallBytes, func(f *GetBlock) (Frame, error) { return *f, g.checkSlot(f.Slot) })
	case KindGetCertified:
		return decodePlain(body, smallBytes, func(f *GetCertified) (Frame, error) { return *f, g.checkSlot(f.From) })
	case KindMessages:
		return g.decodeMessages(body)
	case KindBlocks:
		return g.decodeBlocks(body)
	case KindFrontier:
		return decodePlain(body, frontierBytes(g.members), func(f *Frontier) (Frame, error) { return *f, f.check(g) })
	case KindPool:
		return decodePlain(body, maxListingBytes, func(f *Pool) (Frame, error) { return *f, f.check() })
	case KindGetListing:
		return decodePlain(body, smallBytes+34*MaxSenders, func(f *GetListing) (Frame, error) { return *f, f.check() })
	case KindListing:
		return decodePlain(body, maxListingBytes, func(f *Listing) (Frame, error) { return *f, atMost("messages", len(f.Messages), MaxListings) })
	case KindGetEvidence:
		return decodePlain(body, smallBytes+5*g.members, func(f *GetEvidence) (Frame, error) { return *f, f.check(g) })
	case KindClosed:
		return decodePlain(body, smallBytes, func(f *Closed) (Frame, error) { return *f, g.checkSlot(f.Slot) })
	case KindAnnounce:
		return decodePlain(body, smallBytes, func(f *Announce) (Frame, error) { return *f, f.check() })
	case KindNewest:
		return decodePlain(body, smallBytes, func(f *Newest) (Frame, error) { return *f, f.check() })
	case KindGetGroup:
		return decodePlain(body, smallBytes, func(f *GetGroup) (Frame, error) { return *f, (&Announce{Number: f.Number}).check() })
	case KindDescription:
		return decodePlain(body, descriptionBytes, g.describe)
	case KindEvidence:
		return decodePlain(body, smallBytes, func(f *Evidence) (Frame, error) { return *f, f.check(g) })
	}
	return nil, fmt.Errorf("kind %d is unknown", kind)
}

// decodePlain decodes a frame that is one canonical array of T. The length is limited before
// decoding, because few bytes can name many elements.
func decodePlain[T any](body []byte, limit int, check func(*T) (Frame, error)) (Frame, error) {
	var value T
	if err := canonical.Decode(body, limit, &value); err != nil {
		return nil, err
	}
	return check(&value)
}

func (g Groups) decodeMessages(body []byte) (Frame, error) {
	var raw rawMessages
	if err := canonical.Decode(body, len(body), &raw); err != nil {
		return nil, err
	}
	if err := atMost("messages", len(raw.Messages), MaxListings); err != nil {
		return nil, err
	}
	f := Messages{Messages: make([]block.Message, len(raw.Messages))}
	for i, data := range raw.Messages {
		var err error
		if f.Messages[i], err = block.DecodeMessage(data, g.limits.PayloadBytes); err != nil {
			return nil, err
		}
		if f.Messages[i].Network() != g.network {
			return nil, fmt.Errorf("message is of network %q, expected %q", f.Messages[i].Network(), g.network)
		}
	}
	return f, nil
}

func (g Groups) decodeBlocks(body []byte) (Frame, error) {
	var raw rawBlocks
	if err := canonical.Decode(body, len(body), &raw); err != nil {
		return nil, err
	}
	if err := atMost("blocks", len(raw.Blocks), MaxBlocks); err != nil {
		return nil, err
	}
	f := Blocks{Blocks: make([]Held, len(raw.Blocks))}
	for i, held := range raw.Blocks {
		var err error
		if f.Blocks[i].Block, err = block.Decode(held.Block, g.limits); err != nil {
			return nil, err
		}
		if _, err = g.find(f.Blocks[i].Block.Header.Group); err != nil {
			return nil, err
		}
		if len(held.Certificate) == 0 {
			continue
		}
		c, err := certificate.Decode(held.Certificate, g.members)
		if err != nil {
			return nil, err
		}
		f.Blocks[i].Certificate = &c
	}
	return f, nil
}

func atMost(what string, count, limit int) error {
	if count > limit {
		return fmt.Errorf("%d %s, at most %d", count, what, limit)
	}
	return nil
}

// check refuses a list that names a message twice: nobody has to send a message more than once per
// request.
func (f *GetMessages) check() error {
	seen := make(map[block.MessageID]bool, len(f.IDs))
	for _, id := range f.IDs {
		if seen[id] {
			return fmt.Errorf("message %s is listed twice", id)
		}
		seen[id] = true
	}
	return atMost("messages", len(f.IDs), MaxListings)
}

func (f *Pool) check() error {
	senders := make([]keys.Public, len(f.Digests))
	for i := range f.Digests {
		senders[i] = f.Digests[i].Sender
	}
	return errors.Join(atMost("digests", len(senders), MaxListings), ascending(senders))
}

func (f *GetListing) check() error {
	return errors.Join(atMost("senders", len(f.Senders), MaxSenders), ascending(f.Senders))
}

func ascending(senders []keys.Public) error {
	for i := 1; i < len(senders); i++ {
		if senders[i-1].Compare(senders[i]) >= 0 {
			return errors.New("senders are not ascending")
		}
	}
	return nil
}

func (f *Frontier) check(groups Groups) error {
	group, err := groups.find(f.Group)
	if err != nil {
		return err
	}
	if len(f.Certified) != group.N() {
		return fmt.Errorf("%d chains, expected %d", len(f.Certified), group.N())
	}
	if err := atMost("headers", len(f.Open), group.N()); err != nil {
		return err
	}
	for i, header := range f.Open {
		if err := header.Header.Check(group); err != nil {
			return err
		}
		if i > 0 && f.Open[i-1].Header.Creator.Compare(header.Header.Creator) >= 0 {
			return errors.New("headers are not at most one per chain, in the order of their creators")
		}
	}
	return checkPlaces(group, f.Evidence)
}

func (f *GetEvidence) check(groups Groups) error {
	group, err := groups.find(f.Group)
	if err != nil {
		return err
	}
	return checkPlaces(group, f.Creators)
}

func checkPlaces(group *membership.Group, places []uint32) error {
	if err := atMost("members", len(places), group.N()); err != nil {
		return err
	}
	for i, place := range places {
		if int(place) >= group.N() || i > 0 && places[i-1] >= place {
			return fmt.Errorf("members' places are not ascending and below %d", group.N())
		}
	}
	return nil
}

func (f *Announce) check() error {
	if f.Number == 0 {
		return errors.New("groups are numbered from 1")
	}
	return nil
}

func (g Groups) describe(raw *rawDescription) (Frame, error) {
	group, err := membership.DecodeGroup(raw.Group)
	if err != nil {
		return nil, err
	}
	if group.Network() != g.network {
		return nil, fmt.Errorf("group is of network %q, expected %q", group.Network(), g.network)
	}
	return Description{Group: group}, nil
}

func (f *Newest) check() error { return (&Announce{Number: f.Number}).check() }

func (f *Evidence) check(groups Groups) error {
	group, err := groups.find(f.A.Header.Group)
	if err != nil {
		return err
	}
	if err := errors.Join(f.A.Header.Check(group), f.B.Header.Check(group)); err != nil {
		return err
	}
	a, b := f.A.Header.ID(), f.B.Header.ID()
	if f.A.Header.Slot() != f.B.Header.Slot() || a.Compare(b) >= 0 {
		return errors.New("headers are not two different ones of one slot, in the order of their IDs")
	}
	return nil
}
