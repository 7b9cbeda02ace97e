package ephemera_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	storememory "github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/sqlite"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// One frame of one member must not end a node: not the proof of its own equivocation at the
// greatest height, nor one beyond, nor headers of the year 285428. Pebble does not run in a bubble;
// the suite of storetest commits the same values to it.
func TestNoFrameOfAMemberStopsANode(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (store.Store, error){
		"memory": func(*testing.T) (store.Store, error) { return storememory.New(), nil },
		"sqlite": func(t *testing.T) (store.Store, error) {
			return sqlite.Open(filepath.Join(t.TempDir(), "store.sqlite"), nil)
		},
	} {
		t.Run(name, func(t *testing.T) { noFrameStopsANode(t, open) })
	}
}

func noFrameStopsANode(t *testing.T, open func(t *testing.T) (store.Store, error)) {
	for _, height := range []uint64{1, 2, 1 << 32, canonical.MaxNumber, canonical.MaxNumber + 1, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
		// The directory of t outlives the bubble.
		st, err := open(t)
		require.NoError(t, err)
		synctest.Test(t, func(t *testing.T) { survivesHeight(t, st, height) })
	}
}

// survivesHeight runs one node among members that are down, except for a faulty one that sends what
// it can sign about a height.
func survivesHeight(t *testing.T, st store.Store, height uint64) {
	c := newCluster(t, 4, memory.Config{})
	node, err := ephemera.New(ephemera.Config{
		Key: c.keys[0], Group: c.group, Store: st, Votes: ephemera.VotesKeptNowhere{}, Transport: c.link(0),
	}, c.boards[0])
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 2)
	go func() { result <- node.Run(ctx) }()
	<-node.Running()
	faulty := c.network.Transport(c.keys[3].Public())
	go func() { result <- faulty.Run(ctx, deaf{}) }()
	pass(time.Second)

	for _, frame := range extremeFrames(c.group, c.keys[3], height) {
		faulty.Send(c.keys[0].Public(), wire.Encode(frame))
		pass(time.Second)
	}
	status, err := node.Status(ctx)
	require.NoError(t, err, "the node runs")
	require.Zero(t, status.Heights[3])
	state, err := st.Load(ctx, c.group.ID())
	require.NoError(t, err)
	if height <= canonical.MaxNumber {
		require.Len(t, state.Evidence, 1)
		require.Equal(t, height, state.Evidence[0].A.Header.Height)
	} else {
		require.Empty(t, state.Evidence)
	}
	cancel()
	require.NoError(t, errors.Join(<-result, <-result, st.Close()))
}

// extremeFrames are frames of one member about a height, with the earliest and the latest times.
func extremeFrames(group *membership.Group, key keys.Private, height uint64) []wire.Frame {
	parent := block.ID{}
	if height > 1 {
		parent = block.ID{1}
	}
	var headers []block.SignedHeader
	for _, at := range []int64{0, canonical.MaxNumber} {
		b := block.New(group, key.Public(), height, parent, at, nil)
		headers = append(headers, block.SignedHeader{Header: b.Header, Signature: key.Sign(b.Header.SigningBytes())})
	}
	a, b := headers[0], headers[1]
	if a.Header.ID().Compare(b.Header.ID()) > 0 {
		a, b = b, a
	}
	certified := make([]uint64, group.N())
	place, _ := group.Index(key.Public())
	certified[place] = height
	return []wire.Frame{
		wire.Proposal{Proposal: block.Proposal{SignedHeader: a}},
		wire.Frontier{Group: group.ID(), Certified: certified},
		wire.Frontier{Group: group.ID(), Certified: make([]uint64, group.N()), Open: []block.SignedHeader{b}},
		wire.GetCertified{From: a.Header.Slot()},
		wire.GetBlock{Slot: a.Header.Slot(), Block: a.Header.ID()},
		wire.Blocks{Blocks: []wire.Held{{Block: block.Block{SignedHeader: a}}}},
		wire.Closed{Slot: a.Header.Slot()},
		wire.Announce{Number: height},
		wire.Evidence{A: a, B: b},
	}
}
