package engine

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// received handles a frame. Its signatures are verified; everything else in it is a claim.
func (e *Engine) received(now int64, in Received) {
	frame := in.Frame.Frame()
	switch f := frame.(type) {
	case wire.Messages:
		e.takeMessages(now, f.Messages)
		return
	case wire.GetMessages:
		e.serveMessages(now, in.From, f)
		return
	case wire.Pool:
		e.takeDigests(now, in.From, f)
		return
	case wire.GetListing:
		e.serveListing(now, in.From, f)
		return
	case wire.Listing:
		e.takeListing(now, in.From, f)
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
	case wire.GetFrontier:
		e.answerFresh(now, p, from, f)
	case wire.Fresh:
		e.takeFresh(now, p, from, f)
	case wire.GetEvidence:
		e.serveEvidence(now, in.From, p, f)
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
		} else {
			e.heldAtRest(now, in, held)
		}
		e.takeMessages(now, held.Block.Messages)
	}
}

// takeFrontier compares a member's frontier with the state here, and asks for what is missing.
func (e *Engine) takeFrontier(now int64, p *part, from int, f wire.Frontier) {
	p.instance.Claims(now, from, f.Certified)
	p.instance.CompareTips(now, from, f.Certified, f.Tips)
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
		if !p.instance.Proven(int(creator)) {
			missing = append(missing, creator)
		}
	}
	if len(missing) > 0 {
		e.send(p.group.Member(from), wire.GetEvidence{Group: f.Group, Creators: missing})
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

func (e *Engine) send(to keys.Public, frame wire.Frame) {
	if to != e.config.Self {
		e.emit(Send{To: to, Frame: frame})
	}
}
