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
// out. If Group is nil, the node is the only member of group 1. If Transport is nil, the node
// uses libp2p on a free port of 127.0.0.1. The home must stay open until the node's Run returns.
func (h *Home) Node(config ephemera.Config, app ephemera.Application) (*ephemera.Node, error) {
	node, err := h.node(config, app)
	if err != nil {
		return nil, fmt.Errorf("create the node of home %s: %w", h.Dir, err)
	}
	return node, nil
}

func (h *Home) node(config ephemera.Config, app ephemera.Application) (*ephemera.Node, error) {
	if config.Key.Public() != (keys.Public{}) || config.Store != nil || config.Votes != nil {
		return nil, errors.New("config: Key, Store and Votes come from the home, leave them out")
	}
	config.Key, config.Store, config.Votes = h.Key, h.Store, h
	if config.Group == nil {
		alone, err := membership.NewGroup(h.network, 1, []keys.Public{h.Key.Public()}, membership.Limits{})
		if err != nil {
			return nil, err
		}
		config.Group = alone
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
