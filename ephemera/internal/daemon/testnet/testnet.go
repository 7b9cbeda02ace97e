// Package testnet creates a test network on one machine: a folder for each node, all on the
// loopback interface and with the same list of members.
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
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// ErrOccupied reports a folder that contains something other than the requested network.
var ErrOccupied = errors.New("folder is in use")

// Network is the name of the network.
const Network = "testnet"

// networkFile is the file in the network's folder that describes it (Net). It is written last.
const networkFile = "testnet.json"

// portsPerNode is the number of ports of a node: p2p, API, operator's API, in this order.
const portsPerNode = 3

// Net is a network in a folder.
type Net struct {
	Dir    string        `json:"-"`
	Group  membership.ID `json:"group"`
	Number uint64        `json:"group_number"`
	Nodes  []Node        `json:"nodes"`
}

// Node is a node of a Net.
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

// Config configures Make.
type Config struct {
	Dir      string
	Nodes    int               // 1..membership.MaxMembers
	BasePort int               // first of the consecutive ports of all nodes, 0: any free ports
	Stores   []home.Kind       // kinds of stores in addition to SQLite
	Settings settings.Settings // of every node, except names, network and addresses
}

// Open returns the network in a folder. It returns ErrOccupied if the folder contains something
// else, and fs.ErrNotExist if it is empty or does not exist.
func Open(dir string) (Net, error) {
	data, err := os.ReadFile(filepath.Join(dir, networkFile))
	if errors.Is(err, fs.ErrNotExist) {
		entries, dirErr := os.ReadDir(dir)
		if dirErr == nil && len(entries) > 0 {
			return Net{}, fmt.Errorf("%w: %s is not empty and has no %s (choose another folder with --dir)", ErrOccupied, dir, networkFile)
		}
		return Net{}, fmt.Errorf("open network in %s: %w", dir, fs.ErrNotExist)
	}
	if err != nil {
		return Net{}, err
	}
	n := Net{Dir: dir}
	err = json.Unmarshal(data, &n)
	if err == nil && len(n.Nodes) == 0 {
		err = errors.New("it lists no nodes")
	}
	if err != nil {
		return Net{}, fmt.Errorf("%w: %s is not a description of a network: %w (choose another folder with --dir)", ErrOccupied, filepath.Join(dir, networkFile), err)
	}
	for _, node := range n.Nodes {
		if node.Name != filepath.Base(node.Name) {
			return Net{}, fmt.Errorf("%w: %s in %s has the node name %q, expected a plain name (choose another folder with --dir)", ErrOccupied, networkFile, dir, node.Name)
		}
		if _, err := os.Stat(n.Folder(node).Config()); err != nil {
			return Net{}, fmt.Errorf("%w: %w (choose another folder with --dir, or delete %s)", ErrOccupied, err, dir)
		}
	}
	return n, nil
}

// Make creates the network, or returns the one that exists in the folder if it has as many nodes.
// It returns ErrOccupied if the folder contains anything else. If it fails, or ctx ends, it leaves
// no node.
func Make(ctx context.Context, config Config) (n Net, err error) {
	if config.Nodes < 1 || config.Nodes > membership.MaxMembers {
		return Net{}, fmt.Errorf("%w: %d nodes, expected 1..%d", settings.ErrConfig, config.Nodes, membership.MaxMembers)
	}
	n, err = Open(config.Dir)
	switch {
	case err == nil && len(n.Nodes) != config.Nodes:
		return Net{}, fmt.Errorf("%w: %s contains a network of %d nodes, not of %d (choose another folder with --dir)", ErrOccupied, config.Dir, len(n.Nodes), config.Nodes)
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return n, err
	}
	ports, err := choosePorts(config.BasePort, config.Nodes*portsPerNode)
	if err != nil {
		return Net{}, err
	}
	n = Net{Dir: config.Dir, Number: 1}
	defer func() {
		if err != nil {
			err = errors.Join(err, config.discard())
		}
	}()
	var peers []membership.Peer
	var members []keys.Public
	for i := range config.Nodes {
		if ctx.Err() != nil {
			return Net{}, ctx.Err()
		}
		at := ports[i*portsPerNode:]
		node := Node{
			Name: nodeName(i), P2P: "/ip4/127.0.0.1/tcp/" + at[0],
			HTTP: net.JoinHostPort("127.0.0.1", at[1]), Admin: net.JoinHostPort("127.0.0.1", at[2]),
		}
		if node.Key, err = config.makeNode(ctx, n.Folder(node), node); err != nil {
			return Net{}, fmt.Errorf("create %s: %w", node.Name, err)
		}
		node.PeerID = node.Key.PeerID()
		n.Nodes, members = append(n.Nodes, node), append(members, node.Key)
		peers = append(peers, membership.Peer{Key: node.Key, Name: node.Name, Addresses: []string{node.P2P}})
	}
	return n, n.writeLists(members, peers)
}

// discard removes the folders of a network that was not completed. The directory was empty, and no
// node has run.
func (c Config) discard() error {
	var errs []error
	for i := range c.Nodes {
		errs = append(errs, os.RemoveAll(filepath.Join(c.Dir, nodeName(i))))
	}
	return errors.Join(errs...)
}

func nodeName(i int) string { return "node-" + strconv.Itoa(i+1) }

func (c Config) makeNode(ctx context.Context, folder daemon.Folder, node Node) (keys.Public, error) {
	s := c.Settings
	s.Node.Name, s.Node.Network = node.Name, Network
	s.P2P.Listen, s.HTTP.Listen, s.Admin.Listen = []string{node.P2P}, node.HTTP, node.Admin
	made, err := daemon.Init(ctx, folder, s, daemon.InitOptions{Stores: c.Stores})
	return made.Key, err
}

// writeLists writes the list of members of every node, then networkFile.
func (n *Net) writeLists(members []keys.Public, peers []membership.Peer) error {
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
		if err := keys.ReplaceFile(n.Folder(node).Resolve(settings.Default().Membership.File), text); err != nil {
			return fmt.Errorf("write the list of members of %s: %w", node.Name, err)
		}
	}
	description, err := json.MarshalIndent(n, "", "  ")
	if err == nil {
		err = keys.ReplaceFile(filepath.Join(n.Dir, networkFile), append(description, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", networkFile, err)
	}
	return nil
}

// choosePorts returns count consecutive ports from base, which must be free, or any free ports if
// base is 0. It does not reserve them.
func choosePorts(base, count int) ([]string, error) {
	if base != 0 && (base < 1024 || base+count > 65536) {
		return nil, fmt.Errorf("%w: base port %d, expected 0 or 1024..%d, because the nodes use %d consecutive ports", settings.ErrConfig, base, 65536-count, count)
	}
	ports := make([]string, count)
	if base == 0 {
		free, err := freeport.Ports(count)
		if err != nil {
			return nil, err
		}
		for i, port := range free {
			ports[i] = strconv.Itoa(port)
		}
		return ports, nil
	}
	for i := range ports {
		ports[i] = strconv.Itoa(base + i)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", ports[i]))
		if err != nil {
			return nil, fmt.Errorf("listen on port %s: %w (choose another --base-port, or 0 for any free ports)", ports[i], err)
		}
		defer listener.Close()
	}
	return ports, nil
}
