package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// The endpoints about what was reported.

// maxMixnodePage bounds a page of what was reported about a mixnode, of which each epoch has a
// value for each Nym-API and estimator.
const maxMixnodePage = 100

func (s *Server) getMatrix(r *http.Request) (any, error) {
	epoch, err := epochOf(r)
	if err != nil {
		return nil, err
	}
	matrix, err := s.keeper.store.Matrix(r.Context(), epoch)
	if errors.Is(err, store.ErrNotFound) {
		p := contract.NewProblem(contract.NotFound, fmt.Sprintf("epoch %d is not rewarded", epoch))
		p.Epoch = epoch
		return nil, p
	}
	return matrix, err
}

func (s *Server) getReporters(r *http.Request) (any, error) {
	totals, err := s.keeper.store.ReporterTotals(r.Context())
	if err != nil {
		return nil, err
	}
	caught, err := s.keeper.store.Caught(r.Context(), 0)
	return contract.Reporters{Reporters: totals, Caught: caught}, err
}

func (s *Server) getMixnode(r *http.Request) (any, error) {
	name, err := url.PathUnescape(chi.URLParam(r, "id"))
	if err != nil {
		return nil, contract.NewProblem(contract.Malformed, err.Error())
	}
	mixnode, err := metrics.ParseMixID(name)
	if err != nil {
		return nil, contract.NewProblem(contract.Malformed, err.Error())
	}
	page, err := pageOf(r, maxMixnodePage)
	if err != nil {
		return nil, err
	}
	reports, err := s.keeper.store.Mixnode(r.Context(), mixnode, page.from, page.limit)
	if errors.Is(err, store.ErrNotFound) {
		detail := fmt.Sprintf("mixnode %s is in no rewarded epoch", mixnode)
		if page.from > 0 {
			detail += fmt.Sprintf(" up to %d", page.from)
		}
		return nil, contract.NewProblem(contract.NotFound, detail)
	}
	return reports, err
}

// page is a part of a list of epochs, newest first.
type page struct {
	from  contract.Epoch // 0: the newest
	limit int
}

// pageOf returns the page that the query asks for, of at most largest epochs.
func pageOf(r *http.Request, largest int) (page, error) {
	p := page{limit: defaultPage}
	query := r.URL.Query()
	if text := query.Get("from"); text != "" {
		var err error
		if p.from, err = contract.ParseEpoch(text); err != nil {
			return page{}, contract.NewProblem(contract.Malformed, "from: "+err.Error())
		}
	}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > largest {
			return page{}, contract.NewProblem(contract.Malformed, fmt.Sprintf("limit %.20q, expected 1..%d", text, largest))
		}
		p.limit = n
	}
	return p, nil
}
