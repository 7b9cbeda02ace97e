package policy

import (
	"cmp"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// A choice is the result of the rules: the messages of a block, and when another block may be due
// if no further message arrives.
type choice struct {
	messages []block.MessageID
	due      time.Time // zero if no block becomes due by time
}

// again is the delay until the next of several due blocks is offered, in case the previous one is
// not certified.
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

// piles divides the candidates into those of one block each: a single pile, or with OneLabel one
// for each label. The pile that was offered least often without success comes first, and among
// equals the one that arrived first. So a block that the application does not accept does not delay
// the others.
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

// A pick is the part of a pile that goes into one block.
type pick struct {
	ids     []block.MessageID
	members int  // of the group that sent at least one of the messages
	full    bool // the next message does not fit
}

// pick takes messages in order up to the group's limits. With OneOfEach it takes only the first of
// each sender.
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

// complete reports whether the block does not have to wait for further messages.
func (c Config) complete(group *membership.Group, p pick) bool {
	atOnce := c.Wait == 0 && c.Messages == 0 && !c.OneOfEach
	return atOnce || p.full ||
		c.Messages > 0 && len(p.ids) >= c.Messages ||
		c.OneOfEach && p.members == group.N()
}

// waits is what is remembered of the candidates of the last turn.
type waits map[block.MessageID]*wait

type wait struct {
	since time.Time // when it became a candidate
	tries int       // blocks that it was the first message of, and that were not certified
}

// update removes messages that are no longer candidates and adds new ones.
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
