package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/problem"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// document is a problem as an answer.
type document struct{ *api.Problem }

// GetStatus makes a document an error that huma writes as it is.
func (d document) GetStatus() int { return d.Status }

// ContentType is that of problem documents, whatever the caller likes best.
func (d document) ContentType(string) string { return api.ProblemType }

// GetHeaders are those that belong to the problem.
func (d document) GetHeaders() http.Header { return problem.Header(d) }

// full is when to come back to a mempool that is full: about a block later.
const full = time.Second

// refusal returns the answer that tells of an error of an endpoint or of the middleware.
func (s *Server) refusal(ctx context.Context, err error) error {
	var known *api.Problem
	var refused *webserver.Refusal
	switch {
	case errors.As(err, &known):
	case errors.As(err, &refused):
		known = api.NewProblem(kindOf(refused.Status), refused.Detail)
		known.RetryAfterMS = refused.RetryAfter.Milliseconds()
	case errors.Is(err, context.DeadlineExceeded):
		known = api.NewProblem(api.Unavailable, "the node did not answer in time: try again")
	case errors.Is(err, context.Canceled):
		known = api.NewProblem(api.Unavailable, "the node stops, or the caller has gone")
	default:
		known = api.WrapProblem(api.Internal, err)
	}
	out := *known
	out.RequestID = middleware.GetReqID(ctx)
	switch out.Kind() {
	case api.MempoolFull, api.SenderQuota, api.Unavailable:
		if out.RetryAfterMS == 0 {
			out.RetryAfterMS = full.Milliseconds()
		}
	case api.Internal:
		if refused == nil { // the middleware has logged its own
			s.config.Logger.Error("request failed", "request", out.RequestID, "err", known)
		}
		out.Detail = "see the node's log for the request's ID"
	}
	return document{&out}
}

// refuse writes an error of a handler that is not huma's.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var d document
	errors.As(s.refusal(r.Context(), err), &d) // it is always one
	problem.Write(w, d)
}

// kinds are the kinds of problems that huma and the middleware mean by a status.
var kinds = map[int]api.Kind{
	http.StatusForbidden:             api.Forbidden,
	http.StatusNotFound:              api.NoEndpoint,
	http.StatusMethodNotAllowed:      api.MethodNotAllowed,
	http.StatusTooManyRequests:       api.TooManyRequests,
	http.StatusBadRequest:            api.Malformed,
	http.StatusUnprocessableEntity:   api.Invalid,
	http.StatusUnsupportedMediaType:  api.UnsupportedMedia,
	http.StatusRequestEntityTooLarge: api.TooLarge,
	http.StatusRequestTimeout:        api.TooSlow,
	http.StatusMisdirectedRequest:    api.WrongHost,
	http.StatusServiceUnavailable:    api.Unavailable,
}

func kindOf(status int) api.Kind { return cmp.Or(kinds[status], api.Internal) }

// ownProblems turns the errors that huma makes of requests into the API's.
func ownProblems(ctx huma.Context, status string, value any) (any, error) {
	model, ok := value.(*huma.ErrorModel)
	if !ok {
		return value, nil
	}
	p := api.NewProblem(kindOf(model.Status), model.Detail)
	p.RequestID = middleware.GetReqID(ctx.Context())
	for _, detail := range model.Errors { // without the value, which may be long
		p.Errors = append(p.Errors, api.FieldError{Location: detail.Location, Message: detail.Message})
	}
	if len(p.Errors) == 1 {
		p.Detail = fmt.Sprintf("%s: %s", p.Errors[0].Location, p.Errors[0].Message)
	}
	return p, nil
}
