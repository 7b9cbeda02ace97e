package engine

import (
	"errors"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// received handles a frame. Its signatures are verified; everything else in it is a claim.
func (e *Engine) received(now int64, in Received) {
	frame := in.Frame.Frame()
	switch f := frame.(type) {
	case wire.Messages:
		e.takeMessages(now, f.Messages, in.Refused)
		return
	case wire.GetMessages:
		e.serveMessages(in.From, f)
		return
	case wire.GetBlock:
		e.emit(ServeBlock{To: in.From, Slot: f.Slot, Block: f.Block})
		return
	case wire.GetGroup:
		e.describeGroup(in.From, f.Number)
		return
	case wire.Description:
		e.named(now, in.From, f.Group)
		return
	case wire.GetCertified:
		e.emit(ServeCertified{To: in.From, From: f.From})
		return
	case wire.Blocks:
		e.takeBlocks(now, in, f)
		return
	}
	p := e.part(wire.GroupOf(frame))
	if p == nil {
		e.receivedAtRest(now, in)
		return
	}
	from, ok := p.group.Index(in.From)
	if !ok {
		return // members of other groups have no vote in this one
	}
	switch f := frame.(type) {
	case wire.Proposal:
		p.instance.Proposal(now, from, f)
	case wire.Echo:
		p.instance.Echo(now, f)
	case wire.Rejection:
		p.instance.Rejection(now, from, f)
	case wire.Closed:
		p.instance.PeerClosed(now, from, f)
	case wire.Certificate:
		e.covered(now, Covered{From: in.From, Slot: f.Slot})
		p.instance.Certificate(now, from, f)
	case wire.Evidence:
		p.instance.Conflict(now, f.A, f.B)
	case wire.Frontier:
		e.takeFrontier(now, p, from, f)
	case wire.GetEvidence:
		for _, creator := range f.Creators {
			if evidence, ok := p.instance.Evidence(int(creator)); ok {
				e.send(in.From, wire.Evidence{A: evidence.A, B: evidence.B})
			}
		}
	}
}

// takeBlocks gives each block to its group, and its messages to the blocks and the mempool that
// miss them.
func (e *Engine) takeBlocks(now int64, in Received, f wire.Blocks) {
	for _, held := range f.Blocks {
		if p := e.part(held.Block.Header.Group); p != nil {
			if from, ok := p.group.Index(in.From); ok {
				p.instance.Blocks(now, from, wire.Blocks{Blocks: []wire.Held{held}})
			}
		}
		e.takeMessages(now, held.Block.Messages, in.Refused)
	}
}

// takeMessages adds bodies to the mempool unless the application refused them. Blocks that wait for
// a body get it in any case.
func (e *Engine) takeMessages(now int64, messages []block.Message, refused map[block.MessageID]bool) {
	for _, m := range messages {
		delete(e.requested, m.ID())
		err := mempool.ErrExpired
		if !refused[m.ID()] {
			err = e.add(now, m, e.ownBeforeRestart(m))
		}
		if errors.Is(err, mempool.ErrExpired) {
			e.pool.Refuse(m.ID()) // neither verdict changes, so do not fetch it again
		}
		if err != nil {
			e.offerToBlocks(now, m)
		}
	}
}

// ownBeforeRestart reports whether a message was this member's own before its restart, which
// emptied the mempool. Then it is its own message again.
func (e *Engine) ownBeforeRestart(m block.Message) bool {
	return m.Sender() == e.config.Self && m.Time() <= e.started+e.wall.ahead
}

// takeFrontier compares a member's frontier with the state here, and asks for what is missing.
func (e *Engine) takeFrontier(now int64, p *part, from int, f wire.Frontier) {
	p.instance.Claims(now, from, f.Certified)
	if p.instance.Closed && p.version > 0 && e.shouldAnswer(now, p.group, p.frontier, p.version, &p.peers[from], f) {
		e.send(p.group.Member(from), p.frontier)
	}
	if behind(p, f) {
		e.resendFrontier(now, p, from)
	}
	for i := range f.Open {
		p.instance.Header(now, f.Open[i])
	}
	var missing []uint32
	for _, creator := range f.Evidence {
		if _, ok := p.instance.Evidence(int(creator)); !ok {
			missing = append(missing, creator)
		}
	}
	if len(missing) > 0 {
		e.send(p.group.Member(from), wire.GetEvidence{Group: f.Group, Creators: missing})
	}
	var wanted []block.MessageID
	for _, listing := range f.Mempool {
		if e.pool.Wants(listing.ID, listing.Sender) && e.shouldRequest(listing.ID) {
			wanted = append(wanted, listing.ID)
		}
	}
	if len(wanted) > 0 {
		e.scheduleRound(now) // rounds measure how long the answer takes
		e.send(p.group.Member(from), wire.GetMessages{IDs: wanted})
	}
}

// bodyRequest says how often a body was requested, and in which round last.
type bodyRequest struct {
	round uint64
	times int
}

// exclusiveRounds is for how many rounds one member at a time is asked for a body. After that,
// every member that lists the body is asked: the first ones may have listed it only to keep this
// member from asking others.
const exclusiveRounds = 3

// shouldRequest reports whether to ask a member for the body of a message that it lists, and counts
// the request.
func (e *Engine) shouldRequest(id block.MessageID) bool {
	a, ok := e.requested[id]
	if ok && a.round == e.round.count && a.times < exclusiveRounds {
		return false
	}
	if !ok && len(e.requested) >= maxRequested {
		return true // too many to remember: asking twice costs bytes, not asking would cost messages
	}
	e.requested[id] = bodyRequest{round: e.round.count, times: a.times + 1}
	return true
}

// forgetRequests forgets bodies that no member has listed for a while. It looks at all of them, so
// it runs once a round and never because of what a peer sends.
func (e *Engine) forgetRequests() {
	for id, a := range e.requested {
		if a.round+exclusiveRounds < e.round.count {
			delete(e.requested, id)
		}
	}
}

// maxRequested bounds how many requests for bodies are remembered.
const maxRequested = 8 * wire.MaxListings

// serveMessages answers with the messages that this member has, in frames of bounded size and in
// total no more than a block. The member asks again for what is still missing.
func (e *Engine) serveMessages(to keys.Public, f wire.GetMessages) {
	var batch []block.Message
	size, left := 0, e.servedBytes()
	for _, id := range f.IDs {
		m, ok := e.pool.Get(id)
		if !ok {
			m, ok = e.openBody(id)
		}
		if !ok {
			continue
		}
		if left -= m.Size(); left < 0 {
			break
		}
		if size+m.Size() > wire.BatchBytes && len(batch) > 0 {
			e.send(to, wire.Messages{Messages: batch})
			batch, size = nil, 0
		}
		batch, size = append(batch, m), size+m.Size()
	}
	if len(batch) > 0 {
		e.send(to, wire.Messages{Messages: batch})
	}
}

// servedBytes bounds the bodies in all answers to one request.
func (e *Engine) servedBytes() int {
	served := wire.BatchBytes
	for _, p := range e.parts {
		served = max(served, int(p.group.Limits().BlockBytes))
	}
	return served
}

// openBody returns a message from the open blocks of all groups.
func (e *Engine) openBody(id block.MessageID) (block.Message, bool) {
	for _, p := range e.parts {
		if m, ok := p.instance.Body(id); ok {
			return m, true
		}
	}
	return block.Message{}, false
}

func (e *Engine) send(to keys.Public, frame wire.Frame) {
	if to != e.config.Self {
		e.emit(Send{To: to, Frame: frame})
	}
}
