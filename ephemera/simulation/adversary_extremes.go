package simulation

import (
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// extremes makes valid blocks whose values are at the ends of their domains: times, labels,
// payloads and counts of messages. It shows headers, and at last a proof against itself, at the
// greatest height. A naive node counts with such a value, or its store refuses it.
type extremes struct {
	ballot *ballot
	rounds int
}

func (a *extremes) suppressesBlocks(int64) bool { return true }

func (a *extremes) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	if a.rounds++; a.ballot == nil || a.ballot.group != g {
		a.ballot = newBallot(p, g, p.extremeBlock(g, 1, block.ID{}))
	}
	a.push(p)
	victims := p.victims(g)
	if p.rng.permille(100) {
		top := p.forgeBlock(g, greatest, block.ID{1})
		p.inject(victims[p.rng.below(len(victims))], wire.Proposal{Proposal: top.Proposal()})
	}
	if a.rounds == 25 {
		x, y := p.atTop(g, 0), p.atTop(g, greatest)
		if x.Header.ID().Compare(y.Header.ID()) > 0 {
			x, y = y, x
		}
		p.inject(victims[p.rng.below(len(victims))], wire.Evidence{A: x, B: y})
	}
}

// push proposes the block until there is a certificate, which it sends, and then makes the next.
func (a *extremes) push(p *byzantine) {
	b, g := a.ballot.block, a.ballot.group
	proof, ok := a.ballot.certificate()
	if !ok {
		p.injectAll(p.victims(g), wire.Messages{Messages: b.Messages})
		p.injectAll(p.victims(g), wire.Proposal{Proposal: b.Proposal()})
		return
	}
	p.injectAll(p.victims(g), wire.Blocks{Blocks: []wire.Held{{Block: b, Certificate: &proof}}})
	if b.Header.Height < 8 {
		a.ballot = newBallot(p, g, p.extremeBlock(g, b.Header.Height+1, b.ID()))
	}
}

// extremeBlock makes a block of extreme messages for a slot of the member.
func (p *byzantine) extremeBlock(g *membership.Group, height uint64, parent block.ID) block.Block {
	var messages []block.Message
	for i := range []int{0, 1, 6, 64}[p.rng.below(4)] {
		messages = append(messages, p.extremeMessage(i))
	}
	b := block.New(g, p.key.Public(), height, parent, p.extremeTime(), messages)
	b.SignedHeader = p.sign(b.Header)
	return b
}

// extremeMessage makes a message whose payload differs from that of the block's others by its
// label.
func (p *byzantine) extremeMessage(i int) block.Message {
	labels := []string{fmt.Sprint(i), strings.Repeat("\U0010ffff", 15) + fmt.Sprintf("%04d", i), "\x00" + fmt.Sprint(i)}
	payload := make([]byte, []int{0, 1, 300}[p.rng.below(3)])
	if i == 0 {
		payload = make([]byte, []int{0, maxPayload}[p.rng.below(2)])
	}
	m := p.w.message(p.key, labels[p.rng.below(len(labels))], payload, p.extremeTime())
	p.w.check.made[m.ID()] = true
	return m
}

// extremeTime returns the earliest times, the latest, or the time of the member's clock.
func (p *byzantine) extremeTime() int64 {
	return []int64{0, 1, p.wall(), greatest - 1, greatest}[p.rng.below(5)]
}

// atTop signs a header at the greatest height.
func (p *byzantine) atTop(g *membership.Group, time int64) block.SignedHeader {
	return p.sign(block.New(g, p.key.Public(), greatest, block.ID{1}, time, nil).Header)
}

func (a *extremes) receive(_ *byzantine, _ int, frame wire.Frame) bool {
	echo, ok := frame.(wire.Echo)
	return !ok || a.ballot == nil || !a.ballot.count(echo.Echo)
}

func (a *extremes) send(p *byzantine, to int, frame wire.Frame) {
	if _, own := frame.(wire.Proposal); !own {
		p.forward(to, frame)
	}
}
