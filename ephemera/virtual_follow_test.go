package ephemera_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// The tests in this file let nodes follow membership providers, in virtual time.

// list makes the list of a group.
func (h *handOver) list(group *membership.Group) membership.List {
	h.t.Helper()
	var peers []membership.Peer
	for _, key := range group.Members() {
		peers = append(peers, membership.Peer{Key: key, Name: key.Short(), Addresses: []string{"/ip4/192.0.2.1/tcp/3000"}})
	}
	list, err := membership.NewList(group, peers, "test")
	require.NoError(h.t, err)
	return list
}

// follow lets a running node follow a provider until it or the test ends.
func (h *handOver) follow(i int, p ephemera.Provider, config ephemera.FollowConfig) {
	h.t.Helper()
	node, stop := h.nodes[i], h.stop[i]
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- node.Follow(ctx, p, config) }()
	h.stop[i] = func() {
		cancel()
		require.NoError(h.t, <-done)
		stop()
	}
}

// fileOf returns the file that a node reads.
func fileOf(folder string, i int) string {
	return filepath.Join(folder, fmt.Sprintf("peers-%d.toml", i))
}

func (h *handOver) write(path string, group *membership.Group) {
	data, err := provider.Encode(h.list(group))
	require.NoError(h.t, err)
	require.NoError(h.t, os.WriteFile(path, data, 0o644))
}

// Members are added, removed and replaced, one change after the other, by editing every member's
// file at a different moment. Meanwhile everybody sends, frames are lost and, between the edits,
// files are broken or missing. In the end all members of a group have its certified blocks, no
// chain is stuck, and all messages of the members that stay are delivered to all members that stay.
func TestFilesEditedAtDifferentMomentsLoseNothing(t *testing.T) {
	for _, seed := range seeds(4) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { filesLoseNothing(t, seed) })
			if t.Failed() {
				t.Logf("again: go test -run '^TestFilesEditedAtDifferentMomentsLoseNothing$' ./ephemera -seed %d", seed)
			}
		})
	}
}

func filesLoseNothing(t *testing.T, seed uint64) {
	h := newHandOver(t, 7, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Seed: seed, Loss: 0.03, Delay: jitter(seed)})
	defer h.stopAll()
	folder := t.TempDir()
	// A member is added, removed and replaced.
	places := [][]int{{0, 1, 2, 3}, {0, 1, 2, 3, 4}, {1, 2, 3, 4}, {2, 3, 4, 5}}
	groups := []*membership.Group{h.group}
	for i, members := range places[1:] {
		groups = append(groups, h.members(uint64(i)+2, members...))
	}
	const interval, apart = 10 * time.Second, 40 * time.Second
	begin := func(i int) {
		p := provider.File(fileOf(folder, i))
		list, err := provider.First(t.Context(), p, noGroups{})
		require.NoError(t, err)
		h.group = list.Group
		h.start(i)
		h.follow(i, p, ephemera.FollowConfig{Interval: interval})
	}
	var plan []happening
	for i := range 6 {
		for g, group := range groups {
			joins := slices.Contains(places[g], i) && (g == 0 || !slices.Contains(places[g-1], i))
			if !joins && (g == 0 || !slices.ContainsFunc(places[:g], func(before []int) bool { return slices.Contains(before, i) })) {
				continue // is not a member yet
			}
			at := time.Duration(g)*apart + within(h.random, 0, 5*time.Second)
			if g == 0 {
				at = 0
			}
			plan = append(plan, happening{at, func() {
				h.write(fileOf(folder, i), group)
				if joins {
					begin(i)
				}
			}})
			plan = append(plan, h.mishap(folder, i, at+20*time.Second)...)
			for sent := at + time.Nanosecond; sent < at+apart && slices.Contains(places[g], i); sent += within(h.random, time.Millisecond, 6*time.Second) {
				plan = append(plan, happening{sent, func() { h.report(i) }})
			}
		}
	}
	run(plan)
	pass(2 * time.Minute)
	for g, group := range groups {
		h.requireEqual(group, places[g])
		require.NotEmpty(t, slices.DeleteFunc(h.boards[2].all(), inOther(group)), "group %d made no block", group.Number())
	}
	for i := range 6 {
		require.Equal(t, groups[3].ID(), h.nodes[i].Group().ID(), "a removed member also learns of the newest group")
	}
	h.requireDelivered([]int{2, 3}, []int{2, 3})
	h.requireDelivered([]int{5}, places[3])
	requireChains(t, h.cluster)
}

// mishap breaks a node's file for a while. Polls fail meanwhile, and the node keeps its last good
// list.
func (h *handOver) mishap(folder string, i int, at time.Duration) []happening {
	path := fileOf(folder, i)
	var good []byte
	spoil := func() {
		var err error
		good, err = os.ReadFile(path)
		require.NoError(h.t, err)
		if h.random.IntN(2) == 0 {
			require.NoError(h.t, os.Remove(path))
		} else {
			require.NoError(h.t, os.WriteFile(path, good[:h.random.IntN(len(good))], 0o644))
		}
	}
	mend := func() { require.NoError(h.t, os.WriteFile(path, good, 0o644)) }
	return []happening{{at, spoil}, {at + within(h.random, 1, 15*time.Second), mend}}
}

// noGroups is the store of a node that starts for the first time.
type noGroups struct{}

func (noGroups) Groups(context.Context) ([]store.Group, error) { return nil, nil }

// inOther reports whether a block is of another group.
func inOther(group *membership.Group) func(block.Block) bool {
	return func(b block.Block) bool { return b.Header.Group != group.ID() }
}

// A member that learns of a new group announces it. The others then poll their providers, an hour
// before the next poll is due. A removed member learns of it like the others, and a disconnected
// one when it is connected again.
func TestMembersTellEachOtherOfNewGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 6, []int{0, 1, 2, 3, 4}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		one, two := h.group, h.members(2, 0, 1, 2, 5)
		var told atomic.Pointer[membership.List]
		tell := func(group *membership.Group) {
			list := h.list(group)
			told.Store(&list)
		}
		tell(one)
		p := provider.Func(func(context.Context) (membership.List, error) { return *told.Load(), nil })
		for i := range 5 {
			h.start(i)
			h.follow(i, p, ephemera.FollowConfig{Interval: time.Hour})
		}
		pass(10 * time.Second)
		h.network.Partition(h.publics([]int{4}))
		tell(two)
		pass(10 * time.Minute)
		for i := range 5 {
			require.Equal(t, one.ID(), h.nodes[i].Group().ID())
		}
		h.nodes[0].Refresh()
		pass(3 * time.Second)
		for i := range 4 {
			require.Equal(t, two.ID(), h.nodes[i].Group().ID(), "member %d", i)
		}
		require.Equal(t, one.ID(), h.nodes[4].Group().ID())
		h.network.Heal()
		pass(3 * time.Second)
		require.Equal(t, two.ID(), h.nodes[4].Group().ID(), "learns of it when it is connected again")
	})
}

// chatter sends announcements and nothing else.
type chatter struct{}

func (chatter) Receive(keys.Public, []byte) transport.Verdict { return transport.Accept }
func (chatter) Gossip(keys.Public, []byte) transport.Verdict  { return transport.Accept }
func (chatter) Connected(keys.Public)                         {}
func (chatter) Disconnected(keys.Public)                      {}

// False announcements of groups hardly make a node poll its provider more often, and change nothing
// else. Once they stop, honest announcements take effect immediately.
func TestFalseAnnouncementsHaveLittleEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 4, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		one, two := h.list(h.group), h.list(h.members(2, 0, 1, 2))
		asked, list := atomic.Int64{}, atomic.Pointer[membership.List]{}
		list.Store(&one)
		h.start(0)
		h.start(1)
		h.follow(0, provider.Func(func(context.Context) (membership.List, error) {
			asked.Add(1)
			return *list.Load(), nil
		}), ephemera.FollowConfig{Interval: 2 * time.Minute})
		wolf := h.network.Transport(h.keys[3].Public())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- wolf.Run(ctx, chatter{}) }()
		for at := range 3600 { // half an hour
			pass(500 * time.Millisecond)
			wolf.Send(h.keys[0].Public(), wire.Encode(wire.Announce{Number: canonical.MaxNumber - uint64(at)}))
		}
		cancel()
		require.NoError(t, <-done)
		require.Equal(t, one.Group.ID(), h.nodes[0].Group().ID())
		require.Less(t, asked.Load(), int64(40), "half an hour has 15 intervals")

		pass(10 * time.Minute)
		list.Store(&two)
		require.NoError(t, h.nodes[1].Adopt(t.Context(), two.Group, two.Peers))
		pass(3 * time.Second)
		require.Equal(t, two.Group.ID(), h.nodes[0].Group().ID())
	})
}

// While its source is unavailable or invalid, a node continues, polls less and less often, and logs
// each reason once.
func TestFailingProviderDoesNotStopTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 5, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		var said lockedBuffer
		for i := 1; i < 4; i++ {
			h.start(i)
		}
		h.logger = slog.New(slog.NewTextHandler(&said, nil))
		h.start(0)
		two := h.list(h.members(2, 0, 1, 2, 3, 4))
		wrong := h.list(h.members(1, 0, 1))
		wrong.Source = "the wrong file"
		var mu sync.Mutex // guards answers and asked
		answers := []func() (membership.List, error){
			func() (membership.List, error) { return membership.List{}, errors.New("the source is unavailable") },
			func() (membership.List, error) { return wrong, nil },
			func() (membership.List, error) { return membership.List{}, nil },
			func() (membership.List, error) { return two, nil },
			func() (membership.List, error) { return h.list(h.group), nil },
			func() (membership.List, error) { return h.list(h.members(9, 0, 1, 2, 3)), nil },
		}
		asked := 0
		h.follow(0, provider.Func(func(context.Context) (membership.List, error) {
			mu.Lock()
			defer mu.Unlock()
			asked++
			return answers[0]()
		}), ephemera.FollowConfig{Interval: time.Minute})
		// next switches to the next answer and returns how often the last one was polled.
		next := func() (before int) {
			mu.Lock()
			defer mu.Unlock()
			before, asked, answers = asked, 0, answers[1:]
			return before
		}
		for _, reason := range []string{"the source is unavailable", "the wrong file", "no group"} {
			pass(10 * time.Minute)
			require.Equal(t, h.group.ID(), h.nodes[0].Group().ID())
			h.report(0)
			require.Equal(t, 1, strings.Count(said.String(), reason), "%s", said.String())
			require.InDelta(t, 13, next(), 6, "after a few quick polls it is polled once a minute")
		}
		h.requireDelivered([]int{0}, []int{0, 1, 2, 3})
		pass(2 * time.Minute)
		require.Equal(t, two.Group.ID(), h.nodes[0].Group().ID())
		require.Contains(t, said.String(), "up to date again")
		next()
		pass(2 * time.Minute)
		require.Equal(t, two.Group.ID(), h.nodes[0].Group().ID())
		require.Contains(t, said.String(), "older than the newest group")
		next()
		pass(2 * time.Minute)
		require.Equal(t, uint64(9), h.nodes[0].Group().Number())
		require.Contains(t, said.String(), "skips groups")
	})
}

// Of any sequence of lists, one with a higher number is adopted, one with a lower number is
// ignored, and one with a known number and other content is refused. Nothing else changes the
// node's groups.
func TestNumbersOfListsDecide(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		told := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) toldList {
			return toldList{
				number:  rapid.Uint64Range(1, 6).Draw(r, "number"),
				members: rapid.SampledFrom([][]int{{0, 1, 2, 3}, {0, 1}, {1, 2, 3}}).Draw(r, "members"),
				kind:    rapid.SampledFrom([]string{"good", "good", "good", "none", "foreign"}).Draw(r, "kind"),
			}
		}), 1, 12).Draw(r, "lists")
		var want, got []map[uint64]membership.ID
		synctest.Test(t, func(t *testing.T) { want, got = numbersDecide(t, told) })
		require.Equal(r, want, got)
	})
}

// toldList is what a provider returns: a good list, none, or one of another network.
type toldList struct {
	number  uint64
	members []int
	kind    string
}

// numbersDecide gives a node the lists and returns, after each of them, which groups it should know
// and which it knows.
func numbersDecide(t *testing.T, told []toldList) (want, got []map[uint64]membership.ID) {
	h := newHandOver(t, 4, []int{0, 1, 2, 3}, memory.Config{})
	defer h.stopAll()
	h.start(0)
	list := h.list(h.group)
	h.follow(0, provider.Func(func(context.Context) (membership.List, error) { return list, nil }), ephemera.FollowConfig{})
	synctest.Wait()
	known, newest := map[uint64]membership.ID{1: h.group.ID()}, uint64(1)
	for _, l := range told {
		group := h.members(l.number, l.members...)
		switch l.kind {
		case "none":
			list = membership.List{}
		case "foreign":
			foreign, err := membership.NewGroup("elsewhere", 7, group.Members(), membership.Limits{})
			require.NoError(t, err)
			list = h.list(foreign)
		default:
			list = h.list(group)
			if l.number > newest {
				newest, known[l.number] = l.number, group.ID()
			}
		}
		h.nodes[0].Refresh()
		synctest.Wait()
		knows := map[uint64]membership.ID{}
		for _, k := range h.nodes[0].Groups() {
			knows[k.Group.Number()] = k.Group.ID()
		}
		want, got = append(want, maps.Clone(known)), append(got, knows)
		require.Equal(t, newest, h.nodes[0].Group().Number())
	}
	return want, got
}

func TestFollowNeedsAProviderAndANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 1, []int{0}, memory.Config{})
		h.startAll()
		p := provider.Static(h.list(h.group))
		require.ErrorContains(t, h.nodes[0].Follow(t.Context(), nil, ephemera.FollowConfig{}), "Provider")
		require.ErrorContains(t, h.nodes[0].Follow(t.Context(), p, ephemera.FollowConfig{Retry: -1}), "positive")
		done := make(chan error)
		go func() { done <- h.nodes[0].Follow(context.Background(), p, ephemera.FollowConfig{}) }()
		synctest.Wait()
		h.stopAll()
		require.ErrorIs(t, <-done, ephemera.ErrStopped)
		require.ErrorIs(t, h.nodes[0].Follow(t.Context(), p, ephemera.FollowConfig{}), ephemera.ErrStopped)
	})
}

// proposals counts proposals on the network.
func (h *handOver) proposals() *frameCount {
	var count frameCount
	h.network.SetDrop(count.observe)
	return &count
}

// A started node makes no blocks until enough members are online. Meanwhile it echoes and delivers
// others' blocks. Once enough were online, it makes blocks until it stops.
func TestBlocksWaitForMembersAtTheStartOnly(t *testing.T) {
	for kind, needs := range map[ephemera.OnlineKind]int{ephemera.AnyOnline: 3, ephemera.MajorityOnline: 3, ephemera.AllOnline: 4} {
		t.Run(kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHandOver(t, 4, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
				defer h.stopAll()
				count := h.proposals()
				h.makeBlocks = kind
				for i := range needs {
					require.Empty(t, h.boards[0].all())
					h.start(i)
					if i == 0 {
						h.report(0)
					}
					pass(time.Minute)
					if kind != ephemera.AnyOnline && i+1 < needs {
						require.Zero(t, count.proposals.Load(), "%d online", i+1)
					}
				}
				h.requireDelivered([]int{0}, []int{0, 1, 2})
				if needs == 4 {
					h.stop[3]()
				}
				h.report(0)
				h.requireDelivered([]int{0}, []int{0, 1, 2})

				// It restarts among three. With AllOnline it waits, and still serves others.
				h.stop[0]()
				h.start(0)
				pass(time.Second)
				h.report(0)
				h.report(1)
				h.requireDelivered([]int{1}, []int{0, 1, 2})
				pass(time.Minute)
				require.Equal(t, kind != ephemera.AllOnline, h.boards[1].has(h.sent[0][2].ID()))
				if kind == ephemera.AllOnline {
					h.start(3)
				}
				h.requireDelivered([]int{0}, []int{0, 1, 2})
			})
		})
	}
}

func TestOnlineKindsHaveNames(t *testing.T) {
	for kind, enough := range map[ephemera.OnlineKind][]bool{
		ephemera.AnyOnline:      {true, true, true, true},
		ephemera.MajorityOnline: {false, false, true, true},
		ephemera.AllOnline:      {false, false, false, true},
	} {
		for i, want := range enough {
			require.Equal(t, want, kind.Enough(i+1, 4), "%s: %d of 4", kind, i+1)
		}
		text, err := kind.MarshalText()
		require.NoError(t, err)
		var again ephemera.OnlineKind
		require.NoError(t, again.UnmarshalText(text))
		require.Equal(t, kind, again)
	}
	_, err := ephemera.ParseOnlineKind("most")
	require.ErrorContains(t, err, "majority")
	require.Equal(t, "OnlineKind(9)", ephemera.OnlineKind(9).String())
	require.True(t, ephemera.AllOnline.Enough(1, 1), "a group of one has all its members")
}

// A lockedBuffer can be read while a logger writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
