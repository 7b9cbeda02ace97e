package home

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// Node returns a node with the home's key, store and vote record. Config must leave these three
// out, and must have a Group. If Transport is nil, the node uses libp2p on a free port of
// 127.0.0.1. If Disk.Folder is empty, it is the home's. The home must stay open until the node's
// Run returns.
func (h *Home) Node(config ephemera.Config, app ephemera.Application) (*ephemera.Node, error) {
	node, err := h.node(config, app)
	if err != nil {
		return nil, fmt.Errorf("create the node of home %s: %w", h.Dir, err)
	}
	return node, nil
}

// NodeAlone is Node for a program without other members: the node is the only member of group 1,
// and Config must leave Group out. The node certifies its blocks alone, and the home records that
// it signed in group 1. A home that is to join other members later must therefore join them in a
// group with a higher number.
func (h *Home) NodeAlone(config ephemera.Config, app ephemera.Application) (*ephemera.Node, error) {
	if config.Group != nil {
		return nil, fmt.Errorf("make the node of home %s: config: Group is set (leave it out, or use Node)", h.Dir)
	}
	alone, err := membership.NewGroup(h.network, 1, []keys.Public{h.Key.Public()}, membership.Limits{})
	if err != nil {
		return nil, fmt.Errorf("make the group of home %s: %w", h.Dir, err)
	}
	config.Group = alone
	return h.Node(config, app)
}

func (h *Home) node(config ephemera.Config, app ephemera.Application) (*ephemera.Node, error) {
	if config.Key.Public() != (keys.Public{}) || config.Store != nil || config.Votes != nil {
		return nil, errors.New("config: Key, Store and Votes come from the home, leave them out")
	}
	if config.Group == nil {
		return nil, errors.New("config: Group is missing (set it, or use NodeAlone for a node without other members)")
	}
	config.Key, config.Store, config.Votes = h.Key, h.Store, h
	if config.Disk.Folder == "" {
		config.Disk.Folder = h.Dir
	}
	if network := config.Group.Network(); network != h.network {
		return nil, fmt.Errorf("config: Group is of network %q, the home of %q", network, h.network)
	}
	if config.Transport == nil {
		link, err := p2p.New(p2p.Config{Network: h.network, Key: h.Key, Logger: config.Logger})
		if err != nil {
			return nil, err
		}
		h.links = append(h.links, link)
		config.Transport = link
	}
	return ephemera.New(config, app)
}
