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
)

// Body reads the body of a POST before anything looks at it, so that everything that can be wrong
// with it is refused in one way. The body must be of the media type and have at most limit bytes.
// chi's AllowContentType and RequestSize answer without a body, and the latter only once the
// handler reads.
func (g Guard) Body(mediaType string, limit func() int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				body, err := read(w, r, mediaType, limit())
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

func read(w http.ResponseWriter, r *http.Request, mediaType string, limit int64) ([]byte, error) {
	contentType := r.Header.Get("Content-Type")
	if got, _, err := mime.ParseMediaType(contentType); err != nil || got != mediaType {
		return nil, &Refusal{Status: http.StatusUnsupportedMediaType, Detail: fmt.Sprintf("Content-Type is %.100q, expected %s", contentType, mediaType)}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var above *http.MaxBytesError
	switch {
	case errors.As(err, &above):
		return nil, &Refusal{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the body has more than %d bytes", limit)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &Refusal{Status: http.StatusRequestTimeout, Detail: "the body did not come in time"}
	case err != nil:
		return nil, &Refusal{Status: http.StatusBadRequest, Detail: "the body ends early"}
	}
	return body, nil
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
