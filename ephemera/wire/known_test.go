package wire_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// newSuccessor returns the next group: one member is replaced, and its limits are wider.
func newSuccessor(w *world) *world {
	next := &world{t: w.t, keys: append(slices.Clone(w.keys[1:]), keys.FromSeed(sha256.Sum256([]byte("wire, replaced"))))}
	slices.SortFunc(next.keys, func(a, b keys.Private) int { return a.Public().Compare(b.Public()) })
	var public []keys.Public
	for _, key := range next.keys {
		public = append(public, key.Public())
	}
	var err error
	limits := membership.Limits{PayloadBytes: 2000, BlockMessages: 16, BlockBytes: 8000}
	next.group, err = membership.NewGroup(network, 2, public, limits)
	require.NoError(w.t, err)
	return next
}

// A frame is checked against the group that it names, whatever other groups are known.
func TestFramesOfSeveralGroupsOpen(t *testing.T) {
	w := newWorld(t)
	next := newSuccessor(w)
	for _, groups := range []wire.Groups{wire.NewGroups(w.group, next.group), wire.NewGroups(next.group, w.group)} {
		for _, frame := range append(w.frames(), next.frames()...) {
			opened, err := open(groups, wire.Encode(frame))
			require.NoError(t, err, "%T", frame)
			require.Equal(t, frame, opened)
		}
	}
	for _, frame := range next.frames() {
		_, err := open(wire.NewGroups(w.group), wire.Encode(frame))
		switch frame.(type) {
		case wire.Messages, wire.GetMessages, wire.Announce, wire.Newest, wire.GetGroup, wire.Description, wire.Pool, wire.GetListing, wire.Listing:
			require.NoError(t, err, "they name no group")
		default:
			require.ErrorIs(t, err, wire.ErrUnknownGroup, "%T", frame)
			require.ErrorIs(t, err, wire.ErrInvalid, "%T", frame)
		}
	}
}

// A frame that is too large for the known groups may be from a correct member that knows a larger
// group with wider limits.
func TestFramesOfAWiderGroupAreNobodysFault(t *testing.T) {
	w := newWorld(t)
	next := &world{t: t}
	var public []keys.Public
	for i := range 20 {
		next.keys = append(next.keys, keys.FromSeed(sha256.Sum256(fmt.Append(nil, "wide ", i))))
		public = append(public, next.keys[i].Public())
	}
	slices.SortFunc(next.keys, func(a, b keys.Private) int { return a.Public().Compare(b.Public()) })
	var err error
	next.group, err = membership.NewGroup(network, 2, public, membership.Limits{})
	require.NoError(t, err)
	large := strings.Repeat("x", 1500)
	b := next.block(3, 1, "1", "2", "3", "4", "5", "6", "7", "8", "9", large)
	for _, frame := range []wire.Frame{
		wire.Proposal{Proposal: b.Proposal()},
		wire.Certificate{Certificate: next.certify(b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 19)},
		wire.Messages{Messages: b.Messages},
		wire.Frontier{Group: next.group.ID(), Certified: make([]uint64, 20)},
	} {
		_, err := wire.Open(w.group, wire.Encode(frame))
		require.ErrorIs(t, err, wire.ErrUnknownGroup, "%T", frame)
	}
	_, err = wire.Open(w.group, wire.Encode(wire.Proposal{Proposal: b.Proposal()})[:100])
	require.ErrorIs(t, err, wire.ErrInvalid)
	require.NotErrorIs(t, err, wire.ErrUnknownGroup, "half a frame")
}

// A frame of one group cannot use the wider limits or the members of another.
func TestLimitsOfOneGroupDoNotServeAnother(t *testing.T) {
	w := newWorld(t)
	next := newSuccessor(w)
	groups := wire.NewGroups(w.group, next.group)
	var texts []string
	for i := range 9 {
		texts = append(texts, fmt.Sprint("message ", i))
	}
	tooMany, allowed := w.block(0, 1, texts...), next.block(0, 1, texts...)
	outsider := slices.IndexFunc(next.keys, func(k keys.Private) bool { return !w.group.Contains(k.Public()) })
	b := w.block(1, 1, "text")
	echo := w.echo(0, b)
	echo.Signer = next.keys[outsider].Public()
	foreign := wire.Closed{Slot: block.Slot{Group: w.group.ID(), Creator: echo.Signer, Height: 1}}
	short := w.certify(b, 0, 1)

	for _, frame := range []wire.Frame{
		wire.Proposal{Proposal: tooMany.Proposal()},
		wire.Blocks{Blocks: []wire.Held{{Block: tooMany}}},
		wire.Echo{Echo: echo},
		foreign,
		wire.Certificate{Certificate: short},
		wire.Frontier{Group: w.group.ID(), Certified: make([]uint64, 5)},
	} {
		_, err := groups.Open(wire.Encode(frame))
		require.ErrorIs(t, err, wire.ErrInvalid, "%T", frame)
		require.NotErrorIs(t, err, wire.ErrUnknownGroup, "%T", frame)
	}
	_, err := groups.Open(wire.Encode(wire.Proposal{Proposal: allowed.Proposal()}))
	require.NoError(t, err)
}

// Frames that name no group are refused, and a receiver that knows no group refuses every frame.
func TestFramesWithoutAGroupAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, frame := range []wire.Frame{
		wire.Proposal{},
		wire.Echo{},
		wire.Certificate{},
		wire.Rejection{},
		wire.GetBlock{},
		wire.GetCertified{},
		wire.Frontier{},
		wire.GetEvidence{},
		wire.Evidence{},
		wire.Closed{},
		wire.Blocks{Blocks: []wire.Held{{}}},
	} {
		require.ErrorIs(t, wire.VerifyFrame(w.group, frame), wire.ErrUnknownGroup, "%T", frame)
	}
	for _, frame := range w.frames() {
		_, err := wire.Groups{}.Open(wire.Encode(frame))
		require.ErrorIs(t, err, wire.ErrInvalid, "%T", frame)
	}
}

// No bytes make the border of several groups panic, and a frame that it accepts is accepted by
// exactly one of them.
func FuzzGroups(f *testing.F) {
	w := newWorld(f)
	next := newSuccessor(w)
	groups := wire.NewGroups(w.group, next.group)
	for _, frame := range append(w.frames(), next.frames()...) {
		f.Add(wire.Encode(frame))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := open(groups, data)
		if err != nil {
			require.ErrorIs(t, err, wire.ErrInvalid)
			return
		}
		require.Equal(t, data, wire.Encode(frame))
		if wire.KindOf(frame) == wire.KindBlocks {
			return // its blocks may be of different groups
		}
		_, first := open(wire.NewGroups(w.group), data)
		_, second := open(wire.NewGroups(next.group), data)
		require.True(t, first == nil || second == nil)
	})
}
