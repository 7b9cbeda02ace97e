package attacker

import (
	"context"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// chain makes the largest blocks as fast as they are certified, to fill disks: every honest member
// stores each of them.
func chain(ctx context.Context, m *member) {
	const count, size = 16, 250_000
	m.grow(ctx, func() block.Block { return m.block(count, size) })
}

// blocks makes the smallest blocks as fast as they are certified: each costs every honest member
// two commits.
func blocks(ctx context.Context, m *member) {
	m.grow(ctx, func() block.Block { return m.block(1, 1) })
}

// dates makes small blocks whose times, and those of their messages, are the beginning of 1970 or
// as late as can be: no clock of another removes bodies, or keeps messages forever.
func dates(ctx context.Context, m *member) {
	const latest = 1<<53 - 1
	turn := 0
	m.grow(ctx, func() block.Block {
		turn++
		at := []int64{1, latest, now() + int64(time.Hour/time.Millisecond)}[turn%3]
		var bodies []block.Message
		for range 8 {
			bodies = append(bodies, m.messageAt(64, at))
		}
		return block.Block{SignedHeader: block.SignedHeader{Header: block.Header{Time: at}}, Messages: bodies}
	})
}

// block returns the messages of a block, dated now.
func (m *member) block(count, size int) block.Block {
	bodies := make([]block.Message, count)
	for i := range bodies {
		bodies[i] = m.message(size)
	}
	return block.Block{SignedHeader: block.SignedHeader{Header: block.Header{Time: now()}}, Messages: bodies}
}

// sign returns the block of the attacker's chain with the messages and time of another one.
func (m *member) sign(height uint64, parent block.ID, content block.Block) block.Block {
	b := block.New(m.group, m.key.Public(), height, parent, content.Header.Time, content.Messages)
	b.Signature = m.key.Sign(b.Header.SigningBytes())
	return b
}

// grow appends blocks to the attacker's chain, each as soon as the one before is certified.
func (m *member) grow(ctx context.Context, next func() block.Block) {
	var work sync.WaitGroup
	defer work.Wait()
	s := openShop(ctx, &work, m)
	var parent block.ID
	for height := uint64(1); ctx.Err() == nil; height++ {
		b := m.sign(height, parent, next())
		signed := s.certify(ctx, b)
		if signed == nil {
			return
		}
		own, _ := m.group.Index(m.key.Public())
		signed[own] = m.key.Sign(certificate.SigningBytes(m.group.Network(), b.Header.Slot(), b.ID()))
		proof := encode(wire.Certificate{Certificate: certificate.New(m.group, b.Header.Slot(), b.ID(), signed)})
		s.tell(proof)
		m.counts.Blocks++
		parent = b.ID()
	}
}

// shop gives away the bodies of the attacker's newest block. Each victim has a queue, so that one
// that cannot be reached keeps none of the others waiting.
type shop struct {
	m      *member
	queues map[keys.Public]chan []byte

	mu     sync.Mutex
	bodies map[block.MessageID]block.Message
}

// queued bounds the frames that wait for a victim.
const queued = 64

// openShop starts the goroutines that send, which end with ctx.
func openShop(ctx context.Context, work *sync.WaitGroup, m *member) *shop {
	s := &shop{m: m, queues: map[keys.Public]chan []byte{}}
	for _, v := range m.victims {
		queue := make(chan []byte, queued)
		s.queues[v.key] = queue
		work.Go(func() {
			for ctx.Err() == nil {
				select {
				case frame := <-queue:
					v.send(ctx, frame)
				case <-ctx.Done():
				}
			}
		})
	}
	work.Go(func() { s.answer(ctx) })
	return s
}

// proposeAgain is how often a proposal is repeated until a quorum has echoed it.
const proposeAgain = time.Second

// certify sends a block and returns a quorum's echoes, without the attacker's own. It returns nil
// when ctx is done.
func (s *shop) certify(ctx context.Context, b block.Block) map[int]keys.Signature {
	s.mu.Lock()
	s.bodies = make(map[block.MessageID]block.Message, len(b.Messages))
	for _, body := range b.Messages {
		s.bodies[body.ID()] = body
	}
	s.mu.Unlock()
	for _, frame := range batches(b.Messages) { // not only when they are asked for
		s.tell(frame)
	}
	for ctx.Err() == nil {
		s.tell(encode(wire.Proposal{Proposal: b.Proposal()}))
		const look = time.Millisecond
		for waited := time.Duration(0); waited < proposeAgain && ctx.Err() == nil; waited += look {
			if found := s.m.heard.quorum(b.ID(), s.m.group.Q()-1); found != nil {
				return found
			}
			wait.For(ctx, look)
		}
	}
	return nil
}

// tell queues a frame for all victims.
func (s *shop) tell(frame []byte) {
	for to := range s.queues {
		s.queue(to, frame)
	}
}

// queue queues a frame for a victim, or drops it if its queue is full.
func (s *shop) queue(to keys.Public, frame []byte) {
	select {
	case s.queues[to] <- frame:
	default:
	}
}

// answer answers requests for bodies until ctx is done.
func (s *shop) answer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case wanted := <-s.m.heard.asked:
			for _, frame := range batches(s.find(wanted.ids)) {
				s.queue(wanted.from, frame)
			}
		}
	}
}

// find returns the bodies with these IDs.
func (s *shop) find(ids []block.MessageID) []block.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []block.Message
	for _, id := range ids {
		if body, ok := s.bodies[id]; ok {
			found = append(found, body)
		}
	}
	return found
}

// batches returns frames with the messages, about a megabyte in each.
func batches(messages []block.Message) [][]byte {
	var frames [][]byte
	first, size := 0, 0
	for i, m := range messages {
		if size += m.Size(); size > wire.BatchBytes && i > first {
			frames = append(frames, wire.EncodeMessages(messages[first:i]))
			first, size = i, m.Size()
		}
	}
	if first < len(messages) {
		frames = append(frames, wire.EncodeMessages(messages[first:]))
	}
	return frames
}
