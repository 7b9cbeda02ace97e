package dht

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/canonicaltest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	network = "dht/test"
	timeout = 30 * time.Second
)

func testKey(i int) keys.Private { return keys.FromSeed([32]byte{byte(i), 2}) }

func testKeys(n int) []keys.Public {
	var all []keys.Public
	for i := range n {
		all = append(all, testKey(i).Public())
	}
	return all
}

// nullReceiver is a transport.Receiver that ignores all frames.
type nullReceiver struct{}

func (nullReceiver) Receive(keys.Public, []byte) transport.Verdict { return transport.Ignore }
func (nullReceiver) Gossip(keys.Public, []byte) transport.Verdict  { return transport.Ignore }
func (nullReceiver) Connected(keys.Public)                         {}
func (nullReceiver) Disconnected(keys.Public)                      {}

// node is a transport with its hash table.
type node struct {
	link  *p2p.Transport
	table *DHT
	stop  func()
}

func open(t *testing.T, i int, all []keys.Public) *node {
	link, err := p2p.New(p2p.Config{Network: network, Key: testKey(i), Gossip: p2p.Off, Backoff: transport.Backoff{First: 10e6, Cap: 50e6}})
	require.NoError(t, err)
	table, err := New(Config{
		Host: link.Host(), Network: network, Key: testKey(i), Members: func() []keys.Public { return all },
		Limits: limits.DHT{RecordsPerMember: 4}, Timeout: 3 * time.Second,
	})
	require.NoError(t, err)
	return &node{link: link, table: table}
}

func (n *node) run(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.link.Run(ctx, nullReceiver{}) }()
	stopped := false
	n.stop = func() {
		if !stopped {
			stopped = true
			require.NoError(t, n.table.Close())
			cancel()
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(n.stop)
}

// cluster runs n members and waits until each is in the routing tables of all others.
func cluster(t *testing.T, n int) []*node {
	all := testKeys(n)
	var (
		nodes []*node
		peers []membership.Peer
	)
	for i := range n {
		nodes = append(nodes, open(t, i, all))
		peers = append(peers, membership.Peer{Key: all[i], Addresses: nodes[i].link.Addresses()})
	}
	for _, node := range nodes {
		require.NoError(t, node.link.SetPeers(peers))
		node.run(t)
	}
	for _, node := range nodes {
		require.Eventually(t, func() bool { return node.table.table.RoutingTable().Size() == n-1 }, timeout, 5*time.Millisecond)
	}
	return nodes
}

func TestValuesAreFoundEverywhereAndTheNewestWins(t *testing.T) {
	nodes := cluster(t, 4)
	ctx := t.Context()
	own := Key{Member: testKey(1).Public(), Name: "colour"}
	for _, value := range []string{"red", "green"} {
		require.NoError(t, nodes[1].table.Store(ctx, "colour", []byte(value)))
		for _, node := range nodes {
			for _, key := range []string{own.String(), "colour"} {
				got, err := node.table.Query(ctx, key)
				require.NoError(t, err)
				require.Equal(t, value, string(got))
			}
		}
	}
	require.NoError(t, nodes[2].table.Store(ctx, "colour", []byte("blue")), "the same name of another member is another key")
	got, err := nodes[0].table.Query(ctx, own.String())
	require.NoError(t, err)
	require.Equal(t, "green", string(got))
	got, err = nodes[0].table.Query(ctx, "colour")
	require.NoError(t, err)
	require.Equal(t, "blue", string(got), "the newest of all members' values")

	_, err = nodes[3].table.Query(ctx, "nothing")
	require.ErrorIs(t, err, errNotFound)
	require.ErrorIs(t, err, store.ErrNotFound)
	nodes[1].stop()
	got, err = nodes[3].table.Query(ctx, own.String())
	require.NoError(t, err, "other members still have the value")
	require.Equal(t, "green", string(got))
}

func TestValuesOutOfBoundsAreRefused(t *testing.T) {
	all := testKeys(2)
	n := open(t, 0, all[:1])
	n.run(t)
	ctx := t.Context()
	require.NoError(t, n.table.Store(ctx, "alone", make([]byte, 64<<10)), "a node without others stores the value itself")
	got, err := n.table.Query(ctx, "alone")
	require.NoError(t, err)
	require.Len(t, got, 64<<10)
	require.ErrorIs(t, n.table.Store(ctx, "x", make([]byte, 64<<10+1)), ErrInvalid)
	require.ErrorIs(t, n.table.Store(ctx, Key{all[1], "x"}.String(), nil), ErrInvalid)
	for _, name := range []string{"", "/x", "x/", "a b", "é", strings.Repeat("x", 129)} {
		require.ErrorIs(t, n.table.Store(ctx, name, nil), ErrInvalid)
		_, err := n.table.Query(ctx, name)
		require.Error(t, err)
	}
	for i := range 4 { // RecordsPerMember is 4, so the last one removes "alone"
		require.NoError(t, n.table.Store(ctx, fmt.Sprint("n", i), []byte{1}))
	}
	_, err = n.table.Query(ctx, "alone")
	require.ErrorIs(t, err, errNotFound)
	_, err = New(Config{})
	require.Error(t, err)
}

// A Byzantine member stores records that the named author did not sign, or that are invalid.
func TestForgedRecordsAreRefused(t *testing.T) {
	nodes := cluster(t, 3)
	ctx := t.Context()
	member, stranger := Key{testKey(1).Public(), "truth"}, Key{testKey(9).Public(), "truth"}
	v := nodes[0].table.validator()
	forged := sign(testKey(2), network, "truth", time.Now().UnixMilli(), []byte("lie"))
	foreign := sign(testKey(9), network, "truth", time.Now().UnixMilli(), []byte("lie"))
	other := sign(testKey(1), "another", "truth", time.Now().UnixMilli(), []byte("lie"))
	large := sign(testKey(1), network, "truth", 1, make([]byte, 64<<10+1))
	renamed := sign(testKey(1), network, "fact", 1, []byte("moved"))
	for path, data := range map[string][]byte{
		member.path(network): forged, stranger.path(network): foreign, member.path(network) + "x": renamed, "/ephemera/x": forged, "": forged,
	} {
		require.ErrorIs(t, v.Validate(path, data), ErrInvalid)
		require.Error(t, nodes[2].table.table.PutValue(ctx, path, data))
	}
	for _, data := range [][]byte{other, large, renamed, nil, {0x83}} {
		require.ErrorIs(t, v.Validate(member.path(network), data), ErrInvalid)
	}
	_, err := nodes[0].table.Query(ctx, member.String())
	require.ErrorIs(t, err, errNotFound)
}

// A member with a wrong clock, or one that lies, cannot store a value that nothing replaces.
func TestRecordDatedAheadIsRefused(t *testing.T) {
	nodes := cluster(t, 3)
	ctx, liar := t.Context(), Key{testKey(2).Public(), "truth"}
	ahead := time.Now().Add(defaultSkew + time.Hour).UnixMilli()
	for _, at := range []int64{ahead, canonical.MaxNumber} {
		data := sign(testKey(2), network, "truth", at, []byte("forever"))
		err := nodes[0].table.validator().Validate(liar.path(network), data)
		require.ErrorIs(t, err, ErrInvalid)
		require.ErrorContains(t, err, "clock")
		require.Error(t, nodes[2].table.table.PutValue(ctx, liar.path(network), data))
	}
	_, err := nodes[0].table.Query(ctx, liar.String())
	require.ErrorIs(t, err, errNotFound)
	within := sign(testKey(2), network, "truth", time.Now().Add(defaultSkew/2).UnixMilli(), nil)
	require.NoError(t, nodes[0].table.validator().Validate(liar.path(network), within), "clocks differ slightly")

	nodes[2].table.last = ahead // its clock was ahead, and is set right
	require.NoError(t, nodes[2].table.Store(ctx, "truth", []byte("now")))
	value, err := nodes[0].table.Query(ctx, liar.String())
	require.NoError(t, err)
	require.Equal(t, "now", string(value))
}

func TestClosestAndAddressesOfMembers(t *testing.T) {
	nodes := cluster(t, 4)
	closest, err := nodes[0].table.Closest(t.Context(), Key{testKey(3).Public(), "x"})
	require.NoError(t, err)
	require.ElementsMatch(t, testKeys(4)[1:], closest)
	require.Eventually(t, func() bool {
		found, err := nodes[0].table.Find(t.Context(), testKey(2).Public())
		return err == nil && len(found) == 1 && found[0] == nodes[2].link.Addresses()[0]
	}, timeout, 20*time.Millisecond)
	_, err = nodes[0].table.Find(t.Context(), testKey(9).Public())
	require.ErrorIs(t, err, errNotFound)
}

// The neighbours are the members closest to a node that answer, closest first.
func TestNeighboursAreTheClosestMembersThatAnswer(t *testing.T) {
	nodes := cluster(t, 6)
	distance := func(member keys.Public) []byte {
		own, other := sha256.Sum256([]byte(nodes[0].link.Host().ID())), sha256.Sum256([]byte(peerID(t, member)))
		for i := range own {
			own[i] ^= other[i]
		}
		return own[:]
	}
	want := testKeys(6)[1:]
	slices.SortFunc(want, func(a, b keys.Public) int { return bytes.Compare(distance(a), distance(b)) })
	found, err := nodes[0].table.Neighbours(t.Context(), 3)
	require.NoError(t, err)
	require.Equal(t, want[:3], found)

	gone := slices.Index(testKeys(6), want[0])
	nodes[gone].stop()
	require.Eventually(t, func() bool {
		found, err := nodes[0].table.Neighbours(t.Context(), 3)
		return err == nil && slices.Equal(want[1:4], found)
	}, timeout, 20*time.Millisecond)
}

func peerID(t *testing.T, member keys.Public) peer.ID {
	id, err := peer.Decode(member.PeerID())
	require.NoError(t, err)
	return id
}

// A member's address changes. One that knows only the old address learns the new one from a third
// member, either because the table looks for peers itself or because the transport calls Find.
func TestMemberWhoseAddressChangedIsFound(t *testing.T) {
	nodes := cluster(t, 3)
	lost, moving := nodes[0], nodes[2]
	lost.link.SetFinder(lost.table.Find)
	moving.stop()
	again := open(t, 2, testKeys(3))
	// The member has no address for one of the two, so it dials only the other.
	require.NoError(t, again.link.SetPeers([]membership.Peer{
		{Key: testKey(0).Public()}, {Key: testKey(1).Public(), Addresses: nodes[1].link.Addresses()},
	}))
	again.run(t)
	require.NotEqual(t, moving.link.Addresses(), again.link.Addresses())
	require.Eventually(t, func() bool { return len(lost.link.Online()) == 2 }, timeout, 10*time.Millisecond)
}

func TestSelectDoesNotDependOnTheOrder(t *testing.T) {
	v := validator{network: network, valueBytes: 100}
	rapid.Check(t, func(t *rapid.T) {
		var all [][]byte
		for i := range rapid.IntRange(1, 6).Draw(t, "records") {
			if rapid.Bool().Draw(t, "garbage") {
				all = append(all, rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "bytes"))
				continue
			}
			all = append(all, sign(testKey(i), network, "x", rapid.Int64Range(0, 3).Draw(t, "time"), []byte{byte(i)}))
		}
		best, err := v.Select("", all)
		shuffled := rapid.Permutation(all).Draw(t, "shuffled")
		again, err2 := v.Select("", shuffled)
		require.Equal(t, err == nil, err2 == nil)
		if err == nil {
			require.Equal(t, all[best], shuffled[again])
		}
	})
}

func TestKeysSurviveFormattingAndParsing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := Key{testKey(rapid.IntRange(0, 255).Draw(t, "member")).Public(), rapid.StringMatching(`[a-z0-9]([a-zA-Z0-9./_:-]{0,60}[a-z])?`).Draw(t, "name")}
		again, err := parseKey(key.String())
		require.NoError(t, err)
		require.Equal(t, key, again)
		again, err = parsePath(network, key.path(network))
		require.NoError(t, err)
		require.Equal(t, key, again)
		_, err = parsePath("dht", key.path(network))
		require.Error(t, err, "a network's name may be a prefix of another's")
	})
}

func TestTimesOfRecordsHaveADomain(t *testing.T) {
	_, err := decode(sign(testKey(0), network, "name", canonical.MaxNumber, nil), 64)
	require.NoError(t, err)
	_, err = decode(sign(testKey(0), network, "name", canonical.MaxNumber+1, nil), 64)
	require.ErrorIs(t, err, canonical.ErrDomain)
	canonicaltest.Growth(t, sign(testKey(0), network, "name", 1, []byte("value")), 6000, 16, 4<<10, func(data []byte) error {
		_, err := decode(data, 10_000)
		return err
	})
}

// Only records signed by the member that the path names are valid, whatever a peer sends.
func FuzzRecord(f *testing.F) {
	key := Key{testKey(0).Public(), "name"}
	v := validator{network: network, valueBytes: 64, known: func(k keys.Public) bool { return k == key.Member }, latest: func() int64 { return 1 << 40 }}
	good := sign(testKey(0), network, "name", 7, []byte("value"))
	f.Add(key.path(network), good)
	f.Add(key.path("other"), good)
	f.Add("/ephemera/dht/test/", []byte{})
	f.Add("", []byte{0x83, 0x00, 0x40, 0x58, 0x40})
	f.Add(key.path(network), sign(testKey(0), network, "name", canonical.MaxNumber, nil))
	f.Add(key.path(network), sign(testKey(0), network, "name", canonical.MaxNumber+1, nil))
	f.Add(Key{keys.Public{1}, "name"}.path(network), good)
	f.Add(key.path(network), append(bytes.Clone(good), 0))
	f.Fuzz(func(t *testing.T, path string, data []byte) {
		if v.Validate(path, data) == nil {
			parsed, err := parsePath(network, path)
			require.NoError(t, err)
			require.Equal(t, path, parsed.path(network))
			require.Equal(t, key.Member, parsed.Member)
			r, err := decode(data, v.valueBytes)
			require.NoError(t, err)
			require.LessOrEqual(t, r.Time, v.latest())
		}
		if r, err := decode(data, v.valueBytes); err == nil {
			require.LessOrEqual(t, len(r.Value), v.valueBytes)
			_, err := v.Select(path, [][]byte{data})
			require.NoError(t, err)
		}
	})
}
