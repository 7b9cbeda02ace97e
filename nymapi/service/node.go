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
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// node is the embedded Ephemera node with its transport.
type node struct {
	*ephemera.Node
	group     *membership.Group
	bounds    limits.Limits
	members   []contract.Member // as the contract told them last; owned by follow
	p2p       *p2p.Transport
	transport transport.Transport // p2p, maybe wrapped
	addresses []string
	api       *server.Server // nil: not served
}

// wrapped is a transport that a Behaviour wrapped. It is told of peers as the one inside.
type wrapped struct {
	transport.Transport
	link *p2p.Transport
}

func (w wrapped) SetPeers(peers []membership.Peer) error { return w.link.SetPeers(peers) }

// openTransport opens the listeners.
func (s *Service) openTransport(group *membership.Group, info contract.PeerInfo) (*node, error) {
	bounds, err := limits.For(limits.Config{Group: group.Limits()})
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

// How long a report is of use: while its epoch may be open, and not less than clocks of members may
// differ.
const (
	mempoolEpochs = 8 // longer than the contract keeps an epoch open by default
	mempoolLeast  = time.Minute
)

// mempoolLimits returns bounds that hold two reports of every member for each epoch that is of use,
// so that no quota is full after a long time in which no block was certified.
func mempoolLimits(d contract.Description) (mempool.Limits, error) {
	report, err := metrics.Report{Mixnodes: d.Mixnodes, Values: slices.Repeat([]metrics.Uptime{metrics.Full}, len(d.Mixnodes))}.Encode()
	if err != nil {
		return mempool.Limits{}, fmt.Errorf("size of a report: %w", err)
	}
	const (
		frame   = 512 // what a message adds to its payload, at most
		spare   = 16  // of each member, for what is no report
		smaller = 32 << 20
	)
	duration := d.End.Sub(d.Start)
	ttl := max(mempoolLeast, mempoolEpochs*duration)
	perSender := 2*int(ttl/duration+1) + spare
	messages := perSender * d.Group.N()
	return mempool.Limits{
		TTL: ttl, PerSender: perSender, Messages: messages, Bytes: max(smaller, messages/2*(len(report)+frame)),
	}, nil
}

// openNode makes the node over the transport. The description is that of the newest epoch.
func (s *Service) openNode(n *node, app ephemera.Application, d contract.Description) error {
	limits, err := mempoolLimits(d)
	if err != nil {
		return err
	}
	n.Node, err = ephemera.New(ephemera.Config{
		Key: s.home.Key, Group: n.group, Peers: contract.PeerInfo{Members: n.members}.Peers(), Store: s.home.Store, Transport: n.transport,
		BeginGroup: s.home.BeginGroup, MutedThrough: s.home.MutedThrough,
		Include: mempool.All, Mempool: limits, Logger: s.config.Logger,
	}, app)
	return err
}

// openBlocks returns the own blocks in the node's store that were not delivered: certified ones,
// and the one that was signed last.
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
			if err != nil {
				return nil, fmt.Errorf("load own chain: %w", err)
			}
			open = append(open, held.Block)
		}
		return open, nil
	}
	return nil, nil
}

// publish hands a report to the node, or to those who do something else with it.
func (s *Service) publish(ctx context.Context, n *node, d contract.Description, m block.Message) error {
	submit := func(ctx context.Context, m block.Message) error {
		if err := n.Submit(ctx, m); !errors.Is(err, mempool.ErrDuplicate) {
			return err
		}
		return nil // an earlier run submitted it
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

// checkDescription refuses descriptions of another contract or group, and rules that this program
// does not have or is not started for.
func checkDescription(c rewards.Contract, group *membership.Group, mode Mode) func(contract.Description) error {
	unfit := map[Mode]contract.Mode{Single: contract.ModeFull, Ephemera: contract.ModeSingle}
	return func(d contract.Description) error {
		if d.Rules.Mode == unfit[mode] {
			return fmt.Errorf("the contract verifies in mode %s, which takes nothing from a Nym-API in mode %s; start both for the same", d.Rules.Mode, mode)
		}
		if d.Network != c.Network || d.ContractKey != c.Key {
			return fmt.Errorf("it is of network %q and contract %s, we belong to %q and %s", d.Network, d.ContractKey, c.Network, c.Key)
		}
		if d.Group.ID() != group.ID() {
			return fmt.Errorf("it is of group %s, ours is %s", d.Group.ID(), group.ID())
		}
		_, err := d.Estimator()
		return err
	}
}

// errNoMember explains a group without us.
func (s *Service) errNoMember(group *membership.Group) error {
	return errors.Join(ErrNotEnrolled, fmt.Errorf("group %d of %d members is complete without key %s; start the contract anew, or use the folder of a member",
		group.Number(), group.N(), *s.key.Load()))
}
