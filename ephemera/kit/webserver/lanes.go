package webserver

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Lane is a class of requests that share places and memory, so that no other class can take them.
type Lane int

// The lanes.
const (
	// Loads is for requests that load from a store: few at a time, because their answers are large,
	// and a sixteenth of Config.MemoryBytes a second.
	Loads Lane = iota
	// Lookups is for requests that are answered from memory, and whose answers are small.
	Lookups
	// Waits is for requests that mostly wait for others, and whose answers are small.
	Waits
	// Probes is for those that watch the process. They take nothing from the limits of callers.
	Probes
	// Direct is for handlers that write to the connection themselves, or take it over. They need
	// limits of their own.
	Direct
)

// Lanes says which lane requests for a path take. Those for other paths take Loads.
type Lanes map[string]Lane

func (l Lanes) of(r *http.Request) Lane { return l[r.URL.Path] }

const (
	// loads is the number of places of Loads: half as many as a store reads at a time, so that what
	// else reads from it, and probes, need not wait for them.
	loads   = 2
	lookups = 8   // places of Lookups
	waits   = 128 // places of Waits
	probes  = 16  // places of Probes

	// loadSeconds is how long it takes until Loads have made as much as there is memory. They may make
	// half of it at once.
	loadSeconds = 16

	probeBytes = 4 << 20 // memory of Probes

	// patience is how long a request waits for its place.
	patience = 5 * time.Second
	// oldHold is how long memory may be held while a caller that has no more of it needs some.
	oldHold = time.Second
	// comeBack is when a caller should come back that was refused because of others.
	comeBack = time.Second
)

// lane is what the requests of a Lane share.
type lane struct {
	places *places
	memory *Shares // for answers
}

// lanes returns all but Direct.
func newLanes(memory *Shares) []lane {
	work := newBudget(max(1, memory.total/loadSeconds), memory.each)
	return []lane{
		Loads: {newPlaces(loads, patience, work), memory}, Lookups: {newPlaces(lookups, patience, nil), memory},
		Waits: {newPlaces(waits, patience, nil), memory}, Probes: {newPlaces(probes, patience, nil), NewShares(probeBytes, oldHold)},
	}
}

// Serve has requests wait for a place in their lane, gives the place back once the handler has made
// the answer, and then sends the answer at the pace of the caller, who must keep up a least rate.
// Answers that are being sent have a bound in bytes, and equal ones share their bytes. It belongs
// directly before the handlers, behind ClientAddress and Body. A request ends with its connection.
func (s *Server) Serve(guard Guard, lanes Lanes) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, done := whileOpen(r)
			defer done()
			if lanes.of(r) == Direct {
				s.working(r)
				next.ServeHTTP(w, r)
				return
			}
			if err := s.serve(s.lanes[lanes.of(r)], w, r, next); err != nil {
				guard.Refuse(w, r, err)
			}
		})
	}
}

func (s *Server) serve(in lane, w http.ResponseWriter, r *http.Request, next http.Handler) error {
	made, reader := s.answers.find(r)
	if made == nil {
		var err error
		if made, reader, err = s.prepare(in, w, r, next); err != nil {
			return err
		}
	}
	dropBody(r)
	defer s.answers.leave(reader)
	s.send(w, r, made)
	return nil
}

// prepare has the handler make the answer. The place is left once the memory for the answer is
// taken, so that few answers are without it.
func (s *Server) prepare(in lane, w http.ResponseWriter, r *http.Request, next http.Handler) (*answer, *reader, error) {
	defer dropBody(r) // before a refusal is sent
	caller := Caller(r)
	if !in.places.enter(r.Context(), caller) {
		return nil, nil, busy("all places for requests are taken")
	}
	var made *answer
	defer func() { in.places.leave(caller, made.size()) }()
	if !keepBody(r) {
		return nil, nil, busy("the memory for requests is taken")
	}
	s.working(r)
	made = record(next, w, r)
	dropBody(r)
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	reader := s.answers.add(ctx, made, in.memory, r)
	if reader == nil {
		return nil, nil, busy("the memory for answers is taken")
	}
	return made, reader, nil
}

func busy(what string) error {
	return &Refusal{Status: http.StatusServiceUnavailable, Detail: fmt.Sprintf("%s (try again in %s)", what, comeBack), RetryAfter: comeBack}
}

// working notes that the handler has the request now.
func (s *Server) working(r *http.Request) {
	if conn := connectionOf(r.Context()); conn != nil {
		s.connections.working(conn.severable)
	}
}

// Share notes that bytes are being sent to the caller of a request whose handler is Direct. It
// returns equal bytes if those are being sent to others, and a function to be called once they are
// sent. They count as an answer does: if another address takes their memory, the connection is cut
// off. The last value is false if there is no memory for them.
func (s *Server) Share(ctx context.Context, r *http.Request, bytes []byte) (shared []byte, sent func(), ok bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	made := &answer{body: &body{bytes: bytes}}
	reader := s.answers.add(ctx, made, s.memory, r)
	if reader == nil {
		return nil, nil, false
	}
	return reader.body.bytes, func() { s.answers.leave(reader) }, true
}

// Answering is Serve for handlers that all write to the connection themselves. A body stays until
// its handler returns.
func (s *Server) Answering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, done := whileOpen(r)
		defer done()
		s.working(r)
		keepBody(r) // if another address has taken it, the request's context has ended
		next.ServeHTTP(w, r)
	})
}
