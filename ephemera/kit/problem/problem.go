// Package problem is what the HTTP APIs of this repository have in common in their problem
// documents (RFC 9457). Each API has a type of its own for the kinds of its problems, a Table of
// them, and a type of problem that embeds Document and Retry; so kinds of two APIs are never equal.
//
// The package is unstable: it is public only because the modules of this repository share it.
package problem

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ContentType is the content type of a problem document.
const ContentType = "application/problem+json"

// Table describes the kinds of problems of one API. It is a value of that API: nothing is
// registered.
type Table[K ~string] struct {
	Prefix string        // of the type URIs, such as "urn:example:problem:"
	Kinds  map[K]Meaning // all kinds of the API
}

// Meaning is what a kind of problem says of itself in every document.
type Meaning struct {
	Status int    // the HTTP status
	Title  string // the same for every problem of the kind
}

// Type returns the URI that names a kind: the prefix and the kind.
func (t Table[K]) Type(kind K) string { return t.Prefix + string(kind) }

// Status returns the HTTP status of a kind, and 500 for an unknown one.
func (t Table[K]) Status(kind K) int {
	if meaning, known := t.Kinds[kind]; known {
		return meaning.Status
	}
	return http.StatusInternalServerError
}

// Document returns the document of a problem of a kind.
func (t Table[K]) Document(kind K, detail string) Document {
	return Document{Type: t.Type(kind), Title: t.Kinds[kind].Title, Status: t.Status(kind), Detail: detail}
}

// Kind returns the kind that a type URI names, or "" if the URI is not one of this API. The kind
// may be unknown: a newer server may have sent it.
func (t Table[K]) Kind(uri string) K {
	kind, own := strings.CutPrefix(uri, t.Prefix)
	if !own {
		return ""
	}
	return K(kind)
}

// Document is what RFC 9457 defines of a problem document. An API's type of problem embeds it first
// and adds its own members after it.
type Document struct {
	Type   string `json:"type" doc:"What kind of problem this is, a URN that ends with the kind."`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty" doc:"What happened, and what to do."`
}

// Error returns the title and the detail in one line.
func (d *Document) Error() string {
	if d.Detail == "" {
		return d.Title
	}
	return d.Title + ": " + d.Detail
}

// StatusCode returns the HTTP status.
func (d *Document) StatusCode() int { return d.Status }

// Temporary reports whether the same request may succeed later.
func (d *Document) Temporary() bool {
	return d.Status >= 500 || d.Status == http.StatusTooManyRequests || d.Status == http.StatusRequestTimeout
}

// Retry is the member of a problem document that says when to try again.
type Retry struct {
	// RetryAfterMS is how long to wait, in milliseconds. The header Retry-After says the same in whole
	// seconds, rounded up.
	RetryAfterMS int64 `json:"retry_after_ms,omitempty" doc:"When to come back, in milliseconds."`
}

// RetryAfter returns how long to wait before another try, or 0 if the server does not say.
func (r *Retry) RetryAfter() time.Duration { return time.Duration(r.RetryAfterMS) * time.Millisecond }

// Answer is a problem that can be written: a type that embeds Document and Retry.
type Answer interface {
	StatusCode() int
	RetryAfter() time.Duration
}

// Header returns the HTTP header that belongs to a problem besides its content type. It is nil if
// the problem needs no header.
func Header(p Answer) http.Header {
	wait := p.RetryAfter()
	if wait <= 0 {
		return nil
	}
	seconds := (wait + time.Second - 1) / time.Second
	return http.Header{"Retry-After": {strconv.FormatInt(int64(seconds), 10)}}
}

// Write answers a request with a problem. Problems are not cached.
func Write(w http.ResponseWriter, p Answer) {
	header := w.Header()
	maps.Copy(header, Header(p))
	header.Set("Content-Type", ContentType)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(p.StatusCode())
	_ = json.NewEncoder(w).Encode(p) // a caller that has left needs no answer
}
