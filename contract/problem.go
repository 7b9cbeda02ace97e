package contract

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind is the kind of a problem: the last part of its type URI. Kinds are errors, so that callers
// write errors.Is(err, contract.Decided).
type Kind string

// Error returns the kind's name.
func (k Kind) Error() string { return string(k) }

// Kinds of problems. Their names are part of the API and do not change.
const (
	Malformed        Kind = "malformed"
	TooLarge         Kind = "too-large"
	UnsupportedMedia Kind = "unsupported-media-type"
	NotFound         Kind = "not-found"
	MethodNotAllowed Kind = "method-not-allowed"
	TooManyRequests  Kind = "too-many-requests"

	NotMember     Kind = "not-a-member"
	NotAuthorised Kind = "not-authorised"
	BadSignature  Kind = "bad-signature"
	WrongToken    Kind = "wrong-token"

	Decided       Kind = "already-decided"
	Missed        Kind = "epoch-missed"
	NameTaken     Kind = "name-taken"
	KeyTaken      Kind = "key-taken"
	GroupComplete Kind = "group-complete"
	StaleCounter  Kind = "stale-counter"

	NotOver          Kind = "epoch-not-over"
	WrongContract    Kind = "wrong-contract"
	WrongDescription Kind = "wrong-description"
	WrongGroup       Kind = "wrong-group"
	WrongMixnodes    Kind = "wrong-mixnodes"
	BadEvidence      Kind = "bad-evidence"
	NotCertified     Kind = "not-certified"
	NotOwnBlock      Kind = "not-own-block"
	TooFewReports    Kind = "too-few-reports"
	WrongResult      Kind = "wrong-result"

	EarlierOpen Kind = "earlier-epoch-open"
	NotStarted  Kind = "not-started"
	Internal    Kind = "internal"
)

// kinds maps each kind to its HTTP status and title.
var kinds = map[Kind]struct {
	status int
	title  string
}{
	Malformed:        {http.StatusBadRequest, "The request cannot be read"},
	TooLarge:         {http.StatusRequestEntityTooLarge, "The request is too large"},
	UnsupportedMedia: {http.StatusUnsupportedMediaType, "The body has another content type"},
	NotFound:         {http.StatusNotFound, "There is nothing at this address"},
	MethodNotAllowed: {http.StatusMethodNotAllowed, "The address takes another method"},
	TooManyRequests:  {http.StatusTooManyRequests, "Too many requests from this address"},

	NotMember:     {http.StatusForbidden, "The sender is not a member"},
	NotAuthorised: {http.StatusForbidden, "The sender is not the authorised Nym-API"},
	BadSignature:  {http.StatusForbidden, "The signature is not the sender's"},
	WrongToken:    {http.StatusForbidden, "The token is wrong"},

	Decided:       {http.StatusConflict, "The epoch is already decided"},
	Missed:        {http.StatusConflict, "The epoch ended without a winner"},
	NameTaken:     {http.StatusConflict, "The name belongs to another key"},
	KeyTaken:      {http.StatusConflict, "The key belongs to another name"},
	GroupComplete: {http.StatusConflict, "As many members as expected have enrolled"},
	StaleCounter:  {http.StatusConflict, "A later enrolment of this key is known"},

	NotOver:          {http.StatusUnprocessableEntity, "The epoch is not over"},
	WrongContract:    {http.StatusUnprocessableEntity, "The submission is for another contract or network"},
	WrongDescription: {http.StatusUnprocessableEntity, "The submission is for another description of the epoch"},
	WrongGroup:       {http.StatusUnprocessableEntity, "The block is of another group"},
	WrongMixnodes:    {http.StatusUnprocessableEntity, "The result is about other mixnodes"},
	BadEvidence:      {http.StatusUnprocessableEntity, "The evidence cannot be read"},
	NotCertified:     {http.StatusUnprocessableEntity, "The block is not certified"},
	NotOwnBlock:      {http.StatusUnprocessableEntity, "The block is another member's"},
	TooFewReports:    {http.StatusUnprocessableEntity, "The block holds too few reports of the epoch"},
	WrongResult:      {http.StatusUnprocessableEntity, "The result is not that of the block"},

	EarlierOpen: {http.StatusServiceUnavailable, "An earlier epoch is not settled yet"},
	NotStarted:  {http.StatusServiceUnavailable, "The first epoch is not scheduled yet"},
	Internal:    {http.StatusInternalServerError, "The contract failed"},
}

const typePrefix = "urn:nym-rewarding:problem:"

// Type returns the URI that names the kind, "urn:nym-rewarding:problem:<kind>".
func (k Kind) Type() string { return typePrefix + string(k) }

// Status returns the kind's HTTP status, 500 for an unknown kind.
func (k Kind) Status() int {
	if known, ok := kinds[k]; ok {
		return known.status
	}
	return http.StatusInternalServerError
}

// ProblemType is the content type of a problem document.
const ProblemType = "application/problem+json"

// Problem is a problem document (RFC 9457), and the error that a client returns for one.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Epoch is the epoch that the request was about, Winner its winner.
	Epoch  Epoch   `json:"epoch,omitempty"`
	Winner *Winner `json:"winner,omitempty"`
	// RetryAfterMS is the time to wait before another try; the header Retry-After has the same in
	// whole seconds, rounded up.
	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`
}

// NewProblem returns a problem of that kind.
func NewProblem(kind Kind, detail string) *Problem {
	return &Problem{Type: kind.Type(), Title: kinds[kind].title, Status: kind.Status(), Detail: detail}
}

// Kind returns the last part of the type URI, or "" for types that are not the contract's.
func (p *Problem) Kind() Kind {
	kind, ok := strings.CutPrefix(p.Type, typePrefix)
	if !ok {
		return ""
	}
	return Kind(kind)
}

// RetryAfter returns how long to wait before another try, 0 if the same request would fail again.
func (p *Problem) RetryAfter() time.Duration { return time.Duration(p.RetryAfterMS) * time.Millisecond }

// Temporary reports whether the same request may succeed later.
func (p *Problem) Temporary() bool { return p.Status >= 500 || p.Status == http.StatusTooManyRequests }

// Error returns status, title and detail in one line.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return fmt.Sprintf("%d: %s", p.Status, p.Title)
	}
	return fmt.Sprintf("%d: %s: %s", p.Status, p.Title, p.Detail)
}

// Is reports whether target is the problem's kind.
func (p *Problem) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == p.Kind()
}

func invalid(err error) error { return fmt.Errorf("%w: %w", ErrInvalid, err) }
