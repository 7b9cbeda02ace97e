// Package apitest is the conformance suite of api.API. It checks that every implementation returns
// the same results and errors. It also starts the nodes that the implementations' tests need.
package apitest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/local"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	storememory "github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// Network is the network of the clusters.
const Network = "api-conformance"

// Cluster is a group of three members. The first ones run in this process, on a memory network. The
// last one has equivocated and never runs.
type Cluster struct {
	T       testing.TB
	Group   *membership.Group
	Members []keys.Private // in the byte order of their public keys
	Clients []keys.Private // configured at every node
	Nodes   []*ephemera.Node
	stop    []func()
}

// The application rejects messages with RefusedLabel and postpones those with LaterLabel, for these
// reasons.
const (
	RefusedLabel  = "refused"
	RefusedReason = "messages with this label are refused"
	LaterLabel    = "later"
	LaterReason   = "this label is postponed"
)

func checkMessage(_ context.Context, m block.Message) ephemera.Decision {
	switch m.Label() {
	case RefusedLabel:
		return ephemera.Reject(RefusedReason)
	case LaterLabel:
		return ephemera.Later(LaterReason)
	}
	return ephemera.Accept()
}

// Key returns a deterministic test key.
func Key(seed byte) keys.Private { return keys.FromSeed([32]byte{seed}) }

// Start runs the first members of a group of three until the test ends. Each function in adjust may
// change the configuration of the member at a place, counted from 0.
func Start(t testing.TB, running int, limits mempool.Limits, adjust ...func(place int, config *ephemera.Config)) *Cluster {
	c := &Cluster{T: t, Members: []keys.Private{Key(1), Key(2), Key(3)}}
	var clients []keys.Public
	for i := range byte(12) {
		c.Clients = append(c.Clients, Key(100+i))
		clients = append(clients, c.Clients[i].Public())
	}
	slices.SortFunc(c.Members, func(a, b keys.Private) int { return a.Public().Compare(b.Public()) })
	var members []keys.Public
	var peers []membership.Peer
	for i, key := range c.Members {
		members = append(members, key.Public())
		peers = append(peers, membership.Peer{Key: key.Public(), Name: fmt.Sprint("member", i+1)})
	}
	var err error
	c.Group, err = membership.NewGroup(Network, 1, members, membership.Limits{})
	require.NoError(t, err)
	network := memory.New(memory.Config{Members: members})
	for i, key := range c.Members[:running] {
		held := storememory.New()
		require.NoError(t, held.Commit(context.Background(), []store.Write{
			store.PutGroup{Group: c.Group}, store.PutEvidence{Evidence: c.equivocation()}, store.PutFork{Fork: c.fork()},
		}))
		app, err := policy.New(policy.Config{CheckMessage: checkMessage})
		require.NoError(t, err)
		config := ephemera.Config{
			Key: key, Store: held, Votes: ephemera.VotesKeptNowhere{}, Group: c.Group,
			Transport: named{network.Transport(key.Public())}, Peers: peers, Clients: clients,
			Mempool: limits, Exchange: 50 * time.Millisecond,
		}
		for _, change := range adjust {
			change(i, &config)
		}
		node, err := ephemera.New(config, app)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		result := make(chan error, 1)
		go func() { result <- errors.Join(node.Run(ctx), held.Close()) }()
		<-node.Running()
		stop := sync.OnceFunc(func() {
			cancel()
			require.NoError(t, <-result)
		})
		t.Cleanup(stop)
		c.Nodes, c.stop = append(c.Nodes, node), append(c.stop, stop)
		require.Len(t, c.Nodes, i+1)
	}
	return c
}

// named is a memory transport with SetPeers, so that the configuration may hold peers.
type named struct{ *memory.Transport }

// SetPeers does nothing: a memory network connects all members.
func (named) SetPeers([]membership.Peer) error { return nil }

// equivocation proves that the last member signed two headers for its first slot.
func (c *Cluster) equivocation() store.Evidence {
	key := c.Members[2]
	header := func(time int64) block.SignedHeader {
		b := block.New(c.Group, key.Public(), 1, block.ID{}, time, nil)
		b.Signature = key.Sign(b.Header.SigningBytes())
		return b.SignedHeader
	}
	a, b := header(1), header(2)
	if a.Header.ID().Compare(b.Header.ID()) > 0 {
		a, b = b, a
	}
	return store.Evidence{A: a, B: b}
}

// fork proves that two members certified two blocks in the first slot of the last one.
func (c *Cluster) fork() store.Fork {
	proven := c.equivocation()
	proof := func(header block.Header) certificate.Certificate {
		signatures := map[int]keys.Signature{}
		for i := 1; i < 3; i++ {
			signatures[i] = c.Members[i].Sign(certificate.SigningBytes(Network, header.Slot(), header.ID()))
		}
		return certificate.New(c.Group, header.Slot(), header.ID(), signatures)
	}
	return store.NewFork(proof(proven.A.Header), proof(proven.B.Header))
}

// Stop stops a node.
func (c *Cluster) Stop(i int) { c.stop[i]() }

// API returns the in-process API of a node, with a DHT.
func (c *Cluster) API(i int) api.API {
	return local.New(c.Nodes[i], local.Config{DHT: &table{}, Version: "v1.2.3", Application: json.RawMessage(`{"block":"1s"}`)})
}

// table is a DHT in memory.
type table struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (t *table) Store(_ context.Context, key string, value []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.values == nil {
		t.values = map[string][]byte{}
	}
	t.values[key] = value
	return nil
}

func (t *table) Query(_ context.Context, key string) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	value, ok := t.values[key]
	if !ok {
		return nil, fmt.Errorf("DHT key %q: %w", key, store.ErrNotFound)
	}
	return value, nil
}

// Message signs a message with the current time.
func (c *Cluster) Message(sender keys.Private, label, payload string) block.Message {
	m, err := block.NewMessage(sender, Network, label, []byte(payload), time.Now().UnixMilli())
	require.NoError(c.T, err)
	return m
}

// Broadcast submits a message and returns the block that holds it.
func (c *Cluster) Broadcast(ctx context.Context, in api.API, m block.Message) api.Entry {
	_, err := in.SubmitEphemeraMessage(ctx, api.Signed(m))
	require.NoError(c.T, err)
	for entry, err := range in.Subscribe(ctx, api.Subscription{Label: m.Label()}) {
		require.NoError(c.T, err)
		for _, held := range entry.Block.Messages {
			if held.ID == m.ID() {
				return entry
			}
		}
	}
	c.T.Fatal("the subscription ended without an error")
	return api.Entry{}
}
