package ephemera

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// memberRequests bounds what one member may have waiting for the store reader. A member that
// catches up asks for several chains at once, and often the first one that it reaches for all.
const memberRequests = 16

// requests are what waits for the store reader and members asked for. Members take turns, so one
// that asks for much delays only itself. They also hold reads of this node's groups, which have a
// turn like a member's.
type requests struct {
	waiting map[keys.Public][]read // none is empty
	turns   []keys.Public          // who waits, in the order of their turns
}

// put adds a request. It replaces the member's request for the same chain or block, which is older,
// and its last one if it has memberRequests.
func (q *requests) put(r read) {
	mine := q.waiting[r.to]
	if len(mine) == 0 {
		if q.waiting == nil {
			q.waiting = make(map[keys.Public][]read)
		}
		q.turns = append(q.turns, r.to)
	}
	i := slices.IndexFunc(mine, r.replaces)
	switch {
	case i >= 0:
		mine[i] = r
	case len(mine) >= memberRequests && r.group == nil:
		mine[len(mine)-1] = r
	default:
		q.waiting[r.to] = append(mine, r)
	}
}

// replaces reports whether a member that sent r needs no answer to an earlier request.
func (r read) replaces(earlier read) bool {
	switch {
	case r.from != nil && earlier.from != nil:
		return chainOf(*r.from) == chainOf(*earlier.from)
	case r.from != nil || earlier.from != nil || r.group != nil || earlier.group != nil:
		return false
	}
	return r.block == earlier.block
}

// first returns the request that is served next. It returns false if no request waits.
func (q *requests) first() (read, bool) {
	if len(q.turns) == 0 {
		return read{}, false
	}
	return q.waiting[q.turns[0]][0], true
}

// taken removes what first returned, and gives the turn to the next member.
func (q *requests) taken() {
	member := q.turns[0]
	q.turns = q.turns[1:]
	if rest := q.waiting[member][1:]; len(rest) > 0 {
		q.waiting[member] = rest
		q.turns = append(q.turns, member)
	} else {
		delete(q.waiting, member)
	}
}
