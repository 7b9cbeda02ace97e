package webserver

import (
	"bytes"
	"context"
	"hash/maphash"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5/middleware"
)

// answers are those that are being sent. Equal answers share their bytes, and a request for an
// answer that never changes gets the one that is being sent to others.
type answers struct {
	seed maphash.Seed

	mu       sync.Mutex
	byBytes  map[uint64]*body
	byTarget map[string]*answer // those with "immutable" in Cache-Control
}

// answer is what a handler has made of a request.
type answer struct {
	status int
	header http.Header
	*body
}

// body is the body of an answer while it is sent to at least one reader.
type body struct {
	bytes   []byte
	hash    uint64
	hold    *Hold // for bytes
	payer   string
	readers map[*reader]bool
	targets []string // keys of answers with this body
}

// reader is one request to which a body is sent.
type reader struct {
	caller string
	end    func() // closes its connection
	body   *body
}

// size returns the bytes of an answer, 0 of none.
func (a *answer) size() int {
	if a == nil {
		return 0
	}
	return len(a.bytes)
}

func newAnswers() *answers {
	return &answers{seed: maphash.MakeSeed(), byBytes: make(map[uint64]*body), byTarget: make(map[string]*answer)}
}

// target returns the key of what a request asks for, or "" if the answer depends on more.
func target(r *http.Request) string {
	if r.Method != http.MethodGet || r.Header.Get("If-None-Match") != "" || r.Header.Get("Range") != "" {
		return ""
	}
	return r.URL.RequestURI() + "\n" + r.Header.Get("Accept")
}

// find returns the answer to a request if it is being sent to others. The reader must leave.
func (a *answers) find(r *http.Request) (*answer, *reader) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := a.byTarget[target(r)]
	if found == nil {
		return nil, nil
	}
	return found, found.join(r)
}

// add notes that an answer is being sent. It returns nil if there is no memory for it, or not until
// ctx ends. The reader must leave.
func (a *answers) add(ctx context.Context, made *answer, memory *Shares, r *http.Request) *reader {
	hash := maphash.Bytes(a.seed, made.bytes)
	if joined := a.share(made, hash, r); joined != nil {
		return joined
	}
	made.hash, made.payer, made.readers = hash, Caller(r), make(map[*reader]bool)
	added := made.body
	// Without the lock, because it may end other bodies.
	hold := memory.Take(ctx, added.payer, int64(len(added.bytes)), func() { a.end(added) })
	if hold == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if hold.Lost() { // before it had a reader
		hold.Release()
		return nil
	}
	added.hold = hold
	if a.byBytes[hash] == nil {
		a.byBytes[hash] = added
	}
	a.remember(made, r)
	return added.join(r)
}

// share has the answer use the bytes of an equal one that is being sent, if there is one.
func (a *answers) share(made *answer, hash uint64, r *http.Request) *reader {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.byBytes[hash]
	if known == nil || !bytes.Equal(known.bytes, made.bytes) {
		return nil
	}
	made.body = known
	a.remember(made, r)
	return known.join(r)
}

// remember lets others that ask for the same have the answer, if it never changes.
func (a *answers) remember(made *answer, r *http.Request) {
	key := target(r)
	if key == "" || made.status != http.StatusOK || !strings.Contains(made.header.Get("Cache-Control"), "immutable") || a.byTarget[key] != nil {
		return
	}
	a.byTarget[key] = made
	made.targets = append(made.targets, key)
}

func (b *body) join(r *http.Request) *reader {
	joined := &reader{caller: Caller(r), body: b, end: func() {}}
	if conn := connectionOf(r.Context()); conn != nil {
		joined.end = func() { sever(conn.severable, nil) }
	}
	b.readers[joined] = true
	return joined
}

// leave ends a reader. The last one ends the body.
func (a *answers) leave(r *reader) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := r.body
	delete(b.readers, r)
	if len(b.readers) > 0 {
		return
	}
	b.hold.Release()
	if a.byBytes[b.hash] == b {
		delete(a.byBytes, b.hash)
	}
	for _, key := range b.targets {
		delete(a.byTarget, key)
	}
}

// end cuts off the readers for whose address a body's memory was held, which another address has
// taken. If others read it, too, it is held for one of them from now on. Otherwise the memory is
// given back once those readers have left.
func (a *answers) end(b *body) {
	for heir := a.disinherit(b); heir != nil; heir = a.disinherit(b) {
		if b.hold.Inherit(heir.caller) {
			return
		}
	}
}

// disinherit cuts off the readers for whose address a body is held, and makes one of the others
// the one for whom it is held. It returns nil if the body has no other reader.
func (a *answers) disinherit(b *body) (heir *reader) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for r := range b.readers {
		if r.caller == b.payer {
			delete(b.readers, r)
			r.end()
		} else {
			heir = r
		}
	}
	if heir != nil {
		b.payer = heir.caller
	}
	return heir
}

// record has a handler make the answer to a request.
func record(next http.Handler, w http.ResponseWriter, r *http.Request) *answer {
	into := &recorder{header: w.Header().Clone()}
	next.ServeHTTP(into, r)
	if into.status == 0 {
		into.status = http.StatusOK
	}
	made := into.body.Bytes()
	if cap(made) > len(made)+len(made)/4 {
		made = bytes.Clone(made)
	}
	return &answer{status: into.status, header: into.header, body: &body{bytes: made}}
}

// recorder is a http.ResponseWriter that keeps the answer.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

// Header returns the header of the answer.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader keeps the first status that ends a request.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
}

// Write keeps a part of the body.
func (r *recorder) Write(part []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(part)
}

// copyHeader makes header that of an answer, which another request may have had.
func copyHeader(header http.Header, of http.Header) {
	id := header.Get(middleware.RequestIDHeader)
	clear(header)
	maps.Copy(header, of)
	if id != "" {
		header.Set(middleware.RequestIDHeader, id)
	}
}
