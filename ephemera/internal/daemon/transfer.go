package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/archive"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// Export writes the groups and certified blocks of a node as an archive. The node must not be
// running (home.ErrLocked). The archive contains neither votes nor the key. Other errors are those
// of archive.Export.
func Export(ctx context.Context, config Config, to io.Writer) (summary archive.Summary, err error) {
	h, err := openHome(ctx, config.Folder, config.Settings, config.Stores, config.Logger)
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	return archive.Export(ctx, to, h.Store)
}

// Import verifies an archive and adds what is new to a node's store. The node must not be running
// (home.ErrLocked). It accepts the groups in the node's store, the group of its list of members if
// that is a file, and the groups with the IDs in trusted. Other errors are those of archive.Import.
func Import(ctx context.Context, config Config, from io.Reader, trusted ...membership.ID) (summary archive.Summary, err error) {
	h, err := openHome(ctx, config.Folder, config.Settings, config.Stores, config.Logger)
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	known, err := config.listedGroup()
	if err != nil {
		return summary, err
	}
	for _, id := range trusted {
		known[id] = true
	}
	return archive.Import(ctx, from, h.Store, archive.Options{
		Network: config.Settings.Node.Network, Self: h.Key.Public(), MutedThrough: h.MutedThrough(),
		Trusted: func(g *membership.Group) bool { return known[g.ID()] },
	})
}

// listedGroup returns a set with the ID of the group of the list of members, or an empty set if the
// list is not a file.
func (c Config) listedGroup() (map[membership.ID]bool, error) {
	known := map[membership.ID]bool{}
	if c.Settings.Membership.Source != "file" {
		return known, nil
	}
	path := c.Folder.Resolve(c.Settings.Membership.File)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: membership.file: %w", settings.ErrConfig, err)
	}
	list, err := provider.Decode(path, data)
	if err != nil {
		return nil, fmt.Errorf("%w: membership.file: %w", settings.ErrConfig, err)
	}
	known[list.Group.ID()] = true
	return known, nil
}
