package ephemera_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// judged is a transport that counts the verdicts of its receiver.
type judged struct {
	transport.Transport
	verdicts *[4]atomic.Int64
}

func (j judged) Run(ctx context.Context, r transport.Receiver) error {
	return j.Transport.Run(ctx, judge{r, j.verdicts})
}

type judge struct {
	transport.Receiver
	verdicts *[4]atomic.Int64
}

func (j judge) Receive(from keys.Public, frame []byte) transport.Verdict {
	verdict := j.Receiver.Receive(from, frame)
	j.verdicts[verdict].Add(1)
	return verdict
}

func (j judge) Gossip(from keys.Public, frame []byte) transport.Verdict {
	verdict := j.Receiver.Gossip(from, frame)
	j.verdicts[verdict].Add(1)
	return verdict
}

// attacked is a cluster of four whose last member is a bare transport.
type attacked struct {
	*cluster
	attacker transport.Transport
	verdicts [4]atomic.Int64 // of node 0
}

func newAttacked(t *testing.T, work admission.Limits) *attacked {
	a := &attacked{cluster: newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})}
	a.work = work
	link := a.link
	a.link = func(i int) transport.Transport {
		if i == 0 {
			return judged{link(i), &a.verdicts}
		}
		return link(i)
	}
	for i := range 3 {
		a.start(i)
	}
	a.attacker = link(3)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.attacker.Run(ctx, deaf{}) }()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	return a
}

// checks returns how many signatures node 0 has checked.
func (a *attacked) checks() int {
	checked, _ := a.nodes[0].Signatures()
	return int(checked)
}

// A gossiped message of a sender that the node does not take costs no verification, and blames
// nobody.
func TestGossipOfStrangersIsNotVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttacked(t, admission.Limits{})
		before := a.checks()
		const messages = 50
		for i := range messages {
			stranger := keys.FromSeed(sha256.Sum256(fmt.Append(nil, "stranger ", i)))
			a.attacker.Publish(wire.EncodeMessages([]block.Message{a.message(stranger, "hello")}))
		}
		time.Sleep(100 * time.Millisecond)
		require.Equal(t, before, a.checks())
		status, err := a.nodes[0].Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, uint64(messages), status.Strangers)
		require.Zero(t, a.verdicts[transport.Reject].Load()+a.verdicts[transport.Excess].Load())
		a.stopAll()
	})
}

// A peer that causes more checks than its budget is slowed and blamed, and others notice nothing.
func TestPeerOverItsBudgetIsSlowedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := admission.Limits{ChecksPerSecond: 20, ChecksBurst: 20}
		a := newAttacked(t, work)
		latency := func() time.Duration {
			start, height := time.Now(), len(a.boards[0].blocks(a.keys[1].Public()))
			a.submit(1, time.Now().String())
			a.awaitHeight(0, 1, height+1)
			return time.Since(start)
		}
		quiet, before := latency(), a.checks()
		const frames = 500
		for i := range frames { // each is valid and costs a check
			header := block.New(a.group, a.keys[3].Public(), uint64(i+1), block.ID{byte(min(i, 1))}, 1, nil)
			header.Signature = a.keys[3].Sign(header.Header.SigningBytes())
			require.True(t, a.attacker.Send(a.keys[0].Public(), wire.Encode(wire.Proposal{Proposal: header.Proposal()})))
		}
		const seconds = 10
		blocks, begin := 0, time.Now()
		for ; time.Since(begin) < seconds*time.Second; blocks++ {
			require.LessOrEqual(t, latency(), 2*quiet)
			time.Sleep(time.Second)
		}
		// A block of one honest member costs node 0 its header, its message and its certificate, and its
		// frontiers some headers more.
		require.LessOrEqual(t, a.checks()-before, work.ChecksBurst+(seconds+2)*work.ChecksPerSecond+8*(blocks+1))
		require.GreaterOrEqual(t, a.checks()-before, work.ChecksBurst+(seconds-2)*work.ChecksPerSecond)
		require.GreaterOrEqual(t, a.verdicts[transport.Excess].Load(), int64(seconds-2))
		require.LessOrEqual(t, a.verdicts[transport.Excess].Load(), int64(seconds+2))
		require.Zero(t, a.verdicts[transport.Reject].Load())
		a.stopAll()
	})
}

// What one member sends again in another frame, or after the block is certified, costs no second
// verification.
func TestRepeatedFramesAreNotVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttacked(t, admission.Limits{})
		a.submit(1, "one")
		a.awaitHeight(0, 1, 1)
		a.awaitHeight(2, 1, 1)
		time.Sleep(5 * time.Second) // frontiers
		held, err := a.nodes[2].Certified(t.Context(), block.Slot{Group: a.group.ID(), Creator: a.keys[1].Public(), Height: 1})
		require.NoError(t, err)
		before := a.checks()
		for i := range 20 {
			fresh := held.Certificate
			fresh.Signatures = append([]keys.Signature{}, fresh.Signatures...)
			fresh.Signatures[0][i] ^= 1 // a certificate of the certified block costs nothing, valid or not
			for _, frame := range []wire.Frame{
				wire.Certificate{Certificate: fresh},
				wire.Proposal{Proposal: held.Block.Proposal()},
				wire.Blocks{Blocks: []wire.Held{{Block: held.Block, Certificate: &fresh}}},
				wire.Frontier{Group: a.group.ID(), Certified: make([]uint64, 4), Open: []block.SignedHeader{held.Block.SignedHeader}},
			} {
				a.attacker.Send(a.keys[0].Public(), wire.Encode(frame))
			}
		}
		time.Sleep(5 * time.Second)
		require.Equal(t, before, a.checks())
		require.Zero(t, a.verdicts[transport.Reject].Load())
		a.stopAll()
	})
}
