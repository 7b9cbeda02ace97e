package ephemera_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	storememory "github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// puppet is a member without an engine: a test decides what it proposes.
type puppet struct {
	group  *membership.Group
	echoes chan certificate.Echo
	send   func(to keys.Public, f wire.Frame)
	body   []block.Message
}

func (p *puppet) Receive(from keys.Public, data []byte) transport.Verdict {
	frame, err := wire.Open(p.group, data)
	if err != nil {
		return transport.Accept
	}
	switch f := frame.Frame().(type) {
	case wire.Echo:
		p.echoes <- f.Echo
	case wire.GetFrontier:
		p.send(from, wire.Fresh{Nonce: f.Nonce, Frontier: wire.Frontier{Group: f.Group, Certified: make([]uint64, p.group.N())}})
	case wire.GetMessages:
		p.send(from, wire.Messages{Messages: p.body})
	}
	return transport.Accept
}

func (*puppet) Gossip(keys.Public, []byte) transport.Verdict { return transport.Accept }
func (*puppet) Connected(keys.Public)                        {}
func (*puppet) Disconnected(keys.Public)                     {}

// certify proposes a block, collects the echoes of two members, and sends them the certificate.
func (p *puppet) certify(key keys.Private, b block.Block, to ...keys.Public) {
	for _, member := range to {
		p.send(member, wire.Proposal{Proposal: b.Proposal()})
	}
	slot, id := b.Header.Slot(), b.ID()
	own, _ := p.group.Index(key.Public())
	signatures := map[int]keys.Signature{own: key.Sign(certificate.SigningBytes(network, slot, id))}
	for len(signatures) <= len(to) {
		if e := <-p.echoes; e.Block == id {
			i, _ := p.group.Index(e.Signer)
			signatures[i] = e.Signature
		}
	}
	for _, member := range to {
		p.send(member, wire.Certificate{Certificate: certificate.New(p.group, slot, id, signatures)})
	}
}

// Whatever date a creator gives to its blocks, their messages stay for as long as the retention
// says, counted from their arrival: a correct member that is away for a shorter time gets them.
func TestRetentionDoesNotFollowTheCreatorsClock(t *testing.T) {
	const age = 24 * time.Hour
	for name, dated := range map[string]func() int64{
		"1970":       func() int64 { return 1 },
		"now":        func() int64 { return time.Now().UnixMilli() },
		"far future": func() int64 { return math.MaxInt32 * 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
				c.include, c.retention = mempool.Own, ephemera.Retention{Age: age}
				c.start(1)
				c.start(2)
				defer c.stopAll()
				key := c.keys[0]
				link := c.network.Transport(key.Public())
				p := &puppet{group: c.group, echoes: make(chan certificate.Echo, 10)}
				p.send = func(to keys.Public, f wire.Frame) { link.Send(to, wire.Encode(f)) }
				for i := range 2 {
					p.body = append(p.body, c.message(key, fmt.Sprint("report ", i)))
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- link.Run(ctx, p) }()
				time.Sleep(time.Second)
				parent := block.ID{}
				for i, m := range p.body {
					b := block.New(c.group, key.Public(), uint64(i+1), parent, dated(), []block.Message{m})
					b.Signature = key.Sign(b.Header.SigningBytes())
					p.certify(key, b, c.keys[1].Public(), c.keys[2].Public())
					c.awaitHeight(1, 0, i+1)
					c.awaitHeight(2, 0, i+1)
					parent = b.ID()
				}
				cancel()
				require.NoError(t, <-done)
				time.Sleep(age / 2)
				c.start(3)
				c.awaitHeight(3, 0, 2)
				require.False(t, c.boards[3].blocks(key.Public())[0].Pruned(), "half as old as messages are kept")
				c.stop[3]()
				c.disks[3] = storememory.NewDisk()
				time.Sleep(age/2 + time.Hour)
				c.start(3)
				c.awaitHeight(3, 0, 4)
				require.True(t, c.boards[3].blocks(key.Public())[2].Pruned(), "older than messages are kept")
			})
		})
	}
}
