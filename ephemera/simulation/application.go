package simulation

import (
	"cmp"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// Application is a node's application in a simulation: package ephemera's interface without
// goroutines. Now is the node's own clock, in milliseconds since 1970.
type Application interface {
	CheckMessage(now int64, m block.Message) verdict.Decision
	NextBlock(now int64, candidates []block.Message) []block.MessageID
	CheckBlock(now int64, b block.Block, own bool) verdict.Decision
	// DeliverBlock hands over a certified block. It is not called if the schedule makes the delivery
	// fail.
	DeliverBlock(now int64, delivered store.Certified)
}

// Labels that the simulation's own application knows.
const (
	labelPoison  = "poison"  // the application rejects a block that holds such a message
	labelSlow    = "slow"    // the application says later to it until data that it names has come
	labelRefused = "refused" // CheckMessage refuses such a message; a block may hold it
)

// notes is the simulation's own application. Its blocks hold whatever there is, its verdicts depend
// on the block's bytes, and the data that a block names comes late.
type notes struct {
	seed  uint64
	node  int
	most  int                // messages in a block
	named map[block.ID]int64 // when the data that a block names is there
}

// notesPerBlock is how many messages a block of notes holds, unless the schedule says otherwise.
const notesPerBlock = 8

func newNotes(s Schedule, node int) *notes {
	return &notes{seed: s.Seed, node: node, most: cmp.Or(s.PerBlock, notesPerBlock), named: map[block.ID]int64{}}
}

func (a *notes) CheckMessage(_ int64, m block.Message) verdict.Decision {
	if m.Label() == labelRefused {
		return verdict.Reject("its label is refused")
	}
	return verdict.Accept()
}

func (a *notes) NextBlock(_ int64, candidates []block.Message) []block.MessageID {
	ids := make([]block.MessageID, 0, a.most)
	left := int(limits.BlockBytes)
	for _, m := range candidates {
		if m.Label() == labelKept {
			continue
		}
		if left -= m.Size(); left < 0 || len(ids) == a.most {
			break
		}
		ids = append(ids, m.ID())
	}
	return ids
}

func (a *notes) CheckBlock(now int64, b block.Block, own bool) verdict.Decision {
	if poison := poisoned(b); len(poison) > 0 {
		return verdict.Reject("it holds poison").Dropping(poison...)
	}
	for _, m := range b.Messages {
		if !own && strings.HasPrefix(m.Label(), labelSlow) {
			return a.later(now, b.ID())
		}
	}
	return verdict.Accept()
}

// later says later until the data that a block names has come, which takes half a second to three
// after the first question.
func (a *notes) later(now int64, id block.ID) verdict.Decision {
	due, asked := a.named[id]
	if !asked {
		due = now + 500 + int64(hash(a.seed, uint64(a.node), uint64(id[0]))%2500)
		a.named[id] = due
	}
	if now < due {
		return verdict.Later("what it names has not come")
	}
	return verdict.Accept()
}

func (a *notes) DeliverBlock(int64, store.Certified) {}

// poisoned returns the messages because of which the simulation's application rejects a block.
func poisoned(b block.Block) []block.MessageID {
	var ids []block.MessageID
	for _, m := range b.Messages {
		if m.Label() == labelPoison {
			ids = append(ids, m.ID())
		}
	}
	return ids
}
