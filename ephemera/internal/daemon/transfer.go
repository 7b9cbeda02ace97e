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

// Export writes the groups and certified blocks of a node that does not run. Its votes and its key
// stay where they are.
func Export(ctx context.Context, config Config, to io.Writer) (summary archive.Summary, err error) {
	h, err := openHome(ctx, config.Folder, config.Settings, config.Stores, config.Logger)
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	return archive.Export(ctx, to, h.Store)
}

// Import verifies an archive and puts what is new into the store of a node that does not run.
// Trusted are the IDs of groups that are taken besides those that the node knows: from its store,
// and from its list of members where that is a file.
func Import(ctx context.Context, config Config, from io.Reader, trusted ...membership.ID) (summary archive.Summary, err error) {
	h, err := openHome(ctx, config.Folder, config.Settings, config.Stores, config.Logger)
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	known, err := config.listed()
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

// listed returns the group of the list of members, where that is a file.
func (c Config) listed() (map[membership.ID]bool, error) {
	known := map[membership.ID]bool{}
	if c.Settings.Membership.Source != "file" {
		return known, nil
	}
	path := c.Folder.Beside(c.Settings.Membership.File)
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
