package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

const network = "bench"

// ephemeraCluster is a group of nodes with the daemon's defaults: GossipSub, SQLite, durable votes.
type ephemeraCluster struct {
	homes      []*home.Home
	transports []*p2p.Transport
	nodes      []*ephemera.Node
	counters   []*counter
	failed     chan error // of nodes that ended
}

func newEphemera(ctx context.Context, dir string, n int) (cluster, error) {
	c := &ephemeraCluster{failed: make(chan error, n)}
	var members []keys.Public
	for i := range n {
		h, err := home.Open(ctx, filepath.Join(dir, strconv.Itoa(i)), network, nil)
		if err != nil {
			return nil, err
		}
		c.homes, members = append(c.homes, h), append(members, h.Key.Public())
	}
	group, err := membership.NewGroup(network, 1, members, membership.Limits{})
	if err != nil {
		return nil, err
	}
	var peers []membership.Peer
	for i := range n {
		t, err := p2p.New(p2p.Config{Network: network, Key: c.homes[i].Key})
		if err != nil {
			return nil, err
		}
		c.transports = append(c.transports, t)
		peers = append(peers, membership.Peer{Key: members[i], Addresses: t.Addresses()})
	}
	for i := range n {
		if err := c.startNode(context.WithoutCancel(ctx), i, group, peers); err != nil {
			return nil, err
		}
	}
	for i, node := range c.nodes {
		for len(node.Online()) < n-1 {
			select {
			case <-ctx.Done():
				return nil, fmt.Errorf("node %d is connected with %d of %d others: %w", i, len(node.Online()), n-1, ctx.Err())
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	return c, nil
}

func (c *ephemeraCluster) startNode(ctx context.Context, i int, group *membership.Group, peers []membership.Peer) error {
	if err := c.transports[i].SetPeers(peers); err != nil {
		return err
	}
	delivered := newCounter()
	app := policy.Must(policy.Config{
		Messages: group.N(),
		DeliverBlock: func(_ context.Context, b block.Block, _ certificate.Certificate) error {
			delivered.add(len(b.Messages))
			return nil
		},
	})
	h := c.homes[i]
	node, err := ephemera.New(ephemera.Config{Key: h.Key, Store: h.Store, Votes: h, Group: group, Transport: c.transports[i], Include: mempool.All}, app)
	if err != nil {
		return err
	}
	c.nodes, c.counters = append(c.nodes, node), append(c.counters, delivered)
	go func() { c.failed <- fmt.Errorf("node %d has ended: %w", i, node.Run(ctx)) }()
	return nil
}

func (c *ephemeraCluster) round(ctx context.Context, number int) error {
	n := len(c.nodes)
	errs := make([]error, n)
	var submitted sync.WaitGroup
	for i, node := range c.nodes {
		m, err := block.NewMessage(c.homes[i].Key, network, "round", report(i, number), time.Now().UnixMilli())
		if err != nil {
			return err
		}
		submitted.Go(func() { errs[i] = node.Submit(ctx, m) })
	}
	submitted.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, delivered := range c.counters {
		if err := delivered.await(ctx, (number+1)*n*n); err != nil {
			select {
			case ended := <-c.failed:
				return errors.Join(ended, err)
			default:
				return err
			}
		}
	}
	return nil
}
