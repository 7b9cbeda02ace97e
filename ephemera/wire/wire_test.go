package wire_test

import (
	"bytes"
	"encoding/binary"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Every kind survives encoding, has its own name, and fits into a frame.
func TestEveryKindRoundTrips(t *testing.T) {
	w := newWorld(t)
	kinds := map[wire.Kind]bool{}
	for _, frame := range w.frames() {
		kind := wire.KindOf(frame)
		require.NotEqual(t, "unknown", kind.String(), "%T", frame)
		require.False(t, kinds[kind])
		kinds[kind] = true
		data := wire.Encode(frame)
		require.Less(t, len(data), wire.MaxFrameBytes(w.group))
		opened, err := open(wire.NewGroups(w.group), data)
		require.NoError(t, err, kind)
		require.Equal(t, frame, opened)
	}
	for kind := range wire.Kind(255) {
		require.Equal(t, kinds[kind], kind.String() != "unknown", "kind %d has an example", kind)
	}
	require.Equal(t, "unknown", wire.Kind(200).String())
}

// Frames with any content that the group allows survive encoding.
func TestFramesRoundTrip(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfNDistinct(rapid.StringN(0, 20, 60), 0, 6, rapid.ID).Draw(t, "texts")
		creator, height := rapid.IntRange(0, 3).Draw(t, "creator"), rapid.Uint64Range(1, canonical.MaxNumber).Draw(t, "height")
		b := w.block(creator, height, texts...)
		signers := rapid.SampledFrom([][]int{{0, 1, 2}, {1, 2, 3}, {0, 1, 2, 3}}).Draw(t, "signers")
		proof := w.certify(b, signers...)
		frames := []wire.Frame{
			wire.Proposal{Proposal: b.Proposal()},
			wire.Certificate{Certificate: proof},
			wire.Messages{Messages: b.Messages},
			wire.Blocks{Blocks: []wire.Held{{Block: b, Certificate: &proof}}},
			wire.GetMessages{IDs: b.MessageIDs()},
			wire.Echo{Echo: w.echo(signers[0], b)},
			wire.GetCertified{From: b.Header.Slot()},
		}
		frame := rapid.SampledFrom(frames).Draw(t, "frame")
		opened, err := open(wire.NewGroups(w.group), wire.Encode(frame))
		require.NoError(t, err)
		require.Equal(t, wire.Encode(frame), wire.Encode(opened))
		require.Equal(t, wire.GroupOf(frame), wire.GroupOf(opened))
	})
}

// A flipped bit anywhere in a signed frame is noticed.
func TestNoBitOfASignedFrameIsFree(t *testing.T) {
	w := newWorld(t)
	signed := []wire.Kind{wire.KindProposal, wire.KindEcho, wire.KindCertificate, wire.KindMessages, wire.KindBlocks, wire.KindEvidence}
	for _, frame := range w.frames() {
		if !slices.Contains(signed, wire.KindOf(frame)) {
			continue
		}
		data, stride := wire.Encode(frame), 1
		if testing.Short() {
			stride = 7
		}
		for i := 1; i < len(data); i += stride {
			changed := bytes.Clone(data)
			changed[i] ^= 1 << (i % 8)
			_, err := wire.Open(w.group, changed)
			require.ErrorIs(t, err, wire.ErrInvalid, "%s, byte %d", wire.KindOf(frame), i)
		}
	}
}

// bad is a frame that no correct member sends, with a word of the error that refuses it.
type bad struct {
	frame  wire.Frame
	reason string
}

// newElsewhere returns the same members on another network.
func newElsewhere(w *world) *world {
	other := &world{t: w.t, keys: w.keys}
	var err error
	other.group, err = membership.NewGroup("elsewhere", 2, w.group.Members(), w.group.Limits())
	require.NoError(w.t, err)
	return other
}

func manyIDs(n int) []block.MessageID {
	ids := make([]block.MessageID, n)
	for i := range ids {
		binary.BigEndian.PutUint32(ids[i][:], uint32(i))
	}
	return ids
}

// badBlocks lists proposals, blocks and messages.
func badBlocks(w *world) map[string]bad {
	b, elsewhere := w.block(1, 1, "one", "two"), newElsewhere(w)
	resign := func(change func(*block.Block)) block.Block {
		c := b
		c.Messages = slices.Clone(b.Messages)
		change(&c)
		return w.sign(1, c)
	}
	propose := func(change func(*block.Block)) wire.Frame { return wire.Proposal{Proposal: resign(change).Proposal()} }
	held := func(b block.Block) wire.Frame { return wire.Blocks{Blocks: []wire.Held{{Block: b}}} }
	twice := w.sign(1, block.New(w.group, w.keys[1].Public(), 1, block.ID{}, 0, []block.Message{b.Messages[0], b.Messages[0]}))
	large := w.block(1, 1, strings.Repeat("a", 990), strings.Repeat("b", 990), strings.Repeat("c", 990), strings.Repeat("d", 990))
	many := w.block(1, 1, "a", "b", "c", "d", "e", "f", "g", "h", "i")
	exchanged := resign(func(c *block.Block) { c.Messages[0], c.Messages[1] = c.Messages[1], c.Messages[0] })
	other := w.certify(w.block(1, 1, "other"), 0, 1, 2)
	unsigned := b
	unsigned.Signature = keys.Signature{}
	return map[string]bad{
		"proposal of another group":          {wire.Proposal{Proposal: elsewhere.block(1, 1, "one").Proposal()}, "group"},
		"proposal of a stranger":             {propose(func(c *block.Block) { c.Header.Creator = keys.Public{9} }), "member"},
		"proposal at height zero":            {propose(func(c *block.Block) { c.Header.Height = 0 }), "heights"},
		"proposal with a parent at height 1": {propose(func(c *block.Block) { c.Header.Parent = block.ID{1} }), "parent"},
		"proposal with another count":        {propose(func(c *block.Block) { c.Header.Count++ }), "counts"},
		"proposal with another root":         {propose(func(c *block.Block) { c.Header.Root[0]++ }), "root"},
		"proposal with a message twice":      {wire.Proposal{Proposal: twice.Proposal()}, "twice"},
		"proposal of too many messages":      {wire.Proposal{Proposal: many.Proposal()}, "at most 8"},
		"proposal without signature":         {wire.Proposal{Proposal: unsigned.Proposal()}, "signed"},
		"block with another's certificate":   {wire.Blocks{Blocks: []wire.Held{{Block: b, Certificate: &other}}}, "it is for block"},
		"block without signature":            {held(unsigned), "signed"},
		"block that is too large":            {held(large), "at most"},
		"block with messages exchanged":      {held(exchanged), "root"},
		"too many blocks":                    {wire.Blocks{Blocks: make([]wire.Held, wire.MaxBlocks+1)}, "at most"},
		"message of another network":         {wire.Messages{Messages: elsewhere.block(1, 1, "one").Messages}, "network"},
		"request with a message twice":       {wire.GetMessages{IDs: []block.MessageID{{1}, {1}}}, "twice"},
		"request for too many messages":      {wire.GetMessages{IDs: manyIDs(wire.MaxListings + 1)}, "at most"},
	}
}

// badVotes lists frames about slots: echoes, certificates, evidence, frontiers.
func badVotes(w *world) map[string]bad {
	b, x, y := w.block(1, 1, "one", "two"), w.block(2, 1, "x"), w.block(2, 1, "y")
	few, wrong, beyond, renamed := w.certify(b, 0, 1), w.certify(b, 0, 1, 2), w.certify(b, 0, 1, 2), w.echo(2, b)
	wrong.Signatures[1] = wrong.Signatures[0]
	beyond.Signers, beyond.Signatures = []byte{0x17}, append(beyond.Signatures, beyond.Signatures[0])
	renamed.Signer = w.keys[3].Public()
	zero, nobody, unsigned := b.Header.Slot(), b.Header.Slot(), b.SignedHeader
	zero.Height, nobody.Creator, unsigned.Signature = 0, keys.Public{9}, keys.Signature{}
	frontier := func(change func(*wire.Frontier)) wire.Frame {
		f := wire.Frontier{Group: w.group.ID(), Certified: make([]uint64, 4)}
		change(&f)
		return f
	}
	open := func(headers ...block.SignedHeader) wire.Frame {
		return frontier(func(f *wire.Frontier) { f.Open = headers })
	}
	places := func(places ...uint32) wire.Frame { return frontier(func(f *wire.Frontier) { f.Evidence = places }) }
	proof := w.evidence(x, y)
	return map[string]bad{
		"echo with another's name":           {wire.Echo{Echo: renamed}, "signature"},
		"echo of a slot at height zero":      {wire.Echo{Echo: certificate.Echo{Slot: zero, Signer: w.keys[0].Public()}}, "heights"},
		"rejection of a stranger's slot":     {wire.Rejection{Slot: nobody}, "member"},
		"closed slot of a stranger":          {wire.Closed{Slot: nobody}, "member"},
		"announced group without number":     {wire.Announce{}, "numbered"},
		"certificate of too few":             {wire.Certificate{Certificate: few}, "quorum"},
		"certificate with one bad signature": {wire.Certificate{Certificate: wrong}, "signature"},
		"certificate with a bit beyond n":    {wire.Certificate{Certificate: beyond}, "beyond"},
		"frontier of another group":          {frontier(func(f *wire.Frontier) { f.Group[0]++ }), "group"},
		"frontier with too few chains":       {frontier(func(f *wire.Frontier) { f.Certified = f.Certified[:3] }), "chains"},
		"frontier with a chain twice":        {open(x.SignedHeader, y.SignedHeader), "one per chain"},
		"frontier with chains out of order":  {open(x.SignedHeader, b.SignedHeader), "order"},
		"frontier with an unsigned header":   {open(unsigned), "signed"},
		"frontier with a place beyond n":     {places(4), "places"},
		"frontier with a place twice":        {places(2, 2), "places"},
		"digests out of order":               {wire.Pool{Digests: []wire.SenderDigest{{Sender: w.keys[1].Public()}, {Sender: w.keys[0].Public()}}}, "ascending"},
		"request for a listing twice":        {wire.GetListing{Senders: []keys.Public{w.keys[1].Public(), w.keys[1].Public()}}, "ascending"},
		"too many digests":                   {wire.Pool{Digests: make([]wire.SenderDigest, wire.MaxListings+1)}, "at most"},
		"request for too many listings":      {wire.GetListing{Senders: make([]keys.Public, wire.MaxSenders+1)}, "at most"},
		"listing of too many messages":       {wire.Listing{Messages: make([]wire.Listed, wire.MaxListings+1)}, "at most"},
		"request for evidence out of order":  {wire.GetEvidence{Group: w.group.ID(), Creators: []uint32{2, 1}}, "places"},
		"evidence of one header":             {wire.Evidence{A: proof.A, B: proof.A}, "different"},
		"evidence in the wrong order":        {wire.Evidence{A: proof.B, B: proof.A}, "order"},
		"evidence of two slots":              {wire.Evidence{A: proof.A, B: w.block(2, 2, "z").SignedHeader}, "one slot"},
		"evidence with an unsigned header":   {w.evidence(block.Block{SignedHeader: unsigned}, w.block(1, 1, "other")), "signed"},
	}
}

// A frame that no correct member sends is refused with the reason.
func TestMalformedFramesAreRefused(t *testing.T) {
	w := newWorld(t)
	all := badBlocks(w)
	maps.Copy(all, badVotes(w))
	for name, bad := range all {
		t.Run(name, func(t *testing.T) {
			_, err := wire.Open(w.group, wire.Encode(bad.frame))
			require.ErrorIs(t, err, wire.ErrInvalid)
			require.ErrorContains(t, err, bad.reason)
		})
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "only a kind": {1}, "unknown kind": {99, 0x80}, "kind zero": {0, 0x80},
		"too large": make([]byte, wire.MaxFrameBytes(w.group)+1), "a map": {8, 0xa0}, "trailing byte": append(wire.Encode(w.frames()[2]), 0),
		"indefinite length": {8, 0x9f, 0xff}, "null": {8, 0xf6}, "tag": {8, 0xc0, 0x80},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := wire.Open(w.group, data)
			require.ErrorIs(t, err, wire.ErrInvalid)
		})
	}
}

// Decoding a megabyte of nulls, each of which could become a large zero value, costs little more
// than its size.
func TestFewBytesDoNotBecomeManyValues(t *testing.T) {
	w := newWorld(t)
	large, err := membership.NewGroup(network, 1, w.group.Members(), membership.Limits{})
	require.NoError(t, err)
	nulls := func(head []byte, count int) []byte {
		out := binary.BigEndian.AppendUint32(append(head, 0x9a), uint32(count))
		return append(out, bytes.Repeat([]byte{0xf6}, count)...)
	}
	id := large.ID()
	frontier := append(append([]byte{byte(wire.KindFrontier), 0x85, 0x58, 0x20}, id[:]...), 0x84, 0, 0, 0, 0)
	for name, data := range map[string][]byte{
		"headers of a frontier": append(nulls(frontier, 1<<20), 0x80, 0x80),
		"IDs of a request":      nulls([]byte{byte(wire.KindGetMessages), 0x81}, 1<<20),
		"messages":              nulls([]byte{byte(wire.KindMessages), 0x81}, 1<<20),
		"blocks":                nulls([]byte{byte(wire.KindBlocks), 0x81}, 1<<20),
		"IDs of a proposal":     nulls([]byte{byte(wire.KindProposal), 0x82, 0xf6}, 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := wire.Decode(large, data)
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			allocated := after.TotalAlloc - before.TotalAlloc
			require.Less(t, allocated, uint64(16<<20), "for a frame of %d bytes", len(data))
		})
	}
}
