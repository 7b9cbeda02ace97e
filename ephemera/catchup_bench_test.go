package ephemera_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/sqlite"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// BenchmarkCatchUp starts an empty member alongside three that have long chains of blocks with one
// message of 256 B, all on loopback with SQLite. It ends when the member has verified, stored and
// delivered every block.
func BenchmarkCatchUp(b *testing.B) {
	h := newHistory(b)
	for i := range h.keys[:loadNodes-1] {
		path := filepath.Join(b.TempDir(), "old")
		h.write(b, path)
		stop := h.run(b, i, path, counter{})
		defer stop()
	}
	used := time.Duration(0)
	for b.Loop() {
		before := cpuOfProcess(b)
		all := make(chan struct{})
		stop := h.run(b, loadNodes-1, filepath.Join(b.TempDir(), "new"), counter{left: new(h.blocks), none: all})
		await(b, all)
		b.StopTimer()
		used += cpuOfProcess(b) - before
		stop()
		b.StartTimer()
	}
	b.ReportMetric(float64(h.blocks*b.N)/b.Elapsed().Seconds(), "blocks/s")
	b.ReportMetric(used.Seconds()/float64(h.blocks*b.N), "cpu-s/block")
	b.ReportMetric(0, "ns/op")
}

// history is what the members have certified.
type history struct {
	keys   []keys.Private
	group  *membership.Group
	writes []store.Write
	blocks int
	peers  []membership.Peer // those that run
}

func newHistory(b *testing.B) *history {
	const (
		perChain = 700
		size     = 256
	)
	h := &history{keys: testKeys(loadNodes)}
	var members []keys.Public
	for _, key := range h.keys {
		members = append(members, key.Public())
	}
	var err error
	h.group, err = membership.NewGroup(network, 1, members, membership.Limits{})
	require.NoError(b, err)
	h.writes = []store.Write{store.PutGroup{Group: h.group}}
	for creator := range loadNodes - 1 {
		var parent block.ID
		for height := uint64(1); height <= perChain; height++ {
			made, proof := h.signed(b, creator, height, parent, size)
			h.writes = append(h.writes, store.PutCertified{Block: made, Certificate: proof}, store.PutDelivered{Slot: made.Header.Slot()})
			parent = made.ID()
			h.blocks++
		}
	}
	return h
}

// signed returns the certified block of one message that comes after parent in its creator's chain.
func (h *history) signed(b testing.TB, creator int, height uint64, parent block.ID, size int) (block.Block, certificate.Certificate) {
	payload := binary.BigEndian.AppendUint64(bytes.Repeat([]byte{byte(creator)}, size-8), height)
	key, now := h.keys[creator], time.Now().UnixMilli()
	m, err := block.NewMessage(key, network, "load", payload, now)
	require.NoError(b, err)
	made := block.New(h.group, key.Public(), height, parent, now, []block.Message{m})
	made.Signature = key.Sign(made.Header.SigningBytes())
	echoes := map[int]keys.Signature{}
	for _, signer := range h.keys[:h.group.Q()] {
		place, _ := h.group.Index(signer.Public())
		echoes[place] = signer.Sign(certificate.SigningBytes(network, made.Header.Slot(), made.ID()))
	}
	return made, certificate.New(h.group, made.Header.Slot(), made.ID(), echoes)
}

// write creates a store that holds everything.
func (h *history) write(b *testing.B, path string) {
	opened, err := sqlite.Open(path, nil)
	require.NoError(b, err)
	require.NoError(b, opened.Commit(context.Background(), h.writes))
	require.NoError(b, opened.Close())
}

// run starts a member on a store and connects it to the running ones.
func (h *history) run(b *testing.B, i int, path string, app ephemera.Application) (stop func()) {
	opened, err := sqlite.Open(path, nil)
	require.NoError(b, err)
	link, err := p2p.New(p2p.Config{Network: network, Key: h.keys[i]})
	require.NoError(b, err)
	var peers []membership.Peer
	for _, key := range h.keys {
		peers = append(peers, membership.Peer{Key: key.Public()})
	}
	for place, known := range h.peers {
		peers[place].Addresses = known.Addresses
	}
	require.NoError(b, link.SetPeers(peers))
	if i < loadNodes-1 {
		h.peers = append(h.peers, membership.Peer{Addresses: link.Addresses()})
	}
	node, err := ephemera.New(ephemera.Config{Key: h.keys[i], Group: h.group, Store: opened, Votes: ephemera.VotesKeptNowhere{}, Transport: link}, app)
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(b, <-ended)
		require.NoError(b, opened.Close())
	}
}

// counter is an application that counts what it delivers, and makes no blocks.
type counter struct {
	left *int
	none chan struct{} // closed when nothing is left
}

func (c counter) CheckMessage(context.Context, block.Message) ephemera.Decision {
	return ephemera.Accept()
}
func (c counter) NextBlock(context.Context, ephemera.Turn) []block.MessageID { return nil }
func (c counter) CheckBlock(context.Context, block.Block) ephemera.Decision {
	return ephemera.Later("")
}

func (c counter) DeliverBlock(context.Context, block.Block, certificate.Certificate) error {
	if c.left == nil {
		return nil
	}
	if *c.left--; *c.left == 0 {
		close(c.none)
	}
	return nil
}
