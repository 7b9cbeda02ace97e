package webserver

import (
	"bytes"
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
// the server's memory until the answer is sent. chi's AllowContentType and RequestSize answer
// without a body, and the latter only once the handler reads.
func (g Guard) Body(mediaType string, limit func() int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				in := newIncoming(w, r, limit())
				defer in.release()
				body, err := in.read(mediaType)
				if err != nil {
					g.Refuse(w, r, err)
					return
				}
				r.Body, r.ContentLength = &readBody{bytes.NewReader(body), body}, int64(len(body))
			}
			next.ServeHTTP(w, r)
		})
	}
}

// readBody is a body in memory.
type readBody struct {
	*bytes.Reader
	all []byte
}

// Close does nothing.
func (*readBody) Close() error { return nil }

// BodyBytes returns the body that Guard.Body has read, or nil if it has not. The bytes must not be
// changed.
func BodyBytes(r *http.Request) []byte {
	if body, read := r.Body.(*readBody); read {
		return body.all
	}
	return nil
}

// incoming is a body that is being read.
type incoming struct {
	request *http.Request
	reader  io.Reader
	limit   int64
	conn    *connection // nil without a Server
	hold    *Hold       // of conn's server
	until   time.Time   // the end of the request
}

func newIncoming(w http.ResponseWriter, r *http.Request, limit int64) *incoming {
	in := &incoming{request: r, reader: http.MaxBytesReader(w, r.Body, limit), limit: limit, conn: connectionOf(r.Context())}
	if in.conn != nil {
		in.until = time.Now().Add(in.conn.server.config.ReadTimeout)
		in.hold = in.conn.server.memory.Take(Caller(r), 0, func() { _ = in.conn.SetReadDeadline(time.Unix(1, 0)) })
	}
	return in
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

// readAll reads the body, each piece of which must come in time. Memory is taken for what has come,
// not for what the caller announces.
func (in *incoming) readAll() ([]byte, error) {
	const first = 4 << 10
	most := in.limit
	if announced := in.request.ContentLength; announced >= 0 {
		most = min(most, announced)
	}
	var body []byte
	for due := 0; ; {
		if len(body) == cap(body) {
			grown := min(max(first, 2*int64(cap(body))), most+1) // one more, so that the end is seen
			grown = max(grown, int64(cap(body))+1)
			if in.hold != nil && !in.hold.Grow(grown-int64(cap(body))) {
				return nil, errTaken
			}
			body = append(make([]byte, 0, grown), body...)
		}
		if len(body) >= due {
			due += pieceBytes
			in.expectPiece()
		}
		if in.hold != nil && in.hold.Lost() { // after the deadline is set, which a loss sets, too
			return nil, errTaken
		}
		n, err := in.reader.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			in.expectEnd()
			return body, nil
		}
		if err != nil {
			return nil, err
		}
	}
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
