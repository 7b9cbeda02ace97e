package contract

import (
	"fmt"
	"net/http"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/problem"
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
	WrongHost        Kind = "wrong-host"

	NotMember     Kind = "not-a-member"
	NotAuthorised Kind = "not-authorised"
	BadSignature  Kind = "bad-signature"
	WrongToken    Kind = "wrong-token"

	Decided       Kind = "already-decided"
	Missed        Kind = "epoch-missed"
	NotClosed     Kind = "epoch-not-closed"
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
	BatchRefused     Kind = "batch-refused"

	EarlierOpen Kind = "earlier-epoch-open"
	NotStarted  Kind = "not-started"
	Unavailable Kind = "unavailable"
	Internal    Kind = "internal"
)

// kinds are the kinds with their HTTP statuses and titles.
var kinds = problem.Table[Kind]{Prefix: "urn:nym-rewarding:problem:", Kinds: map[Kind]problem.Meaning{
	Malformed:        {Status: http.StatusBadRequest, Title: "The request cannot be read"},
	TooLarge:         {Status: http.StatusRequestEntityTooLarge, Title: "The request is too large"},
	UnsupportedMedia: {Status: http.StatusUnsupportedMediaType, Title: "The body has another content type"},
	NotFound:         {Status: http.StatusNotFound, Title: "There is nothing at this address"},
	MethodNotAllowed: {Status: http.StatusMethodNotAllowed, Title: "The address takes another method"},
	TooManyRequests:  {Status: http.StatusTooManyRequests, Title: "Too many requests from this address"},
	WrongHost:        {Status: http.StatusMisdirectedRequest, Title: "The request names another host"},

	NotMember:     {Status: http.StatusForbidden, Title: "The sender is not a member"},
	NotAuthorised: {Status: http.StatusForbidden, Title: "The sender is not the authorised Nym-API"},
	BadSignature:  {Status: http.StatusForbidden, Title: "The signature is not the sender's"},
	WrongToken:    {Status: http.StatusForbidden, Title: "The token is wrong"},

	Decided:       {Status: http.StatusConflict, Title: "The epoch is already decided"},
	Missed:        {Status: http.StatusConflict, Title: "The epoch ended without a winner"},
	NotClosed:     {Status: http.StatusConflict, Title: "The epoch has not closed"},
	NameTaken:     {Status: http.StatusConflict, Title: "The name belongs to another key"},
	KeyTaken:      {Status: http.StatusConflict, Title: "The key belongs to another name"},
	GroupComplete: {Status: http.StatusConflict, Title: "As many members as expected have enrolled"},
	StaleCounter:  {Status: http.StatusConflict, Title: "A later enrolment of this key is known"},

	NotOver:          {Status: http.StatusUnprocessableEntity, Title: "The epoch is not over"},
	WrongContract:    {Status: http.StatusUnprocessableEntity, Title: "The submission is for another contract or network"},
	WrongDescription: {Status: http.StatusUnprocessableEntity, Title: "The submission is for another description of the epoch"},
	WrongGroup:       {Status: http.StatusUnprocessableEntity, Title: "The block is of another group"},
	WrongMixnodes:    {Status: http.StatusUnprocessableEntity, Title: "The result is about other mixnodes"},
	BadEvidence:      {Status: http.StatusUnprocessableEntity, Title: "The evidence cannot be read"},
	NotCertified:     {Status: http.StatusUnprocessableEntity, Title: "The block is not certified"},
	NotOwnBlock:      {Status: http.StatusUnprocessableEntity, Title: "The block is another member's"},
	TooFewReports:    {Status: http.StatusUnprocessableEntity, Title: "The block holds too few reports of the epoch"},
	WrongResult:      {Status: http.StatusUnprocessableEntity, Title: "The result is not that of the block"},
	BatchRefused:     {Status: http.StatusUnprocessableEntity, Title: "The rules of the performance contract refuse the batch"},

	EarlierOpen: {Status: http.StatusServiceUnavailable, Title: "An earlier epoch is not settled yet"},
	NotStarted:  {Status: http.StatusServiceUnavailable, Title: "The first epoch is not scheduled yet"},
	Unavailable: {Status: http.StatusServiceUnavailable, Title: "The contract cannot answer now"},
	Internal:    {Status: http.StatusInternalServerError, Title: "The contract failed"},
}}

// Type returns the URI that names the kind, "urn:nym-rewarding:problem:<kind>".
func (k Kind) Type() string { return kinds.Type(k) }

// Status returns the kind's HTTP status; that of an unknown kind is 500.
func (k Kind) Status() int { return kinds.Status(k) }

// ProblemType is the content type of a problem document.
const ProblemType = problem.ContentType

// Problem is a problem document (RFC 9457), and the error that a client returns for one.
type Problem struct {
	problem.Document
	// Epoch is the one that the request was about, and Winner who won it.
	Epoch  Epoch   `json:"epoch,omitempty"`
	Winner *Winner `json:"winner,omitempty"`
	// Retry is zero if the same request cannot succeed later.
	problem.Retry
}

// NewProblem returns a problem of that kind.
func NewProblem(kind Kind, detail string) *Problem {
	return &Problem{Document: kinds.Document(kind, detail)}
}

// Kind returns the last part of the type URI, or "" for types that are not the contract's.
func (p *Problem) Kind() Kind { return kinds.Kind(p.Type) }

// Error says what happened in one line, with the status.
func (p *Problem) Error() string { return fmt.Sprintf("%d: %s", p.Status, p.Document.Error()) }

// Is reports whether target is the problem's kind.
func (p *Problem) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == p.Kind()
}

func invalid(err error) error { return fmt.Errorf("%w: %w", ErrInvalid, err) }
