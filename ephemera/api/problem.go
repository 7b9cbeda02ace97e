package api

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind is the kind of a problem: the last part of its type URI. Kinds are errors, so that callers
// write errors.Is(err, api.NotFound).
type Kind string

// Error returns the kind's name.
func (k Kind) Error() string { return string(k) }

// Kinds of problems. Their names are part of the API and do not change.
const (
	Malformed        Kind = "malformed"
	NotFound         Kind = "not-found"
	NoEndpoint       Kind = "no-endpoint"
	MethodNotAllowed Kind = "method-not-allowed"
	TooLarge         Kind = "too-large"
	UnsupportedMedia Kind = "unsupported-media-type"
	TooManyRequests  Kind = "too-many-requests"
	TooSlow          Kind = "request-timeout"

	Forbidden     Kind = "forbidden"
	UnknownSender Kind = "unknown-sender"
	Duplicate     Kind = "duplicate"
	Invalid       Kind = "invalid"
	Refused       Kind = "refused"
	MempoolFull   Kind = "mempool-full"
	SenderQuota   Kind = "sender-quota"

	Pruned        Kind = "pruned"
	Lagging       Kind = "lagging"
	NotConfigured Kind = "not-configured"
	Unavailable   Kind = "unavailable"
	Unverified    Kind = "unverified"
	Internal      Kind = "internal"
)

// kinds gives each kind its HTTP status and its title.
var kinds = map[Kind]struct {
	status int
	title  string
}{
	Malformed:        {http.StatusBadRequest, "The request cannot be read"},
	NotFound:         {http.StatusNotFound, "The node has no such thing"},
	NoEndpoint:       {http.StatusNotFound, "There is no endpoint at this address"},
	MethodNotAllowed: {http.StatusMethodNotAllowed, "The address takes another method"},
	TooLarge:         {http.StatusRequestEntityTooLarge, "The request is too large"},
	UnsupportedMedia: {http.StatusUnsupportedMediaType, "The body has another content type"},
	TooManyRequests:  {http.StatusTooManyRequests, "Too many requests from this address"},
	TooSlow:          {http.StatusRequestTimeout, "The request came too slowly"},

	Forbidden:     {http.StatusForbidden, "The caller may not do this"},
	UnknownSender: {http.StatusForbidden, "The sender is neither a member nor a known client"},
	Duplicate:     {http.StatusConflict, "The message is known already"},
	Invalid:       {http.StatusUnprocessableEntity, "A field is invalid"},
	Refused:       {http.StatusUnprocessableEntity, "The application refused the message"},
	MempoolFull:   {http.StatusServiceUnavailable, "The mempool is full"},
	SenderQuota:   {http.StatusServiceUnavailable, "The sender has too many messages in the mempool"},

	Pruned:        {http.StatusGone, "The retention removed the block's messages"},
	Lagging:       {http.StatusServiceUnavailable, "The subscriber reads too slowly"},
	NotConfigured: {http.StatusNotImplemented, "The node runs without this part"},
	Unavailable:   {http.StatusServiceUnavailable, "The node cannot answer now"},
	Unverified:    {http.StatusBadGateway, "The node's answer does not verify"}, // said by clients of what a node says
	Internal:      {http.StatusInternalServerError, "The node failed"},
}

const typePrefix = "urn:ephemera:problem:"

// Type returns the URI that names the kind, "urn:ephemera:problem:<kind>".
func (k Kind) Type() string { return typePrefix + string(k) }

// Status returns the kind's HTTP status; that of an unknown kind is 500.
func (k Kind) Status() int { return cmp.Or(kinds[k].status, http.StatusInternalServerError) }

// ProblemType is the content type of a problem document.
const ProblemType = "application/problem+json"

// Problem is a problem document (RFC 9457), and the error of every call of the API.
type Problem struct {
	Type   string `json:"type" doc:"What kind of problem this is: urn:ephemera:problem:<kind>."`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty" doc:"What happened, and what to do."`
	// Errors names the fields that are wrong.
	Errors []FieldError `json:"errors,omitempty" doc:"The fields that are wrong."`
	// Cursor is where a lagging subscriber goes on from.
	Cursor *Cursor `json:"cursor,omitempty" doc:"Where a lagging subscriber goes on from."`
	// RetryAfterMS is when to come back; the header Retry-After says the same in whole seconds,
	// rounded up.
	RetryAfterMS int64  `json:"retry_after_ms,omitempty" doc:"When to come back, in milliseconds."`
	RequestID    string `json:"request_id,omitempty" doc:"The X-Request-Id of the request."`

	cause error
}

// FieldError says what is wrong with a field.
type FieldError struct {
	Location string `json:"location,omitempty" doc:"Where the field is, such as body.payload or path.hash."`
	Message  string `json:"message"`
}

// NewProblem returns a problem of a kind.
func NewProblem(kind Kind, detail string) *Problem {
	return &Problem{Type: kind.Type(), Title: kinds[kind].title, Status: kind.Status(), Detail: detail}
}

// WrapProblem returns a problem of a kind that tells of, and unwraps to, its cause.
func WrapProblem(kind Kind, cause error) *Problem {
	p := NewProblem(kind, cause.Error())
	p.cause = cause
	return p
}

// LaggingAt returns the problem of a subscriber that read up to a cursor and was too slow.
func LaggingAt(cursor Cursor) *Problem {
	p := NewProblem(Lagging, fmt.Sprintf("subscribe again with from=%d", cursor))
	p.Cursor = &cursor
	return p
}

// Kind returns the last part of the type URI, or "" for types that are not the API's.
func (p *Problem) Kind() Kind {
	kind, ok := strings.CutPrefix(p.Type, typePrefix)
	if !ok {
		return ""
	}
	return Kind(kind)
}

// Error says what happened in one line.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// Is tells whether target is the problem's kind.
func (p *Problem) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == p.Kind()
}

// Unwrap returns the cause, where the problem arose in this process.
func (p *Problem) Unwrap() error { return p.cause }

// RetryAfter returns how long to wait before another try; 0 where the node does not say.
func (p *Problem) RetryAfter() time.Duration { return time.Duration(p.RetryAfterMS) * time.Millisecond }

// Temporary tells whether the same request may succeed later.
func (p *Problem) Temporary() bool {
	switch p.Kind() {
	case NotConfigured, Unverified, Internal:
		return false
	}
	return p.Status >= 500 || p.Status == http.StatusTooManyRequests || p.Status == http.StatusRequestTimeout
}
