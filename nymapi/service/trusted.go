package service

import (
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// Names of the files with what verifies a contract's epochs, for somebody who trusts this Nym-API
// and not the contract. The command "contract verify" reads them.
const (
	GroupFile       = "group"        // a members file
	ContractKeyFile = "contract.key" // the public key in hexadecimal
)

// WriteTrusted writes the group and the contract's public key to a folder, each atomically.
func WriteTrusted(folder string, list membership.List, key keys.Public) error {
	members, err := provider.Encode(list)
	if err != nil {
		return fmt.Errorf("write the group: %w", err)
	}
	for name, content := range map[string][]byte{GroupFile: members, ContractKeyFile: []byte(hex.EncodeToString(key[:]) + "\n")} {
		if err := files.Replace(filepath.Join(folder, name), 0o644, content); err != nil {
			return err
		}
	}
	return nil
}

// writeTrusted writes the group that this Nym-API is a member of, and the key of the contract that
// it has belonged to since its first start. It needs neither file, so it logs what fails.
func (s *Service) writeTrusted(ctx context.Context, pinned rewards.Contract, group *membership.Group, info contract.PeerInfo) {
	list, err := membership.NewList(group, info.Peers(), "the contract")
	if err == nil {
		err = WriteTrusted(s.config.Home, list, pinned.Key)
	}
	if err != nil {
		s.log.WarnContext(ctx, "group and contract key not written to the folder", "err", err)
	}
}
