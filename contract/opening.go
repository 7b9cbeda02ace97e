package contract

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
)

// Opened is the content of an annex in the form in which it was received.
type Opened struct {
	// Messages are those of the core's block in its order, and then those of the annex. A Place is an
	// index.
	Messages []block.Message
	// Late are the submissions of Annex.Late, in its order. Their encodings have the digests that the
	// annex states.
	Late          []Submission
	DoubleReports [][2]block.Message // in the order of the annex
}

// maxSignedHeaderBytes bounds an encoded signed header.
const maxSignedHeaderBytes = 512

// Open returns the content of an annex with the messages that its core holds. It checks everything
// about the form that needs the core: that the annex names it, that every place is one, that every
// message of the annex is used, and that the late submissions have their digests. It judges no
// submission and checks no signature. The error wraps ErrInvalid.
func (a Annex) Open(c Core) (Opened, error) {
	o, err := a.open(c)
	if err != nil {
		return Opened{}, fmt.Errorf("%w: annex of epoch %d: %w", ErrInvalid, a.Epoch, err)
	}
	return o, nil
}

func (a Annex) open(c Core) (o Opened, err error) {
	if digest := c.Digest(); a.Core != digest {
		return o, fmt.Errorf("it is for core %s, not for %s", a.Core, digest)
	}
	d, err := DecodeDescription(c.Description)
	if err != nil {
		return o, err
	}
	if a.Network != d.Network || a.Contract != d.ContractKey || a.Epoch != d.Epoch {
		return o, fmt.Errorf("of contract %s in network %q, the core is of epoch %d of %s in %q", a.Contract, a.Network, d.Epoch, d.ContractKey, d.Network)
	}
	if o.Messages, err = c.messages(d); err != nil {
		return o, err
	}
	places := newPlaces(o.Messages)
	for i, body := range a.Messages {
		m, err := block.DecodeMessage(body, d.Group.Limits().PayloadBytes)
		if err != nil {
			return o, fmt.Errorf("message %d: %w", i, err)
		}
		if places.add(m) {
			return o, fmt.Errorf("message %d is in the core, too", i)
		}
	}
	for _, late := range a.Late {
		s, err := late.submission(d, places)
		if err != nil {
			return o, fmt.Errorf("late submission of %s: %w", late.Submitter, err)
		}
		o.Late = append(o.Late, s)
	}
	for _, double := range a.DoubleReports {
		pair, err := places.at(double.First, double.Second)
		if err != nil {
			return o, fmt.Errorf("double report of %s: %w", double.Reporter, err)
		}
		o.DoubleReports = append(o.DoubleReports, [2]block.Message(pair))
	}
	o.Messages = places.messages
	return o, places.allUsed()
}

// submission returns the submission as it was received.
func (l Late) submission(d Description, p *places) (Submission, error) {
	s := Submission{
		Network: d.Network, Contract: d.ContractKey, Epoch: d.Epoch, Description: d.Hash(),
		Result: l.Result, Certificate: l.Certificate, Submitter: l.Submitter, Signature: l.Signature,
	}
	if len(l.Header) > 0 {
		var b block.Block
		if err := canonical.Decode(l.Header, maxSignedHeaderBytes, &b.SignedHeader); err != nil {
			return s, fmt.Errorf("header: %w", err)
		}
		var err error
		if b.Messages, err = p.at(l.Messages...); err != nil {
			return s, err
		}
		s.Block = b.Encode()
	}
	if digest := Digest(s.Encode()); digest != l.Digest {
		return s, fmt.Errorf("its parts have digest %s, expected %s", digest, l.Digest)
	}
	return s, nil
}

// places are the messages of a core and its annex, and which of them are in use.
type places struct {
	messages []block.Message
	used     []bool
	known    map[string]bool // by encoding
}

func newPlaces(core []block.Message) *places {
	p := &places{known: make(map[string]bool)}
	for _, m := range core {
		p.add(m)
	}
	for i := range p.used {
		p.used[i] = true
	}
	return p
}

// add gives a message the next place. It reports whether it had one.
func (p *places) add(m block.Message) (known bool) {
	encoded := string(m.Encode())
	known = p.known[encoded]
	p.known[encoded] = true
	p.messages, p.used = append(p.messages, m), append(p.used, false)
	return known
}

// at returns the messages at these places, and marks them as used.
func (p *places) at(wanted ...Place) ([]block.Message, error) {
	messages := make([]block.Message, len(wanted))
	for i, place := range wanted {
		if int(place) >= len(p.messages) {
			return nil, fmt.Errorf("message at place %d, expected 0..%d", place, len(p.messages)-1)
		}
		messages[i], p.used[place] = p.messages[place], true
	}
	return messages, nil
}

// allUsed returns an error that names the first message that nothing refers to.
func (p *places) allUsed() error {
	if i := slices.Index(p.used, false); i >= 0 {
		return fmt.Errorf("message at place %d is not used", i)
	}
	return nil
}
