package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/dht"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

// node is the embedded Ephemera node with its transport.
type node struct {
	*ephemera.Node
	group     *membership.Group
	bounds    limits.Limits
	members   []contract.Member // the contract's latest answer; owned by follow
	p2p       *p2p.Transport
	transport transport.Transport // p2p, or what Behaviour.Transport made of it
	addresses []string
	table     *dht.DHT       // nil without Config.DHT
	api       *server.Server // nil: not served
}

// wrapped is a transport that Behaviour.Transport wrapped around link. SetPeers reaches link.
type wrapped struct {
	transport.Transport
	link *p2p.Transport
}

func (w wrapped) SetPeers(peers []membership.Peer) error { return w.link.SetPeers(peers) }

// openTransport listens for other members of the group.
func (s *Service) openTransport(group *membership.Group, info contract.PeerInfo) (*node, error) {
	bounds, err := s.bound(limits.Config{Group: group.Limits()}, group.N()-1, s.log)
	if err != nil {
		return nil, err
	}
	link, err := p2p.New(p2p.Config{
		Network: group.Network(), Key: s.home.Key, Listen: s.config.Listen, Announce: s.config.Announce,
		Peers: info.Peers(), Gossip: s.config.Gossip, Limits: bounds.Transport, Logger: slog.New(logging.Quiet(s.config.Logger.Handler())),
	})
	if err != nil {
		return nil, fmt.Errorf("listen for other Nym-APIs: %w", err)
	}
	n := &node{group: group, bounds: bounds, members: info.Members, p2p: link, transport: link}
	n.addresses = reachable(link.Addresses())
	if len(s.config.Announce) > 0 {
		n.addresses = s.config.Announce
	}
	if wrap := s.config.Behaviour.Transport; wrap != nil {
		n.transport = wrapped{Transport: wrap(link), link: link}
	}
	return n, nil
}

// openNode creates the node on top of the transport. d is the newest epoch's description.
func (s *Service) openNode(n *node, app ephemera.Application, d contract.Description) error {
	report, err := rules.ReportBytes(d.Mixnodes)
	if err != nil {
		return err
	}
	pool := rules.Mempool(d.End.Sub(d.Start), d.Group.N(), report)
	n.Node, err = s.home.Node(ephemera.Config{
		Group: n.group, Peers: contract.PeerInfo{Members: n.members}.Peers(), Transport: n.transport,
		Include: mempool.All, Mempool: pool, Work: n.bounds.Work, Logger: s.config.Logger,
	}, app)
	return err
}

// openBlocks returns this member's blocks in the node's store that were not delivered: the
// certified ones and the one that it signed last.
func (s *Service) openBlocks(ctx context.Context, group *membership.Group) ([]block.Block, error) {
	state, err := s.home.Store.Load(ctx, group.ID())
	if err != nil {
		return nil, fmt.Errorf("load own chain: %w", err)
	}
	self := s.home.Key.Public()
	for _, chain := range state.Chains {
		if chain.Creator != self {
			continue
		}
		open := chain.Votes
		for height := chain.Delivered + 1; height <= chain.Certified; height++ {
			held, err := s.home.Store.Certified(ctx, block.Slot{Group: group.ID(), Creator: self, Height: height})
			if errors.Is(err, store.ErrCorrupt) { // the node fetches it again, and then delivers it
				s.log.WarnContext(ctx, "own block is damaged", "height", height, "err", err)
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("load own chain: %w", err)
			}
			open = append(open, held.Block)
		}
		return open, nil
	}
	return nil, nil
}

// publish submits a report to the node, or passes it to Behaviour.Publish if that is set.
func (s *Service) publish(ctx context.Context, n *node, d contract.Description, m block.Message) error {
	submit := func(ctx context.Context, m block.Message) error {
		if err := n.Submit(ctx, m); !errors.Is(err, mempool.ErrDuplicate) {
			return err
		}
		return nil // submitted by an earlier run
	}
	if s.config.Behaviour.Publish == nil {
		return submit(ctx, m)
	}
	return s.config.Behaviour.Publish(ctx, Publication{
		Description: d, Message: m, Submit: submit, Transport: n.transport,
		Sign: func(r metrics.Report) (block.Message, error) {
			payload, err := r.Encode()
			if err != nil {
				return block.Message{}, err
			}
			return block.NewMessage(s.home.Key, d.Network, d.Label(), payload, time.Now().UnixMilli())
		},
	})
}

// checkDescription returns a function that refuses descriptions of another contract or group, and
// rules that this program does not know or was not started for.
func checkDescription(c rewards.Contract, group *membership.Group, mode Mode) func(contract.Description) error {
	fits := map[Mode][]contract.Mode{
		Single:      {contract.ModeSingle, contract.ModeNone},
		Ephemera:    {contract.ModeFull, contract.ModeNone},
		Performance: {contract.ModePerformance},
	}
	return func(d contract.Description) error {
		if !slices.Contains(fits[mode], d.Rules.Mode) {
			return fmt.Errorf("the contract verifies in mode %s, which accepts nothing from a Nym-API in mode %s; start both in the same mode", d.Rules.Mode, mode)
		}
		if d.Network != c.Network || d.ContractKey != c.Key {
			return fmt.Errorf("the description is of network %q and contract %s, this Nym-API belongs to %q and %s", d.Network, d.ContractKey, c.Network, c.Key)
		}
		if d.Group.ID() != group.ID() {
			return fmt.Errorf("the description is of group %s, this Nym-API belongs to %s", d.Group.ID(), group.ID())
		}
		_, err := d.Estimator()
		return err
	}
}

// errNoMember reports that the group does not include this Nym-API.
func (s *Service) errNoMember(group *membership.Group) error {
	return errors.Join(ErrNotEnrolled, fmt.Errorf("group %d of %d members is complete without key %s; start a contract with a new database, or use a member's folder",
		group.Number(), group.N(), *s.key.Load()))
}
