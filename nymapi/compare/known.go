package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// evidenceFiles are the paths of what verifies the epochs of a mode.
type evidenceFiles struct{ Bundles, Group, Key string }

func filesOf(folder string) evidenceFiles {
	return evidenceFiles{Bundles: folder + "/" + bundlesFolder, Group: folder + "/" + service.GroupFile, Key: folder + "/" + service.ContractKeyFile}
}

// errStrangers reports a group with other members than the Nym-APIs of the run.
var errStrangers = errors.New("the contract's group is not that of the Nym-APIs of this run")

// known is the group and the contract's key as the run knows them: it made the keys of all members,
// and has the contract's in a file.
type known struct {
	list membership.List
	key  keys.Public
}

// known asks the contract only for names, addresses and limits of the group.
func (r *modeRun) known(ctx context.Context) (known, error) {
	key, err := keys.Load(r.keyFile())
	if err != nil {
		return known{}, fmt.Errorf("key of the contract: %w", err)
	}
	info, err := onceFree(ctx, func() (contract.PeerInfo, error) { return r.client.PeerInfo(ctx) })
	if err != nil {
		return known{}, err
	}
	group, err := info.MakeGroup()
	if err != nil {
		return known{}, err
	}
	members := slices.Clone(r.offline)
	for _, m := range r.members {
		if key, ok := m.service.Key(); ok {
			members = append(members, key)
		}
	}
	if err := consistsOf(group, members); err != nil {
		return known{}, err
	}
	list, err := membership.NewList(group, info.Peers(), "the run")
	return known{list: list, key: key.Public()}, err
}

// consistsOf returns errStrangers unless the group has exactly these members.
func consistsOf(group *membership.Group, members []keys.Public) error {
	sorted := slices.SortedFunc(slices.Values(members), keys.Public.Compare)
	if !slices.Equal(sorted, group.Members()) {
		return fmt.Errorf("%w: its members are %s, expected %s", errStrangers, group.Members(), sorted)
	}
	return nil
}

// trust is what a verifier trusts who has group and key from this run.
func (k known) trust() check.Config {
	names := map[keys.Public]string{}
	for _, p := range k.list.Peers {
		names[p.Key] = p.Name
	}
	return check.Config{Group: k.list.Group.ID(), Contract: k.key, Names: names, Consecutive: true, First: 1}
}

// write writes group and key to a folder, in which it makes the one of the bundles.
func (k known) write(folder string) error {
	if err := os.MkdirAll(filepath.Join(folder, bundlesFolder), 0o755); err != nil {
		return err
	}
	return service.WriteTrusted(folder, k.list, k.key)
}
