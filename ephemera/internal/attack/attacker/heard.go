package attacker

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// heard is what the honest members sent. It is safe for concurrent use.
type heard struct {
	mu           sync.Mutex
	echoes       map[block.ID]map[int]keys.Signature // of the attacker's blocks
	certificates []certificate.Certificate           // the newest ones
	proposals    []block.Proposal                    // of others, the newest ones
	asked        chan request
}

// request is a victim's request for bodies.
type request struct {
	from keys.Public
	ids  []block.MessageID
}

const (
	maxCertificates = 1024
	maxProposals    = 64
	maxRequests     = 64
)

func newHeard() *heard {
	return &heard{echoes: map[block.ID]map[int]keys.Signature{}, asked: make(chan request, maxRequests)}
}

// listen reads the streams that the honest members open, until ctx is done.
func (m *member) listen(ctx context.Context) {
	m.host.SetStreamHandler(m.protocol(), func(stream network.Stream) {
		stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
		defer stop()
		if m.deaf.Load() {
			<-ctx.Done() // the stream stays open, and its window fills up
			return
		}
		from := m.victimOf(stream)
		for input := bufio.NewReader(stream); ; {
			m.pace.wait(ctx)
			frame, err := readFrame(input)
			if err != nil {
				return
			}
			m.read.Add(int64(len(frame)))
			m.hear(from, frame)
		}
	})
}

func (m *member) victimOf(stream network.Stream) keys.Public {
	for _, v := range m.victims {
		if v.info.ID == stream.Conn().RemotePeer() {
			return v.key
		}
	}
	return keys.Public{}
}

var errLength = errors.New("frame is too long")

func readFrame(input *bufio.Reader) ([]byte, error) {
	size, err := binary.ReadUvarint(input)
	if err != nil {
		return nil, err
	}
	if size > 64<<20 {
		return nil, errLength
	}
	frame := make([]byte, size)
	_, err = io.ReadFull(input, frame)
	return frame, err
}

// hear keeps what an attack may need.
func (m *member) hear(from keys.Public, data []byte) {
	if len(data) == 0 {
		return
	}
	switch wire.Kind(data[0]) {
	case wire.KindEcho, wire.KindCertificate, wire.KindProposal, wire.KindGetMessages:
	default:
		return // not worth decoding
	}
	decoded, err := wire.Decode(m.group, data)
	if err != nil {
		return
	}
	switch frame := decoded.Unverified().(type) {
	case wire.Echo:
		m.heard.echo(m.group, frame)
	case wire.Certificate:
		m.heard.certified(frame.Certificate)
	case wire.Proposal:
		m.heard.proposed(frame.Proposal)
	case wire.GetMessages:
		select {
		case m.heard.asked <- request{from, frame.IDs}:
		default: // it asks again
		}
	}
}

func (h *heard) echo(group *membership.Group, e wire.Echo) {
	place, ok := group.Index(e.Signer)
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.echoes[e.Block] == nil {
		if len(h.echoes) > maxCertificates {
			clear(h.echoes)
		}
		h.echoes[e.Block] = map[int]keys.Signature{}
	}
	h.echoes[e.Block][place] = e.Signature
}

func (h *heard) certified(c certificate.Certificate) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.certificates) >= maxCertificates {
		h.certificates = h.certificates[len(h.certificates)/2:]
	}
	h.certificates = append(h.certificates, c)
}

func (h *heard) proposed(p block.Proposal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.proposals) >= maxProposals {
		h.proposals = h.proposals[len(h.proposals)/2:]
	}
	h.proposals = append(h.proposals, p)
}

// quorum returns the echoes of a block if there are count of them, and forgets them.
func (h *heard) quorum(id block.ID, count int) map[int]keys.Signature {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := h.echoes[id]
	if len(found) < count {
		return nil
	}
	delete(h.echoes, id)
	return found
}

// lastCertificates returns the newest certificates.
func (h *heard) lastCertificates() []certificate.Certificate {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]certificate.Certificate(nil), h.certificates...)
}

// lastProposals returns the newest proposals of others.
func (h *heard) lastProposals() []block.Proposal {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]block.Proposal(nil), h.proposals...)
}
