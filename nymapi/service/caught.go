package service

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// offences are what members were caught at, with the members' names.
type offences struct {
	*rewards.Offences
	names map[keys.Public]string
}

// list returns the offences by name, none for nil.
func (o *offences) list() []contract.Caught {
	if o == nil {
		return []contract.Caught{}
	}
	return o.Caught(o.names)
}

// RefusedReports returns the epochs for which members signed reports that do not count, as the
// Nym-API with this folder, which must not run, has recorded.
func RefusedReports(ctx context.Context, dir string) (map[keys.Public][]contract.Epoch, error) {
	held, err := rewards.OpenStore(ctx, filepath.Join(dir, RewardsFile), nil)
	if err != nil {
		return nil, err
	}
	caught, err := rewards.NewOffences(ctx, held, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return caught.Refused(), held.Close()
}

// openOffences opens what members were caught at, and adds what the embedded node holds, if there
// is one.
func (s *Service) openOffences(ctx context.Context, info contract.PeerInfo) (*rewards.Offences, error) {
	caught, err := rewards.NewOffences(ctx, s.folder.rewards, s.log)
	if err != nil {
		return nil, err
	}
	if s.home != nil {
		proofs, err := s.home.Store.Equivocations(ctx)
		if err != nil {
			return nil, err
		}
		caught.AddEvidence(ctx, proofs)
	}
	names := make(map[keys.Public]string, len(info.Members))
	for _, m := range info.Members {
		names[m.Key] = m.Name
	}
	s.offences.Store(&offences{caught, names})
	return caught, nil
}
