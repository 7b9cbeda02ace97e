package service

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

func (s *Service) listEvidence(w http.ResponseWriter, _ *http.Request) error {
	return webserver.WriteJSON(w, http.StatusOK, map[string]any{"evidence": s.evidence.Load().Convictions()})
}

func (s *Service) sendEvidence(w http.ResponseWriter, r *http.Request) error {
	data, err := s.evidence.Load().Read(r.PathValue("file"))
	if errors.Is(err, rewards.ErrNotFound) {
		return api.NewProblem(api.NotFound, "there is no such evidence; GET "+PathEvidence+" lists what there is")
	}
	if err != nil {
		return err
	}
	sendFile(w, data)
	return nil
}

// openEvidence opens the folder of evidence. Node returns the proofs that the node holds; nil
// without Ephemera.
func (s *Service) openEvidence(pinned rewards.Contract, info contract.PeerInfo, group *membership.Group,
	node func(context.Context) ([]evidence.File, error),
) error {
	names := make(map[keys.Public]string, len(info.Members))
	for _, m := range info.Members {
		names[m.Key] = m.Name
	}
	held, err := rewards.NewEvidence(rewards.EvidenceConfig{
		Folder: filepath.Join(s.config.Home, EvidenceFolder), Store: s.folder.rewards, Node: node, Names: names,
		Accused: verify.Accused{Group: group, Contract: pinned.Key}, Logger: s.log,
	})
	if err != nil {
		return err
	}
	s.evidence.Store(held)
	s.known.Store(&known{group: group, names: names})
	return nil
}

// ownProofs returns what reads the proofs in the store of the embedded node, nil without one.
func (s *Service) ownProofs() func(context.Context) ([]evidence.File, error) {
	if s.config.Mode != Ephemera {
		return nil
	}
	return func(ctx context.Context) ([]evidence.File, error) {
		equivocations, err := s.home.Store.Equivocations(ctx)
		if err != nil {
			return nil, err
		}
		forks, err := s.home.Store.Forks(ctx)
		if err != nil {
			return nil, err
		}
		var proofs []evidence.File
		for _, e := range equivocations {
			proofs = append(proofs, evidence.OfHeaders(e.A, e.B))
		}
		for _, f := range forks {
			proofs = append(proofs, evidence.OfCertificates(f.A, f.B))
		}
		return proofs, nil
	}
}

// proofs returns the proofs that the daemon holds.
func (d *daemon) proofs(ctx context.Context) ([]evidence.File, error) {
	equivocations, err := d.api.Evidence(ctx)
	if err != nil {
		return nil, err
	}
	forks, err := d.api.Forks(ctx)
	if err != nil {
		return nil, err
	}
	var proofs []evidence.File
	for _, e := range equivocations {
		file, err := e.File()
		if err != nil {
			return nil, err
		}
		proofs = append(proofs, file)
	}
	for _, f := range forks {
		proofs = append(proofs, f.File())
	}
	return proofs, nil
}
