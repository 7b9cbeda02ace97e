package provider_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

const network = "provider-test"

var (
	_ ephemera.Provider = provider.Func(nil)
	_ provider.Source   = ephemera.Provider(nil)
)

func key(i int) keys.Public {
	return keys.FromSeed(sha256.Sum256(fmt.Append(nil, "provider ", i))).Public()
}

// peer is a member with a name and an address.
func peer(i int) membership.Peer {
	return membership.Peer{Key: key(i), Name: fmt.Sprint("member-", i), Addresses: []string{fmt.Sprintf("/dns4/host-%d/tcp/3000", i)}}
}

// makeList makes the list of a group of these members.
func makeList(t require.TestingT, source string, number uint64, members ...int) membership.List {
	var peers []membership.Peer
	var public []keys.Public
	for _, i := range members {
		peers, public = append(peers, peer(i)), append(public, key(i))
	}
	group, err := membership.NewGroup(network, number, public, membership.Limits{})
	require.NoError(t, err)
	list, err := membership.NewList(group, peers, source)
	require.NoError(t, err)
	return list
}

// requireList compares two lists except for their sources.
func requireList(t *testing.T, want, got membership.List) {
	t.Helper()
	require.Equal(t, want.Group.ID(), got.Group.ID())
	require.Equal(t, want.Peers, got.Peers)
}

func TestInvalidListsAreRefusedWhole(t *testing.T) {
	good := makeList(t, "here", 1, 0, 1, 2)
	for name, change := range map[string]func([]membership.Peer) []membership.Peer{
		"a member too few":    func(p []membership.Peer) []membership.Peer { return p[1:] },
		"a member twice":      func(p []membership.Peer) []membership.Peer { return append(p[1:], p[1]) },
		"a stranger":          func(p []membership.Peer) []membership.Peer { return append(p[1:], peer(9)) },
		"one name twice":      func(p []membership.Peer) []membership.Peer { p[0].Name = p[1].Name; return p },
		"a name with a space": func(p []membership.Peer) []membership.Peer { p[0].Name = "a b"; return p },
		"a name with an ESC":  func(p []membership.Peer) []membership.Peer { p[0].Name = "a\x1b[2J"; return p },
	} {
		_, err := membership.NewList(good.Group, change(slices.Clone(good.Peers)), "there")
		require.ErrorIs(t, err, membership.ErrInvalid, name)
		require.ErrorContains(t, err, "there: ", name)
	}
	_, err := membership.NewList(nil, nil, "there")
	require.ErrorIs(t, err, membership.ErrInvalid)
}

func TestABadAddressCostsNobodyTheList(t *testing.T) {
	good := makeList(t, "here", 1, 0, 1, 2)
	for _, bad := range []string{"", "host:1", "/not-a-multiaddr", "/ip4/0.0.0.0/tcp/1", "/dns4/h/tcp/0", "/dns4/h/tcp/1/p2p/" + key(1).PeerID()} {
		peers := slices.Clone(good.Peers)
		peers[1].Addresses = []string{bad, "/dns4/other/tcp/3000"}
		list, err := membership.NewList(good.Group, peers, "there")
		require.NoError(t, err, bad)
		require.ErrorContains(t, list.Dropped, peers[1].Key.String())
		require.Equal(t, []string{"/dns4/other/tcp/3000"}, list.Peers[1].Addresses)
		require.Equal(t, good.Peers[0], list.Peers[0])
		require.Equal(t, good.Group.ID(), list.Group.ID())
	}
	peers := slices.Clone(good.Peers)
	peers[1].Addresses = slices.Repeat([]string{"/dns4/other/tcp/3000"}, membership.MaxAddresses+1)
	list, err := membership.NewList(good.Group, peers, "there")
	require.NoError(t, err)
	require.Len(t, list.Peers[1].Addresses, membership.MaxAddresses)
	require.ErrorContains(t, list.Dropped, "17 addresses")
}

// groups is a store that knows these groups.
type groups []store.Group

func (g groups) Groups(context.Context) ([]store.Group, error) { return g, nil }

var errAway = errors.New("the source is away")

func TestFirstWaitsForItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, begin := makeList(t, "source", 3, 0, 1), time.Now()
		p := provider.Func(func(context.Context) (membership.List, error) {
			if time.Since(begin) < 20*time.Second {
				return membership.List{}, errAway
			}
			return list, nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got, err := provider.First(ctx, p, groups{})
		require.NoError(t, err)
		require.Equal(t, list, got)

		begin = begin.Add(time.Hour)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = provider.First(short, p, groups{})
		require.ErrorIs(t, err, errAway)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// A node that has run before starts at once with the groups in its store, whatever is wrong with
// the source.
func TestFirstFallsBackToTheStore(t *testing.T) {
	old, newest := makeList(t, "", 1, 0, 1), makeList(t, "", 2, 0, 1, 2)
	known := groups{{Group: old.Group, Closed: true}, {Group: newest.Group}}
	other, err := membership.NewGroup("elsewhere", 3, newest.Group.Members(), membership.Limits{})
	require.NoError(t, err)
	foreign, err := membership.NewList(other, newest.Peers, "foreign file")
	require.NoError(t, err)
	for name, test := range map[string]struct {
		told   provider.Func
		reason string
	}{
		"away":                              {func(context.Context) (membership.List, error) { return membership.List{}, errAway }, "away"},
		"none":                              {provider.Static(membership.List{}), "no group"},
		"a known number with other members": {provider.Static(makeList(t, "wrong file", 2, 0, 1)), "wrong file"},
		"another network":                   {provider.Static(foreign), "foreign file"},
	} {
		list, err := provider.First(t.Context(), test.told, known)
		require.NoError(t, err, name)
		require.Equal(t, newest.Group, list.Group, name)
		require.Len(t, list.Peers, 3, name)
		require.ErrorContains(t, list.Warning, test.reason, name)
	}
	for _, good := range []membership.List{newest, old, makeList(t, "", 3, 5, 6)} {
		list, err := provider.First(t.Context(), provider.Static(good), known)
		require.NoError(t, err)
		require.Equal(t, good, list)
		require.NoError(t, list.Warning)
	}
}
