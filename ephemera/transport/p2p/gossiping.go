package p2p

import (
	"context"
	"sync"
)

// gossiping is the gossip of one peer on its way to the receiver: one frame at a time, so that a
// peer whose frames take long delays only itself, and a bounded number and size of waiting frames.
// GossipSub calls the validator for any number of frames at once.
type gossiping struct {
	turn                chan struct{} // one token, held while a frame is passed to the receiver
	maxFrames, maxBytes int

	mu            sync.Mutex
	frames, bytes int // waiting, and the one being passed
}

// leastGossip bounds below the frames of one peer that may wait.
const leastGossip = 100

// newGossiping shares out the validators among the peers. A peer's frames of the size of the
// longest one may wait.
func newGossiping(validators, peers, frameBytes int) *gossiping {
	g := &gossiping{turn: make(chan struct{}, 1), maxFrames: max(leastGossip, validators/max(1, peers)), maxBytes: frameBytes}
	g.turn <- struct{}{}
	return g
}

// enter waits for the turn of a frame. It returns false if too much waits already, or ctx is done
// first. After true, the caller must call leave.
func (g *gossiping) enter(ctx context.Context, size int) bool {
	if !g.add(size) {
		return false
	}
	select {
	case <-g.turn:
		return true
	case <-ctx.Done():
		g.remove(size)
		return false
	}
}

// leave ends the turn.
func (g *gossiping) leave(size int) {
	g.remove(size)
	g.turn <- struct{}{}
}

func (g *gossiping) add(size int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.frames >= g.maxFrames || g.bytes+size > g.maxBytes {
		return false
	}
	g.frames++
	g.bytes += size
	return true
}

func (g *gossiping) remove(size int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.frames--
	g.bytes -= size
}
