package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/attack/attacker"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// regroup replaces the group by one with the same members, after some blocks were certified in it,
// and waits until the old one is closed.
func (t *trial) regroup(ctx context.Context) error {
	filling, stop := context.WithTimeout(ctx, t.warm)
	t.load.Run(filling)
	stop()
	before, err := t.list(t.network.Number)
	if err != nil {
		return err
	}
	after, err := t.list(t.network.Number + 1)
	if err != nil {
		return err
	}
	for _, node := range t.network.Nodes {
		path := t.network.Folder(node).Resolve(settings.Default().Membership.File)
		err := errors.Join(keys.ReplaceFile(filepath.Join(filepath.Dir(path), attacker.OldList), before), keys.ReplaceFile(path, after))
		if err != nil {
			return fmt.Errorf("replace the list of members of %s: %w", node.Name, err)
		}
	}
	deadline := time.Now().Add(startTimeout)
	for _, n := range t.nodes {
		for time.Now().Before(deadline) && ctx.Err() == nil {
			if health, err := n.Client.Health(ctx); err == nil && health.Ready && health.Group == t.network.Number+1 {
				break
			}
			wait.For(ctx, 100*time.Millisecond)
		}
	}
	wait.For(ctx, closing)
	return ctx.Err()
}

// closing is the time that a group takes to close: its hand-over and some more.
const closing = 4 * time.Second

// list returns the file with the list of members and a number.
func (t *trial) list(number uint64) ([]byte, error) {
	var keys []keys.Public
	var peers []membership.Peer
	for _, node := range t.network.Nodes {
		keys = append(keys, node.Key)
		peers = append(peers, membership.Peer{Key: node.Key, Name: node.Name, Addresses: []string{node.P2P}})
	}
	group, err := membership.NewGroup(testnet.Network, number, keys, membership.Limits{})
	if err != nil {
		return nil, err
	}
	list, err := membership.NewList(group, peers, "attack")
	if err != nil {
		return nil, err
	}
	return provider.Encode(list)
}
