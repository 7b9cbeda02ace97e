package api

import (
	"fmt"
	"net/http"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/problem"
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
	WrongHost        Kind = "wrong-host"

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
	Unverified    Kind = "unverified" // what clients say of an answer
	Internal      Kind = "internal"
)

// kinds are the kinds with their HTTP statuses and titles.
var kinds = problem.Table[Kind]{Prefix: "urn:ephemera:problem:", Kinds: map[Kind]problem.Meaning{
	Malformed:        {Status: http.StatusBadRequest, Title: "The request cannot be read"},
	NotFound:         {Status: http.StatusNotFound, Title: "Not found at this node"},
	NoEndpoint:       {Status: http.StatusNotFound, Title: "There is no endpoint at this address"},
	MethodNotAllowed: {Status: http.StatusMethodNotAllowed, Title: "The address takes another method"},
	TooLarge:         {Status: http.StatusRequestEntityTooLarge, Title: "The request is too large"},
	UnsupportedMedia: {Status: http.StatusUnsupportedMediaType, Title: "The body has another content type"},
	TooManyRequests:  {Status: http.StatusTooManyRequests, Title: "Too many requests from this address"},
	TooSlow:          {Status: http.StatusRequestTimeout, Title: "The request came too slowly"},
	WrongHost:        {Status: http.StatusMisdirectedRequest, Title: "The request names another host"},

	Forbidden:     {Status: http.StatusForbidden, Title: "The caller may not do this"},
	UnknownSender: {Status: http.StatusForbidden, Title: "The sender is neither a member nor a known client"},
	Duplicate:     {Status: http.StatusConflict, Title: "The message is known already"},
	Invalid:       {Status: http.StatusUnprocessableEntity, Title: "A field is invalid"},
	Refused:       {Status: http.StatusUnprocessableEntity, Title: "The application refused the message"},
	MempoolFull:   {Status: http.StatusServiceUnavailable, Title: "The mempool is full"},
	SenderQuota:   {Status: http.StatusServiceUnavailable, Title: "The sender has too many messages in the mempool"},

	Pruned:        {Status: http.StatusGone, Title: "The retention removed the block's messages"},
	Lagging:       {Status: http.StatusServiceUnavailable, Title: "The subscriber reads too slowly"},
	NotConfigured: {Status: http.StatusNotImplemented, Title: "The node runs without this part"},
	Unavailable:   {Status: http.StatusServiceUnavailable, Title: "The node cannot answer now"},
	Unverified:    {Status: http.StatusBadGateway, Title: "The node's answer does not verify"},
	Internal:      {Status: http.StatusInternalServerError, Title: "The node failed"},
}}

// Type returns the URI that names the kind, "urn:ephemera:problem:<kind>".
func (k Kind) Type() string { return kinds.Type(k) }

// Status returns the kind's HTTP status; that of an unknown kind is 500.
func (k Kind) Status() int { return kinds.Status(k) }

// ProblemType is the content type of a problem document.
const ProblemType = problem.ContentType

// Problem is a problem document (RFC 9457), and the error of every call of the API.
type Problem struct {
	problem.Document
	// Errors names the fields that are wrong.
	Errors []FieldError `json:"errors,omitempty" doc:"The fields that are wrong."`
	// Cursor is where a subscriber that was too slow continues.
	Cursor *Cursor `json:"cursor,omitempty" doc:"Where a lagging subscriber continues from."`
	// Retry is zero if the node does not say when to come back.
	problem.Retry
	RequestID string `json:"request_id,omitempty" doc:"The X-Request-Id of the request."`

	cause error
}

// FieldError says what is wrong with a field.
type FieldError struct {
	Location string `json:"location,omitempty" doc:"Where the field is, such as body.payload or path.hash."`
	Message  string `json:"message"`
}

// NewProblem returns a problem of a kind.
func NewProblem(kind Kind, detail string) *Problem {
	return &Problem{Document: kinds.Document(kind, detail)}
}

// WrapProblem returns a problem of a kind whose detail is the text of its cause, and that unwraps
// to the cause.
func WrapProblem(kind Kind, cause error) *Problem {
	p := NewProblem(kind, cause.Error())
	p.cause = cause
	return p
}

// LaggingAt returns the problem of a subscriber that was too slow and has read up to a cursor.
func LaggingAt(cursor Cursor) *Problem {
	p := NewProblem(Lagging, fmt.Sprintf("subscribe again with from=%d", cursor))
	p.Cursor = &cursor
	return p
}

// Kind returns the last part of the type URI, or "" for types that are not the API's.
func (p *Problem) Kind() Kind { return kinds.Kind(p.Type) }

// Is reports whether target is the problem's kind.
func (p *Problem) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == p.Kind()
}

// Unwrap returns the cause, if the problem arose in this process.
func (p *Problem) Unwrap() error { return p.cause }

// Temporary reports whether the same request may succeed later.
func (p *Problem) Temporary() bool {
	switch p.Kind() {
	case NotConfigured, Unverified, Internal:
		return false
	}
	return p.Document.Temporary()
}
