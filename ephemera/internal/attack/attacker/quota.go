package attacker

import (
	"context"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// quota fills the attacker's share of every mempool, and continues to send valid messages that have
// no room, directly and by gossip: a third of the frames hold small ones, a third hold such as
// honest members send, a third hold large ones.
func quota(ctx context.Context, m *member) {
	shapes := []struct{ count, size int }{{256, 16}, {64, 4 << 10}, {4, 250_000}}
	p := pool{make: func(turn int) []byte {
		shape := shapes[turn%len(shapes)]
		bodies := make([]block.Message, shape.count)
		for i := range bodies {
			bodies[i] = m.message(shape.size)
		}
		return wire.EncodeMessages(bodies)
	}}
	m.each(func(v *victim) {
		for turn := 0; ctx.Err() == nil; turn++ {
			if frame := p.frame(turn); turn%2 == 0 {
				v.send(ctx, frame)
			} else {
				v.spread(ctx, turn/2, frame)
			}
		}
	})
}

// pool makes each frame once for all victims: signing costs the attacker about as much as verifying
// costs each of them.
type pool struct {
	make func(turn int) []byte

	mu    sync.Mutex
	first int // turn of the first one
	kept  [][]byte
}

// maxPool bounds the frames that are kept for slower victims.
const maxPool = 64

// frame returns the frame of a turn, or the oldest one that is kept.
func (p *pool) frame(turn int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for turn >= p.first+len(p.kept) {
		p.kept = append(p.kept, p.make(p.first+len(p.kept)))
		if len(p.kept) > maxPool {
			p.first, p.kept = p.first+1, p.kept[1:]
		}
	}
	return p.kept[max(0, turn-p.first)]
}
