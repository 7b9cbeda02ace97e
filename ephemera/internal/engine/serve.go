package engine

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// allowance is how many bytes of bodies and evidence a member may still be sent. A request is
// answered while it is positive and pays afterwards, so the debt is at most one answer.
type allowance struct {
	left int
	at   int64 // when it was refilled last
}

// The allowance of a member, in answers of the greatest size. A correct member asks for each body
// that it lacks, again only after R7's waits, so one block a second of each creator needs less.
const (
	answersPerSecond = 2
	answersAtOnce    = 4
)

// allowanceOf refills a member's allowance and returns it.
func (e *Engine) allowanceOf(now int64, member keys.Public) *allowance {
	answer := e.servedBytes()
	a := e.allowances[member]
	if a == nil {
		a = &allowance{left: answersAtOnce * answer, at: now}
		e.allowances[member] = a
	}
	passed := min(now-a.at, 1000*answersAtOnce)
	a.left, a.at = min(answersAtOnce*answer, a.left+int(passed*int64(answersPerSecond*answer)/1000)), now
	return a
}

// forgetAllowances forgets members that have not asked for so long that they may ask for everything
// again. It runs once a round.
func (e *Engine) forgetAllowances(now int64) {
	for member, a := range e.allowances {
		if a.at+1000*(answersAtOnce+1) < now {
			delete(e.allowances, member)
		}
	}
}

// serveMessages answers with the messages that this member has, in frames of bounded size and in
// total no more than a block. The member asks again for what is still missing.
func (e *Engine) serveMessages(now int64, to keys.Public, f wire.GetMessages) {
	allowed := e.allowanceOf(now, to)
	if allowed.left <= 0 {
		return
	}
	var batch []block.Message
	size, left := 0, e.servedBytes()
	for _, id := range f.IDs {
		m, ok := e.body(id)
		if !ok {
			continue
		}
		if left -= m.Size(); left < 0 {
			break
		}
		allowed.left -= m.Size()
		if size+m.Size() > wire.BatchBytes && len(batch) > 0 {
			e.answer(to, wire.Messages{Messages: batch})
			batch, size = nil, 0
		}
		batch, size = append(batch, m), size+m.Size()
	}
	if len(batch) > 0 {
		e.answer(to, wire.Messages{Messages: batch})
	}
}

// serveEvidence answers with the proofs that this member has. The member asks again when it hears
// of them again.
func (e *Engine) serveEvidence(now int64, to keys.Public, p *part, f wire.GetEvidence) {
	allowed := e.allowanceOf(now, to)
	if allowed.left <= 0 {
		return
	}
	for _, creator := range f.Creators {
		if evidence, ok := p.instance.Evidence(int(creator)); ok {
			frame := wire.Evidence{A: evidence.A, B: evidence.B}
			allowed.left -= wire.MostBytes(frame)
			e.answer(to, frame)
		}
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

// heldBody returns a message from the mempool, or from a block that was certified recently.
func (e *Engine) heldBody(id block.MessageID) (block.Message, bool) {
	if m, ok := e.pool.Body(id); ok {
		return m, true
	}
	return e.recent.find(id)
}

// body returns a message that is held, or from the open blocks of all groups.
func (e *Engine) body(id block.MessageID) (block.Message, bool) {
	if m, ok := e.heldBody(id); ok {
		return m, true
	}
	for _, p := range e.parts {
		if m, ok := p.instance.Body(id); ok {
			return m, true
		}
	}
	return block.Message{}, false
}

// answer sends a frame that a member asked for.
func (e *Engine) answer(to keys.Public, frame wire.Frame) {
	if to != e.config.Self {
		e.emit(Send{To: to, Frame: frame, Answer: true})
	}
}
