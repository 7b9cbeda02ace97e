package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// Folder is the folder of a node. Operators edit config/ and must not touch data/:
//
//	config/config.toml   package settings
//	config/peers.toml    the list of members, package provider
//	data/                key, vote store, marker and lock (package home); addresses.json
//
// The key is in data/ because it must never be used without the vote store next to it (PROTOCOL.md
// R8).
type Folder struct {
	Dir        string
	ConfigFile string // path of the configuration file, if it is not Dir/config/config.toml
}

// Config returns the path of the configuration file.
func (f Folder) Config() string {
	if f.ConfigFile != "" {
		return f.ConfigFile
	}
	return filepath.Join(f.Dir, "config", "config.toml")
}

// Data returns the path of the folder that package home manages.
func (f Folder) Data() string { return filepath.Join(f.Dir, "data") }

// Key returns the path of the key file.
func (f Folder) Key() string { return filepath.Join(f.Data(), home.KeyFile) }

// Resolve returns the path of a file that the configuration names. Relative paths are relative to
// the folder of the configuration file.
func (f Folder) Resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.Config()), path)
}

// ErrExists reports a folder that already contains a node.
var ErrExists = errors.New("folder already contains a node")

// InitOptions are the options of Init. Without PeersFile and Peers the node is the only member of
// its list.
type InitOptions struct {
	PeersFile string           // path of a list of members to copy
	Peers     *membership.List // a list of members; it takes precedence over PeersFile
	Stores    []home.Kind      // kinds of stores in addition to SQLite
}

// InitResult describes what Init created.
type InitResult struct {
	Home   string      `json:"home"`
	Config string      `json:"config"`
	Peers  string      `json:"peers"`
	Key    keys.Public `json:"key"`
	PeerID string      `json:"peer_id"`
	// Note says what to complete before others get this node's entry. It may be empty.
	Note string `json:"note,omitempty"`
}

// Init creates a node's folder: key, store and marker, the list of members, and the configuration
// with comments. It overwrites nothing and returns ErrExists if there is a configuration, a key or
// a list of members. It writes the configuration last. After a failed Init, remove what it left
// before you repeat it.
func Init(ctx context.Context, f Folder, s settings.Settings, options InitOptions) (InitResult, error) {
	for _, path := range []string{f.Config(), f.Key()} {
		if _, err := os.Lstat(path); err == nil {
			return InitResult{}, fmt.Errorf("%w: %s exists (choose another --home, or delete the folder if you no longer need its key)", ErrExists, path)
		}
	}
	if err := checkSettings(s); err != nil {
		return InitResult{}, err
	}
	if err := os.MkdirAll(filepath.Dir(f.Config()), 0o700); err != nil {
		return InitResult{}, fmt.Errorf("create folder: %w", err)
	}
	list, err := options.list(&s)
	if err != nil {
		return InitResult{}, err
	}
	h, err := openHome(ctx, f, s, options.Stores, nil)
	if err != nil {
		return InitResult{}, err
	}
	key := h.Key.Public()
	if err := h.Close(); err != nil {
		return InitResult{}, fmt.Errorf("close home: %w", err)
	}
	made := InitResult{Home: f.Dir, Config: f.Config(), Peers: f.Resolve(s.Membership.File), Key: key, PeerID: key.PeerID()}
	if list == nil {
		if list, err = singleMember(s, key); err != nil {
			return InitResult{}, err
		}
		if len(list.Peers[0].Addresses) == 0 {
			made.Note = "the entry in " + made.Peers + " has no address: others cannot dial a wildcard or port 0 (set p2p.announce, and complete the entry)"
		}
	}
	members, err := provider.Encode(*list)
	if err != nil {
		return InitResult{}, err
	}
	text, err := s.Encode()
	if err != nil {
		return InitResult{}, err
	}
	return made, errors.Join(writeNew(made.Peers, members), writeNew(made.Config, text))
}

// list returns the list of members, or nil if the node is the only member. If the settings have the
// default network, list sets that of PeersFile.
func (o InitOptions) list(s *settings.Settings) (*membership.List, error) {
	if o.Peers != nil || o.PeersFile == "" {
		return o.Peers, nil
	}
	data, err := os.ReadFile(o.PeersFile)
	if err != nil {
		return nil, fmt.Errorf("%w: read list of members: %w", settings.ErrConfig, err)
	}
	list, err := provider.Decode(o.PeersFile, data)
	if err != nil {
		return nil, fmt.Errorf("%w: decode list of members: %w", settings.ErrConfig, err)
	}
	if network := list.Group.Network(); s.Node.Network == settings.Default().Node.Network {
		s.Node.Network = network
	} else if s.Node.Network != network {
		return nil, wrongNetwork(o.PeersFile, list.Group, *s)
	}
	return &list, nil
}

// singleMember returns a list with the node as its only member. Its addresses are those at which
// others reach it, of which there may be none.
func singleMember(s settings.Settings, key keys.Public) (*membership.List, error) {
	addresses := s.P2P.Announce
	if len(addresses) == 0 {
		addresses, _ = address.Usable(s.P2P.Listen) // a wildcard or port 0 is of no use to others
	}
	group, err := membership.NewGroup(s.Node.Network, 1, []keys.Public{key}, membership.Limits{})
	if err != nil {
		return nil, err
	}
	list, err := membership.NewList(group, []membership.Peer{{Key: key, Name: s.Node.Name, Addresses: addresses}}, "this node alone")
	return &list, err
}

// writeNew writes a file, or returns ErrExists if it exists.
func writeNew(path string, data []byte) error {
	err := keys.WriteFile(path, data)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s exists (delete it if you no longer need it)", ErrExists, path)
	}
	return err
}

// openHome opens the node's data with the kind of store that the settings name.
func openHome(ctx context.Context, f Folder, s settings.Settings, stores []home.Kind, logger *slog.Logger) (*home.Home, error) {
	kind, err := kindOf(s, stores)
	if err != nil {
		return nil, err
	}
	return home.OpenWith(ctx, f.Data(), s.Node.Network, home.Options{Store: kind, Logger: logger})
}

// kindOf returns the kind of store that the settings name.
func kindOf(s settings.Settings, stores []home.Kind) (home.Kind, error) {
	for _, kind := range append([]home.Kind{home.SQLite()}, stores...) {
		if kind.Name == s.Storage.Kind {
			return kind, nil
		}
	}
	return home.Kind{}, fmt.Errorf("%w: storage.kind = %q: this program was built without that store (use another build, or another kind for a new home)", settings.ErrConfig, s.Storage.Kind)
}
