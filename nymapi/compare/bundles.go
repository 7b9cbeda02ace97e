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
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
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
//
// It checks each bundle as `contract verify` does, and returns what came out.
func (r *modeRun) writeBundles(run context.Context, folder string, records []Record) (*Checks, error) {
	if len(records) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(run), finishTime+longestClosing)
	defer cancel()
	patience := longestClosing
	if run.Err() != nil {
		patience = 0
	}
	bundles := filepath.Join(folder, bundlesFolder)
	if err := os.MkdirAll(bundles, 0o755); err != nil {
		return nil, err
	}
	config, err := r.writeTrusted(ctx, folder)
	if err != nil {
		return nil, err
	}
	verifier := check.New(config)
	for _, record := range records {
		bundle, err := r.writeBundle(ctx, bundles, record.Detail.ID, patience)
		if err != nil {
			return nil, err
		}
		verifier.Next(bundle)
	}
	return newChecks(verifier.Summary()), nil
}

// writeBundle writes the files of one epoch. The annex is nil if the epoch has not closed.
func (r *modeRun) writeBundle(ctx context.Context, folder string, epoch contract.Epoch, patience time.Duration) (check.Evidence, error) {
	var bundle check.Evidence
	core, err := onceFree(ctx, func() (contract.Core, error) { return r.client.Core(ctx, epoch) })
	if err != nil {
		return bundle, fmt.Errorf("core of epoch %d: %w", epoch, err)
	}
	bundle.Core = core.Encode()
	if err := files.Replace(bundleFile(folder, epoch, "core"), 0o644, bundle.Core); err != nil {
		return bundle, err
	}
	annex, err := r.annex(ctx, epoch, patience)
	if errors.Is(err, contract.NotClosed) {
		return bundle, nil
	}
	if err != nil {
		return bundle, fmt.Errorf("annex of epoch %d: %w", epoch, err)
	}
	bundle.Annex = annex.Encode()
	return bundle, files.Replace(bundleFile(folder, epoch, "annex"), 0o644, bundle.Annex)
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

// writeTrusted writes the group and the contract's key, and returns what a verifier takes of them.
func (r *modeRun) writeTrusted(ctx context.Context, folder string) (check.Config, error) {
	config := check.Config{Consecutive: true, First: 1}
	info, err := onceFree(ctx, func() (contract.PeerInfo, error) { return r.client.PeerInfo(ctx) })
	if err != nil {
		return config, err
	}
	group, err := info.MakeGroup()
	if err != nil {
		return config, err
	}
	list, err := membership.NewList(group, info.Peers(), "the contract")
	if err != nil {
		return config, err
	}
	members, err := provider.Encode(list)
	if err != nil {
		return config, err
	}
	if err := files.Replace(filepath.Join(folder, groupFile), 0o644, members); err != nil {
		return config, err
	}
	config.Group, config.Contract = group.ID(), info.ContractKey
	key := hex.EncodeToString(info.ContractKey[:]) + "\n"
	return config, files.Replace(filepath.Join(folder, contractKeyFile), 0o644, []byte(key))
}
