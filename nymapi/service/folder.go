package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
	"github.com/ephemera-go/nym-rewarding/nymapi/samples"
)

// Names of the files in a Nym-API's folder, beside those of package home.
const (
	LockFile    = "nymapi.lock"
	RewardsFile = "nymapi.sqlite"
	SamplesFile = "samples.sqlite"
)

// ErrLocked reports a folder that another Nym-API uses.
var ErrLocked = errors.New("folder is in use by another Nym-API: stop it first, or choose another folder")

// Lock takes a folder for one Nym-API, and makes it when there is none. The lock ends when it is
// closed, or with the process.
func Lock(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	file, err := lockfile.Take(filepath.Join(dir, LockFile), ErrLocked)
	if err != nil {
		return nil, fmt.Errorf("lock folder %s: %w", dir, err)
	}
	return file, nil
}

// folder is what is open of a Nym-API's data beside the node's.
type folder struct {
	lock    io.Closer
	rewards *rewards.Store
	samples *samples.Store
}

// openFolder opens it under a lock that is taken already, or takes it. It is the folder's from then
// on, also after an error.
func openFolder(ctx context.Context, dir string, lock io.Closer) (*folder, error) {
	if lock == nil {
		var err error
		if lock, err = Lock(dir); err != nil {
			return nil, err
		}
	}
	f := &folder{lock: lock}
	var err error
	if f.rewards, err = rewards.OpenStore(ctx, filepath.Join(dir, RewardsFile)); err != nil {
		return nil, errors.Join(err, f.close())
	}
	if f.samples, err = samples.Open(ctx, filepath.Join(dir, SamplesFile)); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *folder) close() error {
	var errs []error
	if f.samples != nil {
		errs = append(errs, f.samples.Close())
	}
	if f.rewards != nil {
		errs = append(errs, f.rewards.Close())
	}
	return errors.Join(append(errs, f.lock.Close())...)
}
