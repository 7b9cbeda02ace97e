package simulation

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
)

// requests wait for the reader of a node's store. As in the shipped runner, a member's newer
// request replaces its older one of the same kind, and few headers wait.
type requests struct {
	waiting []engine.Effect
	headers int
}

// maxHeaders bounds the headers that wait, as readHeaders does in the shipped runner.
const maxHeaders = 64

func (r *requests) put(effect engine.Effect) {
	if _, ok := effect.(broadcast.FindHeader); ok {
		if r.headers < maxHeaders {
			r.headers++
			r.waiting = append(r.waiting, effect)
		}
		return
	}
	if i := slices.IndexFunc(r.waiting, func(other engine.Effect) bool { return replaces(effect, other) }); i >= 0 {
		r.waiting[i] = effect
		return
	}
	r.waiting = append(r.waiting, effect)
}

func replaces(effect, other engine.Effect) bool {
	switch e := effect.(type) {
	case engine.ServeBlock:
		o, ok := other.(engine.ServeBlock)
		return ok && e.To == o.To
	case engine.ServeCertified:
		o, ok := other.(engine.ServeCertified)
		return ok && e.To == o.To
	}
	return false
}

// beginRead begins the next read. Its answer is sent at the end.
func (s *server) beginRead() *job {
	if len(s.requests.waiting) == 0 {
		return nil
	}
	effect := s.requests.waiting[0]
	s.requests.waiting = s.requests.waiting[1:]
	if _, ok := effect.(broadcast.FindHeader); ok {
		s.requests.headers--
	}
	s.answers, s.reads = nil, true
	s.n.execute(effect)
	s.reads = false
	cost, answers := perKiB(s.costs().ReadKiB, minimalRead), s.answers
	for _, answer := range answers {
		size := s.n.w.pack(answer.Frame, nil).size
		cost += perKiB(s.costs().ReadKiB, size) + s.encoding(size)
	}
	return &job{left: cost, done: func() {
		for _, answer := range answers {
			s.n.execute(answer)
		}
	}}
}

// minimalRead is what a read costs at least, in bytes.
const minimalRead = 4096
