package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
	"github.com/ephemera-go/nym-rewarding/nymapi/samples"
)

// Names of files in a Nym-API's folder, in addition to those of package home.
const (
	LockFile    = "nymapi.lock"
	RewardsFile = "nymapi.sqlite"
	SamplesFile = "samples.sqlite"
	// EvidenceFolder holds files that prove to others who signed two things where one is allowed.
	EvidenceFolder = "evidence"
)

// ErrLocked reports a folder that another Nym-API uses.
var ErrLocked = errors.New("folder is in use by another Nym-API: stop it first, or choose another folder")

// Lock locks a folder for one Nym-API, and creates it if it does not exist. The lock ends when it
// is closed or the process ends.
func Lock(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create folder: %w", err)
	}
	file, err := lockfile.Take(filepath.Join(dir, LockFile), ErrLocked)
	if err != nil {
		return nil, fmt.Errorf("lock folder %s: %w", dir, err)
	}
	return file, nil
}

// folder is a Nym-API's open databases, without those of the node.
type folder struct {
	lock    io.Closer
	rewards *rewards.Store
	samples *samples.Store
}

// openFolder opens the databases. If lock is nil it locks the folder. The folder owns the lock,
// even if opening fails.
func openFolder(ctx context.Context, dir string, lock io.Closer, log *slog.Logger) (*folder, error) {
	if lock == nil {
		var err error
		if lock, err = Lock(dir); err != nil {
			return nil, err
		}
	}
	f := &folder{lock: lock}
	var err error
	if f.rewards, err = rewards.OpenStore(ctx, filepath.Join(dir, RewardsFile), log); err != nil {
		return nil, errors.Join(err, f.close())
	}
	if f.samples, err = samples.Open(ctx, filepath.Join(dir, SamplesFile), log); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// DoubleReporters returns the members of which the Nym-API with this folder, which must not run,
// holds two signed reports for one epoch, for the epochs up to last.
func DoubleReporters(ctx context.Context, dir string, last contract.Epoch) (map[contract.Epoch][]keys.Public, error) {
	held, err := rewards.OpenStore(ctx, filepath.Join(dir, RewardsFile), nil)
	if err != nil {
		return nil, err
	}
	double := map[contract.Epoch][]keys.Public{}
	all, err := held.DoubleReports(ctx)
	for _, of := range all {
		if of.Epoch <= last {
			double[of.Epoch] = append(double[of.Epoch], of.Member)
		}
	}
	return double, errors.Join(err, held.Close())
}

// close closes the folder. A nil folder is not open.
func (f *folder) close() error {
	if f == nil {
		return nil
	}
	var errs []error
	if f.samples != nil {
		errs = append(errs, f.samples.Close())
	}
	if f.rewards != nil {
		errs = append(errs, f.rewards.Close())
	}
	return errors.Join(append(errs, f.lock.Close())...)
}
