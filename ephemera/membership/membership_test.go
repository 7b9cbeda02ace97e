package membership_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/canonicaltest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

func members(n int) []keys.Public {
	var all []keys.Public
	for i := range n {
		all = append(all, keys.FromSeed([32]byte{byte(i), byte(i >> 8), 7}).Public())
	}
	return all
}

func group(t require.TestingT, n int) *membership.Group {
	g, err := membership.NewGroup("test", 3, members(n), membership.Limits{})
	require.NoError(t, err)
	return g
}

func again(data []byte) ([]byte, error) {
	g, err := membership.DecodeGroup(data)
	if err != nil {
		return nil, err
	}
	return g.Encode(), nil
}

func TestQuorumsOfKnownSizes(t *testing.T) {
	for _, want := range [][3]int{{1, 0, 1}, {2, 0, 2}, {3, 0, 2}, {4, 1, 3}, {6, 1, 4}, {7, 2, 5}, {10, 3, 7}, {100, 33, 67}} {
		g := group(t, want[0])
		require.Equal(t, want, [3]int{g.N(), g.F(), g.Q()})
	}
}

func TestIDDependsOnEveryField(t *testing.T) {
	type fields struct {
		network string
		number  uint64
		members []keys.Public
		limits  membership.Limits
	}
	defaults := membership.DefaultLimits()
	ids := map[membership.ID]string{}
	for name, change := range map[string]func(*fields){
		"nothing":       func(*fields) {},
		"network":       func(f *fields) { f.network = "test2" },
		"number":        func(f *fields) { f.number = 4 },
		"one member":    func(f *fields) { f.members[0][0] ^= 1 },
		"fewer members": func(f *fields) { f.members = f.members[1:] },
		"payload limit": func(f *fields) { f.limits.PayloadBytes++ },
		"message limit": func(f *fields) { f.limits.BlockMessages++ },
		"block limit":   func(f *fields) { f.limits.BlockBytes++ },
	} {
		f := fields{"test", 3, members(4), defaults}
		change(&f)
		g, err := membership.NewGroup(f.network, f.number, f.members, f.limits)
		require.NoError(t, err, name)
		require.NotContains(t, ids, g.ID(), name)
		ids[g.ID()] = name
	}
	require.Contains(t, ids, group(t, 4).ID(), "zero limits stand for the default limits")
}

func TestOrderOfKeysDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "n")
		shuffled := rapid.Permutation(members(n)).Draw(t, "order")
		given := append([]keys.Public(nil), shuffled...)
		g, err := membership.NewGroup("test", 3, shuffled, membership.Limits{})
		require.NoError(t, err)
		require.Equal(t, group(t, n).ID(), g.ID())
		require.Equal(t, given, shuffled, "the caller's slice is not changed")
		for i, key := range g.Members() {
			place, ok := g.Index(key)
			require.True(t, ok)
			require.Equal(t, i, place)
			require.Equal(t, key, g.Member(i))
			require.True(t, i == 0 || g.Member(i-1).Compare(key) < 0)
		}
		decoded, err := membership.DecodeGroup(g.Encode())
		require.NoError(t, err)
		require.Equal(t, g, decoded)
	})
}

func TestGroupIsImmutable(t *testing.T) {
	keysOf := members(4)
	g, err := membership.NewGroup("test", 3, keysOf, membership.Limits{})
	require.NoError(t, err)
	clear(keysOf)
	clear(g.Members())
	require.Equal(t, group(t, 4).ID(), g.ID())
	require.True(t, g.Contains(g.Member(0)))
	require.False(t, g.Contains(keys.Public{}))
	_, ok := g.Index(keys.Public{})
	require.False(t, ok)
}

func TestInvalidGroupsAreRefused(t *testing.T) {
	twice := append(members(3), members(1)...)
	long := string(make([]byte, 65))
	ok := membership.DefaultLimits()
	for want, make := range map[string]func() (*membership.Group, error){
		"has 0 characters":  func() (*membership.Group, error) { return membership.NewGroup("", 1, members(1), ok) },
		"has 65 characters": func() (*membership.Group, error) { return membership.NewGroup(long, 1, members(1), ok) },
		`holds 'T'`:         func() (*membership.Group, error) { return membership.NewGroup("Test", 1, members(1), ok) },
		"numbered from 1":   func() (*membership.Group, error) { return membership.NewGroup("test", 0, members(1), ok) },
		"no members":        func() (*membership.Group, error) { return membership.NewGroup("test", 1, nil, ok) },
		"listed twice":      func() (*membership.Group, error) { return membership.NewGroup("test", 1, twice, ok) },
		"payload limit": func() (*membership.Group, error) {
			return membership.NewGroup("test", 1, members(1), membership.Limits{BlockMessages: 1, BlockBytes: 1})
		},
		"block limit 0 mess": func() (*membership.Group, error) {
			return membership.NewGroup("test", 1, members(1), membership.Limits{PayloadBytes: 1, BlockBytes: 1})
		},
		"block limit 4 bytes": func() (*membership.Group, error) {
			return membership.NewGroup("test", 1, members(1), membership.Limits{PayloadBytes: 5, BlockMessages: 1, BlockBytes: 4})
		},
	} {
		_, err := make()
		require.ErrorIs(t, err, membership.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
	largest := membership.MaxLimits()
	_, err := membership.NewGroup("test", 1, members(1), largest)
	require.NoError(t, err)
	for _, exceed := range []func(*membership.Limits){
		func(l *membership.Limits) { l.PayloadBytes++ }, func(l *membership.Limits) { l.BlockMessages++ }, func(l *membership.Limits) { l.BlockBytes++ },
	} {
		limits := largest
		exceed(&limits)
		_, err := membership.NewGroup("test", 1, members(1), limits)
		require.ErrorIs(t, err, membership.ErrInvalid)
	}
}

func TestOnlyTheCanonicalFormIsDecoded(t *testing.T) {
	canonicaltest.Strict(t, group(t, 4).Encode(), again)
	type description struct {
		_       struct{} `cbor:",toarray"`
		Network string
		Number  uint64
		Members []keys.Public
		Limits  membership.Limits
	}
	sorted := group(t, 4).Members()
	unsorted := []keys.Public{sorted[1], sorted[0]}
	for name, d := range map[string]description{
		"unsorted":       {Network: "test", Number: 3, Members: unsorted, Limits: membership.DefaultLimits()},
		"listed twice":   {Network: "test", Number: 3, Members: []keys.Public{sorted[0], sorted[0]}, Limits: membership.DefaultLimits()},
		"default limits": {Network: "test", Number: 3, Members: sorted},
		"no members":     {Network: "test", Number: 3, Limits: membership.DefaultLimits()},
		"group number 0": {Network: "test", Members: sorted, Limits: membership.DefaultLimits()},
	} {
		_, err := membership.DecodeGroup(canonical.Encode(d))
		require.ErrorIs(t, err, membership.ErrInvalid, name)
	}
	_, err := membership.DecodeGroup(make([]byte, 4<<20+1))
	require.ErrorIs(t, err, canonical.ErrTooLarge)
	require.Equal(t, 1000, group(t, 1000).N(), "verification and simulation accept larger groups than a node")
}

func TestTextOfIDsRoundTrips(t *testing.T) {
	id := group(t, 4).ID()
	text, err := id.MarshalText()
	require.NoError(t, err)
	var back membership.ID
	require.NoError(t, back.UnmarshalText(text))
	require.Equal(t, id, back)
	require.Error(t, back.UnmarshalText(text[1:]))
	require.Error(t, back.UnmarshalText(append(text[1:], 'g')))
}

func TestGolden(t *testing.T) {
	g := group(t, 4)
	id := g.ID()
	canonicaltest.RequireGolden(t, "group.txt", canonicaltest.Golden{Name: "group", Data: g.Encode()}, canonicaltest.Golden{Name: "id", Data: id[:]})
}

func TestDecodingAllocatesASmallMultiple(t *testing.T) {
	canonicaltest.Growth(t, group(t, 20).Encode(), 6000, 16, 8<<10, func(data []byte) error {
		_, err := membership.DecodeGroup(data)
		return err
	})
}

// Numbers end at 2^53-1, and no member has a key of small order. Groups of older versions, which a
// store holds, are still read.
func TestNumbersAndMembersHaveADomain(t *testing.T) {
	_, err := membership.NewGroup("test", canonical.MaxNumber, members(4), membership.Limits{})
	require.NoError(t, err)
	_, err = membership.NewGroup("test", canonical.MaxNumber+1, members(4), membership.Limits{})
	require.ErrorIs(t, err, membership.ErrInvalid)
	require.ErrorIs(t, err, canonical.ErrDomain)
	nobody := append(members(3), keys.Public{1})
	_, err = membership.NewGroup("test", 1, nobody, membership.Limits{})
	require.ErrorIs(t, err, membership.ErrInvalid)
	require.ErrorIs(t, err, keys.ErrSmallOrder)

	slices.SortFunc(nobody, keys.Public.Compare)
	old := canonical.AppendUint(canonical.AppendText(canonical.AppendArray(nil, 4), "test"), 1<<60)
	old = canonical.AppendArray(old, len(nobody))
	for _, key := range nobody {
		old = canonical.AppendBytes(old, key[:])
	}
	old = append(old, 0x83, 1, 1, 1) // limits
	_, err = membership.DecodeGroup(old)
	require.ErrorIs(t, err, membership.ErrInvalid)
	g, err := membership.DecodeStoredGroup(old)
	require.NoError(t, err)
	require.Equal(t, old, g.Encode())
}

func FuzzDecodeGroup(f *testing.F) {
	for _, number := range []uint64{canonical.MaxNumber, canonical.MaxNumber + 1} {
		f.Add(append(canonical.AppendUint([]byte{0x84, 0x61, 'n'}, number), 0x80, 0x83, 0x01, 0x01, 0x01))
	}
	f.Add(group(f, 1).Encode())
	f.Add(group(f, 4).Encode())
	f.Add([]byte{0x84, 0x60, 0x00, 0x80, 0x83, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) { canonicaltest.Same(t, data, again) })
}
