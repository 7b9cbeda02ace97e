package ephemera_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	storememory "github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

const network = "test"

// board is an application that puts all candidates into a block, once there are enough.
type board struct {
	enough  int
	verdict func(block.Block) ephemera.Decision
	gate    chan struct{} // if not nil, deliveries wait until it is closed
	lenient atomic.Bool   // accepts messages of every label
	// restarted says that the node lost its mempool. What others have put into certified blocks does
	// not come back, so messages that were delivered count as if they were candidates.
	restarted atomic.Bool

	mu        sync.Mutex
	delivered []block.Block
	times     []time.Time // of the deliveries
	proofs    []store.Evidence
	changed   chan struct{} // closed and renewed at each delivery
}

func newBoard(enough int) *board { return &board{enough: enough, changed: make(chan struct{})} }

func (b *board) CheckMessage(_ context.Context, m block.Message) ephemera.Decision {
	switch {
	case b.lenient.Load():
	case m.Label() == "refused":
		return ephemera.Reject("this label is refused")
	case m.Label() == "later":
		return ephemera.Later("this label is postponed")
	case m.Label() == "forgotten":
		return ephemera.Decision{}
	case m.Label() == "panic":
		panic("no idea")
	}
	return ephemera.Accept()
}

func (b *board) NextBlock(_ context.Context, turn ephemera.Turn) []block.MessageID {
	candidates := turn.Candidates
	if !turn.Newest {
		candidates = slices.DeleteFunc(candidates, func(m block.Message) bool { return !turn.Directed[m.ID()] })
	}
	if b.known(candidates) < b.enough {
		return nil
	}
	ids := make([]block.MessageID, len(candidates))
	for i, m := range candidates {
		ids[i] = m.ID()
	}
	return ids
}

// known counts the different messages that the board takes for known: none without a candidate.
func (b *board) known(candidates []block.Message) int {
	if len(candidates) == 0 {
		return 0
	}
	known := map[block.MessageID]bool{}
	for _, m := range candidates {
		known[m.ID()] = true
	}
	if b.restarted.Load() {
		for _, d := range b.all() {
			for _, m := range d.Messages {
				known[m.ID()] = true
			}
		}
	}
	return len(known)
}

func (b *board) CheckBlock(_ context.Context, candidate block.Block) ephemera.Decision {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.verdict != nil {
		return b.verdict(candidate)
	}
	return ephemera.Accept()
}

func (b *board) DeliverBlock(ctx context.Context, delivered block.Block, _ certificate.Certificate) error {
	if b.gate != nil {
		select {
		case <-b.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.delivered, b.times = append(b.delivered, delivered), append(b.times, time.Now())
	close(b.changed)
	b.changed = make(chan struct{})
	return nil
}

func (b *board) ObserveEquivocation(_ context.Context, evidence store.Evidence) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.proofs = append(b.proofs, evidence)
}

// summary lists the delivered blocks, a line each.
func (b *board) summary() string {
	var lines strings.Builder
	for _, d := range b.all() {
		fmt.Fprintf(&lines, "  %s %d: %d messages\n", d.Header.Creator, d.Header.Height, len(d.Messages))
	}
	return lines.String()
}

// blocks returns the delivered blocks of one creator.
func (b *board) blocks(creator keys.Public) []block.Block {
	return slices.DeleteFunc(b.all(), func(d block.Block) bool { return d.Header.Creator != creator })
}

// all returns all delivered blocks.
func (b *board) all() []block.Block {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.delivered)
}

// await waits until condition holds. It checks after each delivery.
func (b *board) await(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute) // virtual inside a bubble
	for {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		if condition() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("condition not met in time; delivered:\n%s", b.summary())
		}
	}
}

// cluster is a group of nodes in one process, on a memory network unless link says otherwise.
type cluster struct {
	t       *testing.T
	keys    []keys.Private // in the byte order of their public keys
	group   *membership.Group
	network *memory.Network
	link    func(i int) transport.Transport // makes the transport of a node that starts
	disks   []*storememory.Disk
	boards  []*board
	nodes   []*ephemera.Node
	stop    []func()
	include mempool.Include
	votes   []*votes
	logger  *slog.Logger // may be nil
	// makeBlocks is every node's Config.MakeBlocks.
	makeBlocks ephemera.OnlineKind
	peers      []membership.Peer
	clients    []keys.Public
	hold       bool
	retention  ephemera.Retention
	rate       ephemera.ChainRate
	refuses    map[int]*refusal      // what the stores of nodes answer to commits
	free       map[int]*atomic.Int64 // bytes left on the disks of nodes; others have plenty
	work       admission.Limits
	walls      map[int]func() time.Time      // wall clocks of nodes; others have the machine's
	wrap       func(store.Store) store.Store // replaces the stores of nodes that start, if not nil
}

// votes is a member's VoteRecord. It survives the loss of the store.
type votes struct {
	began, muted, counted atomic.Uint64
	refuses               refusal // BeginGroup and CountVotes
}

func (v *votes) BeginGroup(number uint64) error {
	if err := v.refuses.Load(); err != nil {
		return *err
	}
	return raise(&v.began, number)
}

func (v *votes) CountVotes() error {
	if err := v.refuses.Load(); err != nil {
		return *err
	}
	v.counted.Add(1)
	return nil
}

func (v *votes) Mute(number uint64) error { return raise(&v.muted, number) }
func (v *votes) MutedThrough() uint64     { return v.muted.Load() }

func raise(to *atomic.Uint64, number uint64) error {
	to.Store(max(to.Load(), number))
	return nil
}

func testKeys(n int) []keys.Private {
	out := make([]keys.Private, n)
	for i := range out {
		out[i] = keys.FromSeed(sha256.Sum256(fmt.Append(nil, "node ", i)))
	}
	slices.SortFunc(out, func(a, b keys.Private) int { return a.Public().Compare(b.Public()) })
	return out
}

func newCluster(t *testing.T, n int, config memory.Config) *cluster {
	c := &cluster{t: t, keys: testKeys(n), include: mempool.All}
	for _, key := range c.keys {
		config.Members = append(config.Members, key.Public())
		c.disks = append(c.disks, storememory.NewDisk())
		c.boards = append(c.boards, newBoard(1))
		c.votes = append(c.votes, &votes{})
	}
	var err error
	c.group, err = membership.NewGroup(network, 1, config.Members, membership.Limits{})
	require.NoError(t, err)
	c.network = memory.New(config)
	c.link = func(i int) transport.Transport { return c.network.Transport(c.keys[i].Public()) }
	c.nodes, c.stop = make([]*ephemera.Node, n), make([]func(), n)
	return c
}

// run starts a node on its disk and waits until it runs. The channel receives the result of Run
// after the store is closed.
func (c *cluster) run(i int) (*ephemera.Node, context.CancelFunc, <-chan error) {
	c.t.Helper()
	node, cancel, result := c.begin(i)
	<-node.Running()
	return node, cancel, result
}

// begin is like run but does not wait, for a node that may fail to start.
func (c *cluster) begin(i int) (*ephemera.Node, context.CancelFunc, <-chan error) {
	c.t.Helper()
	opened, err := c.disks[i].Open()
	require.NoError(c.t, err)
	st := store.Store(opened)
	var disk ephemera.Disk
	if c.free[i] != nil {
		disk = ephemera.Disk{Folder: "disk", Low: 1000, Critical: 100}
	}
	if r := c.refuses[i]; r != nil {
		st = refusing{st, r}
	}
	if c.wrap != nil {
		st = c.wrap(st)
	}
	node, err := ephemera.New(ephemera.Config{
		Key: c.keys[i], Group: c.group, ChainRate: c.rate, Disk: disk, Store: st, Transport: c.link(i), Peers: c.peers, Include: c.include,
		Votes: c.votes[i], Clients: c.clients, Hold: c.hold, Retention: c.retention, MakeBlocks: c.makeBlocks, Logger: c.logger,
		Work: c.work,
	}, c.boards[i])
	require.NoError(c.t, err)
	node.SetWall(c.walls[i])
	if free := c.free[i]; free != nil {
		node.SetFreeSpace(func(string) (int64, int64, error) { return free.Load(), 1 << 20, nil })
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- errors.Join(node.Run(ctx), opened.Close()) }()
	return node, cancel, result
}

// start runs a node until stop.
func (c *cluster) start(i int) {
	c.t.Helper()
	node, cancel, result := c.run(i)
	c.nodes[i] = node
	c.stop[i] = sync.OnceFunc(func() {
		cancel()
		assert.NoError(c.t, <-result)
	})
	c.t.Cleanup(c.stop[i])
}

func (c *cluster) startAll() {
	for i := range c.keys {
		c.start(i)
	}
}

func (c *cluster) stopAll() {
	for _, stop := range c.stop {
		if stop != nil {
			stop()
		}
	}
}

func (c *cluster) submit(i int, payload string) block.Message {
	c.t.Helper()
	m := c.message(c.keys[i], payload)
	require.NoError(c.t, c.nodes[i].Submit(context.Background(), m))
	return m
}

func (c *cluster) message(sender keys.Private, payload string) block.Message {
	c.t.Helper()
	m, err := block.NewMessage(sender, network, "notice", []byte(payload), time.Now().UnixMilli())
	require.NoError(c.t, err)
	return m
}

// awaitHeight waits until node i has delivered the chain of a creator up to a height.
func (c *cluster) awaitHeight(i, creator int, height int) {
	c.t.Helper()
	key := c.keys[creator].Public()
	c.boards[i].await(c.t, func() bool { return len(c.boards[i].blocks(key)) >= height })
}
