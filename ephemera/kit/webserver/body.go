package webserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"time"
)

// Body reads the body of a POST before anything looks at it, so that everything that can be wrong
// with it is refused in one way. The body must be of the media type and have at most limit bytes.
// A caller of a Server must send at a least rate, and its body must fit into its address's share of
// the server's memory until the handler has made the answer. Another address may take that memory
// until the handler has its place. chi's AllowContentType and RequestSize answer without a body,
// and the latter only once the handler reads.
func (g Guard) Body(mediaType string, limit func() int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				next.ServeHTTP(w, r)
				return
			}
			r, done := whileOpen(r)
			defer done()
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			in := newIncoming(w, r.WithContext(ctx), limit(), cancel)
			defer in.release()
			body, err := in.read(mediaType)
			if err != nil {
				in.release() // a caller may take its time to read the refusal
				g.Refuse(w, r, err)
				return
			}
			r = in.request
			r.Body, r.ContentLength = &readBody{bytes.NewReader(body), body, in}, int64(len(body))
			next.ServeHTTP(w, r)
		})
	}
}

// readBody is a body in memory.
type readBody struct {
	*bytes.Reader
	all []byte
	in  *incoming
}

// Close does nothing.
func (*readBody) Close() error { return nil }

// BodyBytes returns the body that Guard.Body has read, or nil if it has not. The bytes must not be
// changed, and a handler must not keep them.
func BodyBytes(r *http.Request) []byte {
	if body, read := r.Body.(*readBody); read {
		return body.all
	}
	return nil
}

// keepBody has no other address take the memory of a request's body from now on, and reports
// whether none has.
func keepBody(r *http.Request) bool {
	body, read := r.Body.(*readBody)
	return !read || body.in.hold == nil || body.in.hold.Keep()
}

// dropBody gives the memory of a request's body back, whose handler has made the answer.
func dropBody(r *http.Request) {
	if body, read := r.Body.(*readBody); read {
		body.all = nil
		body.Reset(nil)
		body.in.release()
	}
}

// incoming is a body that is being read.
type incoming struct {
	request *http.Request
	reader  io.Reader
	limit   int64
	conn    *connection // nil without a Server
	cut     func()
	hold    *Hold     // of conn's server; nil until something has come
	until   time.Time // the end of the request
}

// newIncoming returns the body of a request. Cancel ends the request's context.
func newIncoming(w http.ResponseWriter, r *http.Request, limit int64, cancel func()) *incoming {
	in := &incoming{request: r, reader: http.MaxBytesReader(w, r.Body, limit), limit: limit, conn: connectionOf(r.Context())}
	if in.conn != nil {
		in.until = time.Now().Add(in.conn.server.config.ReadTimeout)
		in.cut = func() {
			_ = in.conn.SetReadDeadline(time.Unix(1, 0))
			cancel()
		}
	}
	return in
}

// take takes n bytes of memory and reports whether it could.
func (in *incoming) take(n int) bool {
	if in.conn == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(in.request.Context(), patience)
	defer cancel()
	if in.hold != nil {
		return in.hold.Grow(ctx, int64(n))
	}
	in.hold = in.conn.server.memory.Take(ctx, Caller(in.request), int64(n), in.cut)
	return in.hold != nil
}

// shrink gives a part of the memory back.
func (in *incoming) shrink(n int) {
	if in.hold != nil {
		in.hold.Shrink(int64(n))
	}
}

// release gives the memory of the body back.
func (in *incoming) release() {
	if in.hold != nil {
		in.hold.Release()
	}
}

func (in *incoming) read(mediaType string) ([]byte, error) {
	contentType := in.request.Header.Get("Content-Type")
	if got, _, err := mime.ParseMediaType(contentType); err != nil || got != mediaType {
		return nil, &Refusal{Status: http.StatusUnsupportedMediaType, Detail: fmt.Sprintf("Content-Type is %.100q, expected %s", contentType, mediaType)}
	}
	body, err := in.readAll()
	var above *http.MaxBytesError
	switch {
	case errors.As(err, &above):
		return nil, &Refusal{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the body has more than %d bytes", in.limit)}
	case errors.Is(err, errTaken), err != nil && in.hold != nil && in.hold.Lost():
		return nil, busy("the memory for requests is taken")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &Refusal{Status: http.StatusRequestTimeout, Detail: "the body did not come in time"}
	case err != nil:
		return nil, &Refusal{Status: http.StatusBadRequest, Detail: "the body ends early"}
	}
	return body, nil
}

// errTaken means that there is no memory for the body.
var errTaken = errors.New("the memory is taken")

// firstBytes is the size of the first piece of a body, which is all of most bodies.
const firstBytes = 4 << 10

// LeastMemory returns the Config.MemoryBytes with which a caller can send a body of a size.
func LeastMemory(body int64) int64 { return 2 * (2*body + firstBytes + pieceBytes) }

// readAll reads the body, each piece of which must come in time. Memory is taken for what has come,
// not for what the caller announces. It comes in pieces that are used again, so that a body that is
// cut off leaves no garbage; a complete one is copied.
func (in *incoming) readAll() ([]byte, error) {
	most := in.limit
	if announced := in.request.ContentLength; announced >= 0 {
		most = min(most, announced)
	}
	size := min(firstBytes, most+1) // one more, so that the end is seen
	if !in.take(int(size)) {
		return nil, errTaken
	}
	in.expectPiece()
	first, err := in.fill(make([]byte, 0, size))
	if errors.Is(err, io.EOF) {
		in.expectEnd()
		return first, nil
	}
	if err != nil {
		return nil, err
	}
	return in.readPieces(first)
}

// readPieces reads the rest of a body, and returns all of it.
func (in *incoming) readPieces(first []byte) (body []byte, err error) {
	var pieces []*[pieceBytes]byte
	defer func() {
		for _, piece := range pieces {
			in.conn.recycle(piece)
		}
		if body != nil {
			in.shrink(cap(first) + len(pieces)*pieceBytes)
		}
	}()
	length := len(first)
	for err == nil {
		if !in.take(pieceBytes) {
			return nil, errTaken
		}
		piece := in.conn.piece()
		pieces = append(pieces, piece)
		in.expectPiece()
		var part []byte
		part, err = in.fill(piece[:0])
		length += len(part)
	}
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	in.expectEnd()
	if !in.take(length) {
		return nil, errTaken
	}
	body = append(make([]byte, 0, length), first...)
	for _, piece := range pieces {
		body = append(body, piece[:min(pieceBytes, length-len(body))]...)
	}
	return body, nil
}

// fill reads until the part is full, or the body ends.
func (in *incoming) fill(part []byte) ([]byte, error) {
	for len(part) < cap(part) {
		if in.hold != nil && in.hold.Lost() { // after the deadline is set, which a loss sets, too
			return part, errTaken
		}
		n, err := in.reader.Read(part[len(part):cap(part)])
		part = part[:len(part)+n]
		if err != nil {
			return part, err
		}
	}
	return part, nil
}

// expectPiece sets the time by which the next piece must have come.
func (in *incoming) expectPiece() {
	if in.conn != nil {
		_ = in.conn.SetReadDeadline(earlier(in.until, time.Now().Add(in.conn.server.config.PieceTimeout)))
	}
}

// expectEnd sets the time by which the request must be answered.
func (in *incoming) expectEnd() {
	if in.conn != nil {
		_ = in.conn.SetReadDeadline(in.until)
	}
}

// WriteJSON answers with a value in JSON. If the value cannot be encoded, it returns the error and
// has written nothing.
func WriteJSON(w http.ResponseWriter, status int, value any) error {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(value); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // a caller that has left needs no answer
	return nil
}
