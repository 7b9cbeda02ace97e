package attacker

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// frontiers sends frontiers, all of them valid and different, and lists of as many unknown messages
// as fit, in the name of every member.
func frontiers(ctx context.Context, m *member) {
	listings := m.decodable(m.listing(m.group), m.frontierWithListing(m.group))
	m.each(func(v *victim) {
		for turn := 0; ctx.Err() == nil; turn++ {
			if turn%2 == 0 || len(listings) == 0 {
				v.send(ctx, m.frontier(m.group, rand.Uint64N(1000)))
			} else {
				v.send(ctx, listings[turn/2%len(listings)](turn))
			}
		}
	})
}

// digests sends frontiers with the true heights of all chains, as far as the attacker heard of
// them, and false digests of their tips: the victims compare tips that do not differ.
func digests(ctx context.Context, m *member) {
	m.flood(ctx, func(int) []byte {
		known := make([]uint64, m.group.N())
		for _, c := range m.heard.lastCertificates() {
			if place, ok := m.group.Index(c.Slot.Creator); ok {
				known[place] = max(known[place], c.Slot.Height)
			}
		}
		return m.frontierOf(m.group, known)
	})
}

// claims sends a few frontiers a second that claim blocks far above every chain, answers no request
// for them, and so makes a member that starts wait for blocks that do not exist.
func claims(ctx context.Context, m *member) {
	m.each(func(v *victim) {
		for ctx.Err() == nil {
			v.send(ctx, m.frontier(m.group, 1<<40))
			wait.For(ctx, 100*time.Millisecond)
		}
	})
}

// Frames are encoded by hand here, because the attacker also speaks the language of older members.
const (
	oldFrontier = 10 // with a listing
	newFrontier = 18
	newListing  = 21
	listings    = 1024
)

// frontier returns a frontier that claims this height of every chain, or a few more.
func (m *member) frontier(group *membership.Group, height uint64) []byte {
	claimed := make([]uint64, group.N())
	for i := range claimed {
		claimed[i] = max(height, min(height+rand.Uint64N(1000), canonical.MaxNumber))
	}
	return m.frontierOf(group, claimed)
}

// frontierOf returns a frontier that claims these heights.
func (m *member) frontierOf(group *membership.Group, claimed []uint64) []byte {
	body := canonical.AppendArray(canonical.AppendArray(heights(group, claimed), 0), 0)
	frame := canonical.AppendBytes(append(append([]byte{newFrontier}, canonical.AppendArray(nil, 5)...), body...), random(32))
	if _, err := wire.Decode(group, frame); err == nil {
		return frame
	}
	return canonical.AppendArray(append(append([]byte{oldFrontier}, canonical.AppendArray(nil, 5)...), body...), 0)
}

// heights returns a frontier's group and heights.
func heights(group *membership.Group, claimed []uint64) []byte {
	id := group.ID()
	body := canonical.AppendArray(canonical.AppendBytes(nil, id[:]), len(claimed))
	for _, height := range claimed {
		body = canonical.AppendUint(body, height)
	}
	return body
}

// maker makes the frame of a turn.
type maker func(turn int) []byte

// decodable returns the makers whose frames an honest member of this version takes.
func (m *member) decodable(makers ...maker) []maker {
	var found []maker
	for _, make := range makers {
		if _, err := wire.Decode(m.group, make(0)); err == nil {
			found = append(found, make)
		}
	}
	return found
}

// listing returns lists of unknown messages.
func (m *member) listing(group *membership.Group) maker {
	return func(turn int) []byte {
		return appendListing(append([]byte{newListing}, canonical.AppendArray(nil, 1)...), group, turn)
	}
}

// frontierWithListing returns frontiers with lists of unknown messages.
func (m *member) frontierWithListing(group *membership.Group) maker {
	return func(turn int) []byte {
		frame := append(append([]byte{oldFrontier}, canonical.AppendArray(nil, 5)...), heights(group, make([]uint64, group.N()))...)
		frame = canonical.AppendArray(canonical.AppendArray(frame, 0), 0)
		return appendListing(frame, group, turn)
	}
}

func appendListing(dst []byte, group *membership.Group, turn int) []byte {
	dst = canonical.AppendArray(dst, listings)
	for i := range listings {
		sender := group.Member((turn + i) % group.N())
		dst = canonical.AppendBytes(canonical.AppendBytes(canonical.AppendArray(dst, 2), random(32)), sender[:])
	}
	return dst
}
