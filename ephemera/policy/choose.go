package policy

import (
	"cmp"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// choice is what the rules make of the candidates: a block, and when there may be another one if
// nothing else comes.
type choice struct {
	messages []block.MessageID
	due      time.Time // zero: time alone makes no block
}

// again is how soon the next of several blocks that are due is offered, if the one before came to
// nothing.
const again = 100 * time.Millisecond

// choose applies the rules to candidates in the order of arrival.
func (c Config) choose(group *membership.Group, candidates []block.Message, w waits, now time.Time) choice {
	var chosen choice
	later := func(at time.Time) {
		if chosen.due.IsZero() || at.Before(chosen.due) {
			chosen.due = at
		}
	}
	for _, pile := range c.piles(candidates, w) {
		p := c.pick(group.Limits(), group.Contains, pile)
		if len(p.ids) == 0 {
			continue
		}
		due := w[pile[0].ID()].since.Add(c.Wait)
		ready := c.complete(group, p) || c.Wait > 0 && !now.Before(due)
		switch {
		case ready && chosen.messages == nil:
			chosen.messages = p.ids
			w[pile[0].ID()].tries++
		case ready:
			later(now.Add(again))
		case c.Wait > 0:
			later(due)
		}
	}
	return chosen
}

// piles returns the candidates of one block each: all of them, or with OneLabel those of each
// label. In front is what was offered least often without success, and among equals what came
// first: a block that the application does not let pass keeps no other waiting.
func (c Config) piles(candidates []block.Message, w waits) [][]block.Message {
	if !c.OneLabel {
		return [][]block.Message{candidates}
	}
	var piles [][]block.Message
	place := map[string]int{}
	for _, m := range candidates {
		i, known := place[m.Label()]
		if !known {
			i = len(piles)
			place[m.Label()] = i
			piles = append(piles, nil)
		}
		piles[i] = append(piles[i], m)
	}
	slices.SortStableFunc(piles, func(a, b []block.Message) int { return cmp.Compare(w[a[0].ID()].tries, w[b[0].ID()].tries) })
	return piles
}

// pick is what of a pile goes into one block.
type pick struct {
	ids     []block.MessageID
	members int  // of the group that sent one of them
	full    bool // the next message does not fit
}

// pick takes messages in their order while the group's limits have room, with OneOfEach the first
// of each sender.
func (c Config) pick(limits membership.Limits, member func(keys.Public) bool, pile []block.Message) pick {
	most := int(limits.BlockMessages)
	if c.Messages > 0 {
		most = min(most, c.Messages)
	}
	var p pick
	bytes := 0
	sent := map[keys.Public]bool{}
	for _, m := range pile {
		if c.OneOfEach && sent[m.Sender()] || len(m.Payload()) > int(limits.PayloadBytes) {
			continue
		}
		if len(p.ids) == most || bytes+m.Size() > int(limits.BlockBytes) {
			p.full = true
			break
		}
		if !sent[m.Sender()] && member(m.Sender()) {
			p.members++
		}
		sent[m.Sender()] = true
		bytes += m.Size()
		p.ids = append(p.ids, m.ID())
	}
	return p
}

// complete tells whether nothing need be waited for.
func (c Config) complete(group *membership.Group, p pick) bool {
	atOnce := c.Wait == 0 && c.Messages == 0 && !c.OneOfEach
	return atOnce || p.full ||
		c.Messages > 0 && len(p.ids) >= c.Messages ||
		c.OneOfEach && p.members == group.N()
}

// waits is what is remembered of the candidates of the last question.
type waits map[block.MessageID]*wait

type wait struct {
	since time.Time // it was a candidate first
	tries int       // blocks that it was the first message of, and that came to nothing
}

// update forgets what is no candidate any more and notes what is new.
func (w waits) update(candidates []block.Message, now time.Time) {
	current := make(map[block.MessageID]bool, len(candidates))
	for _, m := range candidates {
		current[m.ID()] = true
		if w[m.ID()] == nil {
			w[m.ID()] = &wait{since: now}
		}
	}
	for id := range w {
		if !current[id] {
			delete(w, id)
		}
	}
}
