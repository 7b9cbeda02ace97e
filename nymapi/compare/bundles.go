package compare

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// Names of the files that are written for those who verify the epochs of a mode. The bundles are in
// a folder of their own, because a verifier gets the group and the key from somebody else.
const (
	bundlesFolder   = "bundles"
	groupFile       = "group"        // a members file
	contractKeyFile = "contract.key" // the public key in hexadecimal
)

// longestClosing is how long the end of a run waits for the last epochs to close. Without that,
// their annexes are not sealed.
const longestClosing = 15 * time.Second

// writeBundles writes what a stranger needs to verify the epochs to a folder: the core and the
// annex of each, the group and the contract's key. If the run was interrupted, epochs that have not
// closed have no annex.
func (r *modeRun) writeBundles(run context.Context, folder string, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(run), finishTime+longestClosing)
	defer cancel()
	patience := longestClosing
	if run.Err() != nil {
		patience = 0
	}
	bundles := filepath.Join(folder, bundlesFolder)
	if err := os.MkdirAll(bundles, 0o755); err != nil {
		return err
	}
	if err := r.writeTrusted(ctx, folder); err != nil {
		return err
	}
	for _, record := range records {
		epoch := record.Detail.ID
		core, err := onceFree(ctx, func() (contract.Core, error) { return r.client.Core(ctx, epoch) })
		if err != nil {
			return fmt.Errorf("core of epoch %d: %w", epoch, err)
		}
		if err := files.Replace(bundleFile(bundles, epoch, "core"), 0o644, core.Encode()); err != nil {
			return err
		}
		annex, err := r.annex(ctx, epoch, patience)
		if errors.Is(err, contract.NotClosed) {
			continue
		}
		if err != nil {
			return fmt.Errorf("annex of epoch %d: %w", epoch, err)
		}
		if err := files.Replace(bundleFile(bundles, epoch, "annex"), 0o644, annex.Encode()); err != nil {
			return err
		}
	}
	return nil
}

func bundleFile(folder string, epoch contract.Epoch, kind string) string {
	return filepath.Join(folder, fmt.Sprintf("epoch-%d.%s", epoch, kind))
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

// writeTrusted writes the group and the contract's key.
func (r *modeRun) writeTrusted(ctx context.Context, folder string) error {
	info, err := onceFree(ctx, func() (contract.PeerInfo, error) { return r.client.PeerInfo(ctx) })
	if err != nil {
		return err
	}
	group, err := info.MakeGroup()
	if err != nil {
		return err
	}
	list, err := membership.NewList(group, info.Peers(), "the contract")
	if err != nil {
		return err
	}
	members, err := provider.Encode(list)
	if err != nil {
		return err
	}
	if err := files.Replace(filepath.Join(folder, groupFile), 0o644, members); err != nil {
		return err
	}
	key := hex.EncodeToString(info.ContractKey[:]) + "\n"
	return files.Replace(filepath.Join(folder, contractKeyFile), 0o644, []byte(key))
}
