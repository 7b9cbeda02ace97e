package verify

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Messages remembers the messages of submissions about one epoch, whose blocks hold mostly the same
// ones: it verifies and reads each message once. The zero value is ready to use, and a nil one
// remembers nothing. It grows with the messages, and is not safe for concurrent use.
type Messages struct {
	known map[signedMessage]*remembered
}

// signedMessage identifies a message with its signature, which the ID leaves out.
type signedMessage struct {
	id        block.MessageID
	signature keys.Signature
}

// remembered is what was found out about a message, each when it was asked for.
type remembered struct {
	verified, signed bool
	read             bool
	reading          Reading
	err              error // of reading
}

// verifyBlock is certificate.VerifyBlock.
func (m *Messages) verifyBlock(d contract.Description, b block.Block, c certificate.Certificate) error {
	if m == nil {
		return certificate.VerifyBlock(d.Group, b, c)
	}
	if err := b.Check(d.Group); err != nil {
		return err
	}
	for _, message := range b.Messages {
		if !m.Signed(message) {
			return fmt.Errorf("%w: message %s is not signed by its sender", block.ErrInvalid, message.ID())
		}
	}
	return certificate.VerifyHeader(d.Group, b.SignedHeader, c)
}

func (m *Messages) read(message block.Message, limits metrics.Limits) (Reading, error) {
	if m == nil {
		return read(message, limits)
	}
	r := m.get(message)
	if !r.read {
		r.reading, r.err = read(message, limits)
		r.read = true
	}
	return r.reading, r.err
}

func (m *Messages) get(message block.Message) *remembered {
	key := signedMessage{message.ID(), message.Signature()}
	if r := m.known[key]; r != nil {
		return r
	}
	if m.known == nil {
		m.known = make(map[signedMessage]*remembered)
	}
	m.known[key] = new(remembered)
	return m.known[key]
}

// Signed reports whether a message is signed by its sender.
func (m *Messages) Signed(message block.Message) bool {
	r := m.get(message)
	if !r.verified {
		r.verified, r.signed = true, message.Verify()
	}
	return r.signed
}

// Read is Read for a message about the epoch of d.
func (m *Messages) Read(message block.Message, d contract.Description) (Reading, error) {
	return m.read(message, metrics.LimitsFor(len(d.Mixnodes)))
}
