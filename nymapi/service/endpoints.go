package service

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/problem"
	"github.com/ephemera-go/nym-rewarding/nymapi/holders"
)

// Paths that a Nym-API answers, at the API of its node and at its health listener.
const (
	// PathEvidence lists what the files in EvidenceFolder prove: {"evidence": [rewards.Conviction]}.
	PathEvidence = "/nymapi/evidence"
	// PathEvidenceFile is one of these files, as it is.
	PathEvidenceFile = "/nymapi/evidence/{file}"
)

// endpoints returns what the Nym-API answers, by the patterns of the paths.
func (s *Service) endpoints() map[string]server.Endpoint {
	return map[string]server.Endpoint{
		PathEvidence: s.listEvidence, PathEvidenceFile: s.sendEvidence,
		holders.PathBundle: s.sendCore, holders.PathBlock: s.sendBlock, holders.PathHolders: s.listHolders,
	}
}

// Handler answers GET requests for the Nym-API's own paths, which begin with /nymapi/. The API of
// an embedded node answers them as well. Until the Nym-API has found its group they are
// api.Unavailable.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, endpoint := range s.endpoints() {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
			err := error(api.NewProblem(api.Unavailable, "the Nym-API waits for its group"))
			if s.known.Load() != nil {
				err = endpoint(w, r)
			}
			if err != nil {
				s.refuse(w, r, err)
			}
		})
	}
	return mux
}

// refuse answers with a problem.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var known *api.Problem
	if !errors.As(err, &known) {
		s.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "err", err)
		known = api.NewProblem(api.Internal, "see the log of the Nym-API")
	}
	problem.Write(w, known)
}

// sendFile answers with the content of a file in canonical encoding.
func sendFile(w http.ResponseWriter, data []byte) {
	w.Header().Set("Content-Type", "application/cbor")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // an error means that the caller has gone
}
