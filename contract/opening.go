package contract

import (
	"errors"
	"fmt"

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
// message and result of the annex is used, and that the late submissions have their digests. It
// judges no submission and checks no signature. The error wraps ErrInvalid.
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
	opener := opener{d: d}
	if opener.messages, opener.results, err = c.places(d); err != nil {
		return o, err
	}
	if err := opener.add(a); err != nil {
		return o, err
	}
	for _, late := range a.Late {
		s, err := opener.submission(late)
		if err != nil {
			return o, fmt.Errorf("late submission of %s: %w", late.Submitter, err)
		}
		o.Late = append(o.Late, s)
	}
	for _, double := range a.DoubleReports {
		pair, err := opener.take(double.First, double.Second)
		if err != nil {
			return o, fmt.Errorf("double report of %s: %w", double.Reporter, err)
		}
		o.DoubleReports = append(o.DoubleReports, [2]block.Message(pair))
	}
	o.Messages = opener.decoded
	return o, opener.allUsed()
}

// opener puts together what an annex refers to.
type opener struct {
	d                 Description
	messages, results *places
	decoded           []block.Message // at the places of the encoded ones
}

// add adds what the annex holds to what the core holds.
func (o *opener) add(a Annex) error {
	for _, message := range a.Messages {
		if o.messages.add(message) {
			return errors.New("a message is in the core, too")
		}
	}
	for _, result := range a.Results {
		if o.results.add(result) {
			return errors.New("a result is the winner's")
		}
	}
	for i, encoded := range o.messages.items {
		m, err := block.DecodeMessage(encoded, o.d.Group.Limits().PayloadBytes)
		if err != nil {
			return fmt.Errorf("place %d: %w", i, err)
		}
		o.decoded = append(o.decoded, m)
	}
	return nil
}

// take returns the messages at these places.
func (o *opener) take(wanted ...Place) ([]block.Message, error) {
	messages := make([]block.Message, len(wanted))
	for i, place := range wanted {
		if _, err := o.messages.take(place); err != nil {
			return nil, fmt.Errorf("message: %w", err)
		}
		messages[i] = o.decoded[place]
	}
	return messages, nil
}

// submission returns the submission as it was received.
func (o *opener) submission(l Late) (Submission, error) {
	s := Submission{
		Network: o.d.Network, Contract: o.d.ContractKey, Epoch: o.d.Epoch, Description: o.d.Hash(),
		Certificate: l.Certificate, Submitter: l.Submitter, Signature: l.Signature,
	}
	var err error
	if s.Result, err = o.results.take(l.Result); err != nil {
		return s, fmt.Errorf("result: %w", err)
	}
	if len(l.Header) > 0 {
		var b block.Block
		if err := canonical.Decode(l.Header, maxSignedHeaderBytes, &b.SignedHeader); err != nil {
			return s, fmt.Errorf("header: %w", err)
		}
		if b.Messages, err = o.take(l.Messages...); err != nil {
			return s, err
		}
		s.Block = b.Encode()
	}
	if digest := Digest(s.Encode()); digest != l.Digest {
		return s, fmt.Errorf("its parts have digest %s, expected %s", digest, l.Digest)
	}
	return s, nil
}

func (o *opener) allUsed() error {
	if err := o.messages.allUsed(); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	if err := o.results.allUsed(); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}
