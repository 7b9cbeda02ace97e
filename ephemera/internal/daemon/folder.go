package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// Folder is where a node keeps what it has. People edit config/, and nobody touches data/:
//
//	config/config.toml   package settings
//	config/peers.toml    the list of members, package provider
//	data/                key, vote store, marker and lock (package home); addresses.json while the node runs
//
// The key is in data/, because it must never be used without the vote store beside it (PROTOCOL.md
// R8).
type Folder struct {
	Dir        string
	ConfigFile string // empty: config/config.toml
}

// Config returns the path of the configuration file.
func (f Folder) Config() string {
	if f.ConfigFile != "" {
		return f.ConfigFile
	}
	return filepath.Join(f.Dir, "config", "config.toml")
}

// Data returns the folder of package home.
func (f Folder) Data() string { return filepath.Join(f.Dir, "data") }

// Key returns the path of the key file.
func (f Folder) Key() string { return filepath.Join(f.Data(), home.KeyFile) }

// Beside returns the path of a file that the configuration names: relative ones are relative to the
// configuration file.
func (f Folder) Beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.Config()), path)
}

// ErrExists reports a folder that holds a node already.
var ErrExists = errors.New("there is a node already")

// InitOptions say what Init does beside the settings.
type InitOptions struct {
	PeersFile string           // list of members to begin with; empty: the node alone
	Peers     *membership.List // the same, not from a file
	Stores    []home.Kind      // kinds of stores beside SQLite
}

// Made is what Init made.
type Made struct {
	Home   string      `json:"home"`
	Config string      `json:"config"`
	Peers  string      `json:"peers"`
	Key    keys.Public `json:"key"`
	PeerID string      `json:"peer_id"`
}

// Init makes a node's folder: key, store and marker, the list of members, and the configuration
// with comments. It overwrites nothing: ErrExists when there is a configuration or a key. The
// configuration is written last, so a failed Init can be repeated after the rest was removed.
func Init(ctx context.Context, f Folder, s settings.Settings, options InitOptions) (Made, error) {
	for _, path := range []string{f.Config(), f.Key()} {
		if _, err := os.Lstat(path); err == nil {
			return Made{}, fmt.Errorf("%w: %s is kept; choose another --home, or remove that folder if you mean to lose its key", ErrExists, path)
		}
	}
	if err := os.MkdirAll(filepath.Dir(f.Config()), 0o700); err != nil {
		return Made{}, fmt.Errorf("make folder: %w", err)
	}
	list, err := options.list(&s)
	if err != nil {
		return Made{}, err
	}
	h, err := openHome(ctx, f, s, options.Stores, nil)
	if err != nil {
		return Made{}, err
	}
	key := h.Key.Public()
	if err := h.Close(); err != nil {
		return Made{}, fmt.Errorf("close home: %w", err)
	}
	made := Made{Home: f.Dir, Config: f.Config(), Peers: f.Beside(s.Membership.File), Key: key, PeerID: key.PeerID()}
	if list == nil {
		if list, err = alone(s, key); err != nil {
			return Made{}, err
		}
	}
	members, err := provider.Encode(*list)
	if err != nil {
		return Made{}, err
	}
	text, err := s.Encode()
	if err != nil {
		return Made{}, err
	}
	return made, errors.Join(writeNew(made.Peers, members), writeNew(made.Config, text))
}

// list returns the list to begin with, nil for the node alone, and takes its network where the
// settings name none of their own.
func (o InitOptions) list(s *settings.Settings) (*membership.List, error) {
	if o.Peers != nil || o.PeersFile == "" {
		return o.Peers, nil
	}
	data, err := os.ReadFile(o.PeersFile)
	if err != nil {
		return nil, fmt.Errorf("%w: list of members: %w", settings.ErrConfig, err)
	}
	list, err := provider.Decode(o.PeersFile, data)
	if err != nil {
		return nil, fmt.Errorf("%w: list of members: %w", settings.ErrConfig, err)
	}
	if network := list.Group.Network(); s.Node.Network == settings.Default().Node.Network {
		s.Node.Network = network
	} else if s.Node.Network != network {
		return nil, fmt.Errorf("%w: %s is of network %q, node.network is %q", settings.ErrConfig, o.PeersFile, network, s.Node.Network)
	}
	return &list, nil
}

// alone returns the list of a group of one.
func alone(s settings.Settings, key keys.Public) (*membership.List, error) {
	addresses := s.P2P.Announce
	if len(addresses) == 0 {
		for _, address := range s.P2P.Listen {
			if !strings.Contains(address, "/tcp/0") && !strings.Contains(address, "/udp/0") {
				addresses = append(addresses, address)
			}
		}
	}
	if err := p2p.CheckAddresses(addresses...); err != nil {
		return nil, fmt.Errorf("%w: p2p.listen: %w", settings.ErrConfig, err)
	}
	group, err := membership.NewGroup(s.Node.Network, 1, []keys.Public{key}, membership.Limits{})
	if err != nil {
		return nil, err
	}
	list, err := membership.NewList(group, []membership.Peer{{Key: key, Name: s.Node.Name, Addresses: addresses}}, "this node alone")
	return &list, err
}

// writeNew writes a file that must not exist.
func writeNew(path string, data []byte) error {
	err := keys.WriteFile(path, data)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s is kept", ErrExists, path)
	}
	return err
}

// openHome opens the node's data with the kind of store that the settings name.
func openHome(ctx context.Context, f Folder, s settings.Settings, stores []home.Kind, logger *slog.Logger) (*home.Home, error) {
	for _, kind := range append([]home.Kind{home.SQLite()}, stores...) {
		if kind.Name == s.Storage.Kind {
			return home.OpenWith(ctx, f.Data(), s.Node.Network, home.Options{Store: kind, Logger: logger})
		}
	}
	return nil, fmt.Errorf("%w: storage.kind = %q: this program is built without it", settings.ErrConfig, s.Storage.Kind)
}
