package compare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// bundlesFolder is the folder of the bundles. It is one of their own, because a verifier gets the
// group and the key from somebody else.
const bundlesFolder = "bundles"

// longestClosing is how long the end of a run waits for the last epochs to close. Without that,
// their annexes are not sealed.
const longestClosing = 15 * time.Second

// verify fetches the core and the annex of each epoch and checks them against the group and the
// contract's key that this run knows. It writes them, with that group and key, if the run keeps its
// evidence. If the run was interrupted, epochs that have not closed have no annex. It returns nil
// if no epoch is settled.
func (r *modeRun) verify(run context.Context, records []Record) (*Verification, error) {
	if len(records) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(run), r.plan.finishTime()+longestClosing)
	defer cancel()
	known, err := r.known(ctx)
	if err != nil {
		return nil, err
	}
	folder, patience := "", time.Duration(0)
	if r.options.Evidence != nil {
		folder = r.options.Evidence(r.mode)
		if err := known.write(folder); err != nil {
			return nil, err
		}
		if run.Err() == nil {
			patience = longestClosing
		}
	}
	verifier, found := check.New(known.trust()), newVerification()
	for _, record := range records {
		bundle, err := r.bundle(ctx, record.Detail.ID, patience)
		if err == nil && folder != "" {
			err = writeBundle(filepath.Join(folder, bundlesFolder), record.Detail.ID, bundle)
		}
		if err != nil {
			return nil, err
		}
		found.add(verifier.Next(bundle))
	}
	return found, nil
}

// bundle returns the core and the annex of an epoch, without the annex if the epoch closes later
// than patience allows.
func (r *modeRun) bundle(ctx context.Context, epoch contract.Epoch, patience time.Duration) (check.Evidence, error) {
	bundle := check.Evidence{Source: fileName(epoch, "core")}
	core, err := onceFree(ctx, func() (contract.Core, error) { return r.client.Core(ctx, epoch) })
	if err != nil {
		return bundle, fmt.Errorf("core of epoch %d: %w", epoch, err)
	}
	bundle.Core = core.Encode()
	annex, err := r.annex(ctx, epoch, patience)
	switch {
	case err == nil:
		bundle.Annex = annex.Encode()
	case !errors.Is(err, contract.NotClosed):
		return bundle, fmt.Errorf("annex of epoch %d: %w", epoch, err)
	}
	return bundle, nil
}

func writeBundle(folder string, epoch contract.Epoch, bundle check.Evidence) error {
	if err := files.Replace(filepath.Join(folder, fileName(epoch, "core")), 0o644, bundle.Core); err != nil {
		return err
	}
	if bundle.Annex == nil {
		return nil
	}
	return files.Replace(filepath.Join(folder, fileName(epoch, "annex")), 0o644, bundle.Annex)
}

func fileName(epoch contract.Epoch, kind string) string {
	return fmt.Sprintf("epoch-%d.%s", epoch, kind)
}

// annex returns the annex of an epoch, after it has closed. The error is contract.NotClosed if that
// takes longer than patience.
func (r *modeRun) annex(ctx context.Context, epoch contract.Epoch, patience time.Duration) (contract.Annex, error) {
	for {
		annex, err := onceFree(ctx, func() (contract.Annex, error) { return r.client.Annex(ctx, epoch) })
		var problem *contract.Problem
		if !errors.Is(err, contract.NotClosed) || !errors.As(err, &problem) || problem.RetryAfter() > patience {
			return annex, err
		}
		if !wait.For(ctx, max(problem.RetryAfter(), time.Millisecond)) {
			return annex, ctx.Err()
		}
	}
}
