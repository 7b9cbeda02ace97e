// Package testnet makes a network of nodes on this machine to try things with: a folder for each,
// on loopback, who know each other.
package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// ErrShape reports a folder that holds something else than the network that is asked for.
var ErrShape = errors.New("folder holds something else")

// Network is the name of the network.
const Network = "testnet"

// shapeFile says in the folder what it holds. It is written last.
const shapeFile = "testnet.json"

// portsPerNode are taken from the base port on: p2p, API, operator's API.
const portsPerNode = 3

// Net is a network in a folder.
type Net struct {
	Dir    string        `json:"-"`
	Group  membership.ID `json:"group"`
	Number uint64        `json:"group_number"`
	Nodes  []Node        `json:"nodes"`
}

// Node is one of its nodes.
type Node struct {
	Name   string      `json:"name"`
	Key    keys.Public `json:"key"`
	PeerID string      `json:"peer_id"`
	P2P    string      `json:"p2p"`   // multiaddr
	HTTP   string      `json:"http"`  // host:port
	Admin  string      `json:"admin"` // host:port
}

// Folder returns a node's folder.
func (n Net) Folder(node Node) daemon.Folder {
	return daemon.Folder{Dir: filepath.Join(n.Dir, node.Name)}
}

// Config says what Make makes.
type Config struct {
	Dir      string
	Nodes    int // 1..membership.MaxMembers
	BasePort int // first of three ports for each node; 0: free ones
	Stores   []home.Kind
	Settings settings.Settings // of every node, but for names and addresses
}

// Open returns the network in a folder. ErrShape when there is something else; fs.ErrNotExist when
// there is nothing.
func Open(dir string) (Net, error) {
	data, err := os.ReadFile(filepath.Join(dir, shapeFile))
	if errors.Is(err, fs.ErrNotExist) {
		entries, dirErr := os.ReadDir(dir)
		if dirErr == nil && len(entries) > 0 {
			return Net{}, fmt.Errorf("%w: %s is not empty and has no %s; name another folder with --dir", ErrShape, dir, shapeFile)
		}
		return Net{}, fmt.Errorf("no network in %s: %w", dir, fs.ErrNotExist)
	}
	if err != nil {
		return Net{}, err
	}
	n := Net{Dir: dir}
	if err := json.Unmarshal(data, &n); err != nil || len(n.Nodes) == 0 {
		return Net{}, fmt.Errorf("%w: %s cannot be read (%w); name another folder with --dir", ErrShape, filepath.Join(dir, shapeFile), err)
	}
	for _, node := range n.Nodes {
		if node.Name != filepath.Base(node.Name) {
			return Net{}, fmt.Errorf("%w: node name %q in %s", ErrShape, node.Name, shapeFile)
		}
		if _, err := os.Stat(n.Folder(node).Config()); err != nil {
			return Net{}, fmt.Errorf("%w: %w; name another folder with --dir, or remove %s", ErrShape, err, dir)
		}
	}
	return n, nil
}

// Make makes the network, or returns the one that is in the folder when that has as many nodes.
// ErrShape otherwise.
func Make(ctx context.Context, config Config) (Net, error) {
	if config.Nodes < 1 || config.Nodes > membership.MaxMembers {
		return Net{}, fmt.Errorf("%w: %d nodes, expected 1..%d", settings.ErrConfig, config.Nodes, membership.MaxMembers)
	}
	n, err := Open(config.Dir)
	switch {
	case err == nil && len(n.Nodes) != config.Nodes:
		return Net{}, fmt.Errorf("%w: %s holds a network of %d nodes, not of %d; name another folder with --dir", ErrShape, config.Dir, len(n.Nodes), config.Nodes)
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return n, err
	}
	ports, err := takePorts(config.BasePort, config.Nodes*portsPerNode)
	if err != nil {
		return Net{}, err
	}
	n = Net{Dir: config.Dir, Number: 1}
	var peers []membership.Peer
	var members []keys.Public
	for i := range config.Nodes {
		at := ports[i*portsPerNode:]
		node := Node{
			Name: "node-" + strconv.Itoa(i+1), P2P: "/ip4/127.0.0.1/tcp/" + at[0],
			HTTP: net.JoinHostPort("127.0.0.1", at[1]), Admin: net.JoinHostPort("127.0.0.1", at[2]),
		}
		if node.Key, err = config.makeNode(ctx, n.Folder(node), node); err != nil {
			return Net{}, fmt.Errorf("make %s: %w", node.Name, err)
		}
		node.PeerID = node.Key.PeerID()
		n.Nodes, members = append(n.Nodes, node), append(members, node.Key)
		peers = append(peers, membership.Peer{Key: node.Key, Name: node.Name, Addresses: []string{node.P2P}})
	}
	return n, n.introduce(members, peers)
}

func (c Config) makeNode(ctx context.Context, folder daemon.Folder, node Node) (keys.Public, error) {
	s := c.Settings
	s.Node.Name, s.Node.Network = node.Name, Network
	s.P2P.Listen, s.HTTP.Listen, s.Admin.Listen = []string{node.P2P}, node.HTTP, node.Admin
	made, err := daemon.Init(ctx, folder, s, daemon.InitOptions{Stores: c.Stores})
	return made.Key, err
}

// introduce writes everybody's list of members, then what the folder holds.
func (n *Net) introduce(members []keys.Public, peers []membership.Peer) error {
	group, err := membership.NewGroup(Network, n.Number, members, membership.Limits{})
	if err != nil {
		return err
	}
	n.Group = group.ID()
	list, err := membership.NewList(group, peers, "testnet")
	if err != nil {
		return err
	}
	text, err := provider.Encode(list)
	if err != nil {
		return err
	}
	for _, node := range n.Nodes {
		if err := keys.ReplaceFile(n.Folder(node).Beside(settings.Default().Membership.File), text); err != nil {
			return fmt.Errorf("write the list of members of %s: %w", node.Name, err)
		}
	}
	shape, err := json.MarshalIndent(n, "", "  ")
	if err == nil {
		err = keys.ReplaceFile(filepath.Join(n.Dir, shapeFile), append(shape, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", shapeFile, err)
	}
	return nil
}

// takePorts returns consecutive ports from base on, or free ones. Nothing holds them afterwards.
func takePorts(base, count int) ([]string, error) {
	if base != 0 && (base < 1024 || base+count > 65536) {
		return nil, fmt.Errorf("%w: base port %d, expected 0 or 1024..%d: %d ports are taken from there on", settings.ErrConfig, base, 65536-count, count)
	}
	ports := make([]string, count)
	for i := range ports {
		port := 0
		if base != 0 {
			port = base + i
		}
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return nil, fmt.Errorf("port %d is not free: %w; choose another --base-port, or 0 for free ones", port, err)
		}
		defer listener.Close()
		ports[i] = strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
