package soak_test

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

var length = flag.Duration("length", 10*time.Minute, "of the long form")

// plan is what happens during a run, in the first of which nothing but load does.
type plan struct {
	length time.Duration
	rate   int           // messages a second, all nodes together
	kill   time.Duration // between two kills; a node is down for a sixth of it
	change time.Duration // between two lists of members, half of it before the first
	late   time.Duration // a member that is up for so long shows every block that any showed so long ago
}

const (
	nodes        = 4
	payloadBytes = 1024
)

// TestSoak loads four daemons, kills one after the other but the first, and takes a member out and
// in again. Meanwhile and afterwards every node that is up shows every certified block of its
// groups, each once and in the order of its chain, and none shows another for a slot. In the end
// the first node holds no more memory and goroutines than near the beginning.
func TestSoak(t *testing.T) {
	p := plan{length: *length, rate: 200, kill: 30 * time.Second, change: time.Minute, late: 20 * time.Second}
	if testing.Short() {
		p = plan{length: 12 * time.Second, rate: 60, kill: 6 * time.Second, change: 6 * time.Second, late: wait}
	}
	s := newSoak(t, p)
	s.run()
	s.settle()
	s.report()
}

// soak is a run.
type soak struct {
	t       *testing.T
	plan    plan
	members []*member
	ledger  *ledger
	number  uint64 // of the newest list
	// targets are the members of the newest group and of the one before: they take messages.
	targets  atomic.Pointer[[]*member]
	accepted atomic.Int64
	refused  atomic.Int64 // by nodes that were killed, or left the group
	kills    int
	out      *member // not in the newest group; nil: all are
	early    usage   // of the first node
}

func newSoak(t *testing.T, p plan) *soak {
	t.Helper()
	config := settings.Default()
	config.Membership.Interval = settings.Duration(2 * time.Second)
	config.Limits.MessagesPerSecond = 2 * p.rate
	config.HTTP.RequestsPerSec = 100 * p.rate // all requests come from one address
	made, err := testnet.Make(t.Context(), testnet.Config{Dir: t.TempDir(), Nodes: nodes, Settings: config})
	require.NoError(t, err)
	s := &soak{t: t, plan: p, ledger: newLedger(), number: made.Number}
	for _, node := range made.Nodes {
		m := &member{Node: node, t: t, folder: made.Folder(node), log: &journal{}, admin: &http.Client{Timeout: wait}}
		m.client, err = client.New("http://"+node.HTTP, client.Options{Timeout: 10 * time.Second})
		require.NoError(t, err)
		s.members = append(s.members, m)
	}
	s.targets.Store(&s.members)
	s.ledger.expect(s.list(nil).Group)
	var starting sync.WaitGroup
	for _, m := range s.members {
		starting.Go(m.start)
	}
	starting.Wait()
	require.False(t, t.Failed())
	t.Cleanup(func() {
		for _, m := range s.members {
			m.stop(false)
			m.client.Close()
			m.admin.CloseIdleConnections()
		}
	})
	return s
}

// list returns the list of members with the present number, of all but one.
func (s *soak) list(out *member) membership.List {
	var members []keys.Public
	var peers []membership.Peer
	for _, m := range s.members {
		if m != out {
			members = append(members, m.Key)
			peers = append(peers, membership.Peer{Key: m.Key, Name: m.Name, Addresses: []string{m.P2P}})
		}
	}
	group, err := membership.NewGroup(testnet.Network, s.number, members, membership.Limits{})
	require.NoError(s.t, err)
	list, err := membership.NewList(group, peers, "soak")
	require.NoError(s.t, err)
	return list
}

// run goes through the plan.
func (s *soak) run() {
	ctx, cancel := context.WithCancel(s.t.Context())
	var watching, loading sync.WaitGroup
	for _, m := range s.members {
		watching.Go(func() { s.watch(ctx, m) })
	}
	loaded, enough := context.WithTimeout(ctx, s.plan.length)
	defer enough()
	for i := range s.members {
		loading.Go(func() { s.load(loaded, i) })
	}
	s.t.Cleanup(func() {
		cancel()
		enough()
		loading.Wait()
		watching.Wait()
	})
	kill, change, look := time.NewTicker(s.plan.kill), time.NewTicker(s.plan.change), time.NewTicker(time.Second)
	defer kill.Stop()
	defer change.Stop()
	defer look.Stop()
	first := time.After(s.plan.change / 2)
	for loaded.Err() == nil {
		select {
		case <-loaded.Done():
		case <-kill.C:
			s.killOne(loaded)
		case <-first:
			change.Reset(s.plan.change)
			s.changeMembers(loaded)
			s.early = s.members[0].usage()
		case <-change.C:
			s.changeMembers(loaded)
			s.t.Logf("%s: %+v, %d accepted", time.Now().Format(time.TimeOnly), s.members[0].usage(), s.accepted.Load())
		case <-look.C:
			s.look()
		}
	}
	loading.Wait()
}

// look fails the test at what is wrong already.
func (s *soak) look() {
	s.t.Helper()
	require.Empty(s.t, s.ledger.wrong())
	require.Empty(s.t, s.ledger.missing(time.Now().Add(-s.plan.late), s.members), "certified blocks that some member shows since %s", s.plan.late)
	for _, m := range s.members {
		require.Empty(s.t, m.log.alarms(), m.Name)
	}
}

// watch follows a node's blocks over its deaths: the subscription goes on at its cursor.
func (s *soak) watch(ctx context.Context, m *member) {
	for e, err := range m.client.Subscribe(ctx, api.Subscription{From: api.Beginning}) {
		if err == nil {
			s.ledger.take(m, e)
		} else if ctx.Err() == nil {
			s.t.Errorf("%s: subscription ended: %v", m.Name, err)
		}
	}
}

// load submits its share of the messages until ctx is done, to one member after the other. When it
// is held up it catches up.
func (s *soak) load(ctx context.Context, worker int) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	start, sent := time.Now(), worker
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for due := int(time.Since(start).Seconds() * float64(s.plan.rate)); sent < due && ctx.Err() == nil; sent += nodes {
			s.submit(ctx, sent)
		}
	}
}

// submit gives a message to the next member that takes messages and is up.
func (s *soak) submit(ctx context.Context, turn int) {
	targets := slices.DeleteFunc(slices.Clone(*s.targets.Load()), func(m *member) bool { return !m.alive.Load() })
	to := targets[turn%len(targets)]
	payload := make([]byte, payloadBytes)
	_, _ = rand.Read(payload)
	_, err := to.client.SubmitEphemeraMessage(ctx, api.Submission{Label: "soak", Payload: payload})
	var problem *api.Problem
	switch {
	case err == nil:
		s.accepted.Add(1)
	case ctx.Err() != nil:
	case errors.As(err, &problem) && !problem.Temporary() && !errors.Is(err, api.UnknownSender):
		s.t.Errorf("%s does not take a message: %v", to.Name, err)
	default:
		s.refused.Add(1)
	}
}

// killOne ends the next node's process, without a warning, and starts another in its folder a
// little later.
func (s *soak) killOne(ctx context.Context) {
	s.t.Helper()
	m := s.members[1+s.kills%(nodes-1)]
	s.kills++
	m.stop(true)
	s.pause(ctx, s.plan.kill/6)
	m.start()
}

// changeMembers takes a member out, or back in, by editing everybody's files one after the other.
func (s *soak) changeMembers(ctx context.Context) {
	s.t.Helper()
	s.number++
	if s.out != nil {
		s.out = nil
	} else {
		s.out = s.members[1+int(s.number/2)%(nodes-1)]
	}
	list := s.list(s.out)
	s.ledger.expect(list.Group)
	stay := slices.DeleteFunc(slices.Clone(*s.targets.Load()), func(m *member) bool { return m == s.out })
	s.targets.Store(&stay)
	text, err := provider.Encode(list)
	require.NoError(s.t, err)
	for _, m := range s.members {
		require.NoError(s.t, keys.ReplaceFile(m.folder.Resolve(settings.Default().Membership.File), text))
		s.pause(ctx, s.plan.change/100)
	}
	if s.out == nil { // everybody adopts it in time, or refuses its messages for a moment
		s.targets.Store(&s.members)
	}
}

// pause lets time pass, unless ctx is done.
func (s *soak) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// settle waits until all nodes show all blocks, and the first one is back at what it held near the
// beginning.
func (s *soak) settle() {
	t := s.t
	require.Eventually(t, func() bool { return len(s.ledger.missing(time.Now(), s.members)) == 0 }, wait, 100*time.Millisecond,
		"blocks are missing in the end")
	// What is kept for each message, for as long as it could come again, is its ID: see
	// mempool.Limits.Known.
	const perMessage, slack, goroutines = 256, 16 << 20, 30
	allowed := s.early.heap + slack + perMessage*s.accepted.Load()
	var now usage
	require.Eventually(t, func() bool {
		now = s.members[0].usage()
		return now.goroutines <= s.early.goroutines+goroutines && now.heap <= allowed
	}, wait, time.Second, "early %+v, in the end more than is allowed", s.early)
	t.Logf("first node: %+v near the beginning, %+v in the end", s.early, now)
	s.look()
}

// report says what was done, and that it was something.
func (s *soak) report() {
	t := s.t
	blocks, messages, delays := s.ledger.totals()
	require.NotEmpty(t, delays)
	quantile := func(part float64) time.Duration {
		return delays[int(part*float64(len(delays)-1))].Round(time.Millisecond)
	}
	t.Logf("%s: %d messages accepted, %d refused, %d certified in %d blocks; %d kills, %d lists; a block's delay from the first member to "+
		"others that were up: p50 %s, p99 %s, most %s", s.plan.length, s.accepted.Load(), s.refused.Load(), messages, blocks,
		s.kills, s.number-1, quantile(.5), quantile(.99), quantile(1))
	require.Positive(t, s.kills)
	require.Greater(t, s.number, uint64(1))
	// A killed process loses what was in its mempool and in no block.
	require.Greater(t, 10*messages, 9*int(s.accepted.Load()), "most of what was accepted is certified")
	for _, m := range s.members {
		m.stop(false)
		require.Empty(t, m.log.alarms(), m.Name)
	}
}
