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

var length = flag.Duration("length", 10*time.Minute, "how long the long form applies load")

// A plan describes a run.
type plan struct {
	length time.Duration
	rate   int           // messages per second, all nodes together
	kill   time.Duration // time between two kills; a node is down for a sixth of it
	change time.Duration // time between two lists of members; the first comes after half of it
	late   time.Duration // how long after the first node every node that is up must return a block
}

const (
	nodes        = 4
	payloadBytes = 1024
)

// TestSoak applies load to four daemons, kills all but the first in turn, and removes a member from
// the group and adds it again. During and after that, every node that is up returns every certified
// block of its groups, once and in the order of its chain, and no two nodes return different blocks
// for a slot. At the end the first node uses hardly more memory and goroutines than early in the
// run.
func TestSoak(t *testing.T) {
	p := plan{length: *length, rate: 200, kill: 30 * time.Second, change: time.Minute, late: 20 * time.Second}
	if testing.Short() {
		p = plan{length: 12 * time.Second, rate: 60, kill: 6 * time.Second, change: 6 * time.Second, late: timeout}
	}
	s := newSoak(t, p)
	s.run()
	s.settle()
	s.report()
}

// soak is a run of the test.
type soak struct {
	t        *testing.T
	plan     plan
	members  []*member
	observer *observer
	number   uint64 // of the newest list
	// targets are the members to which messages are submitted: those that are not being removed.
	targets  atomic.Pointer[[]*member]
	accepted atomic.Int64
	refused  atomic.Int64 // by nodes that were killed or left the group
	kills    int
	out      *member // the member that is not in the newest group, or nil
	baseline usage   // of the first node, early in the run
}

func newSoak(t *testing.T, p plan) *soak {
	t.Helper()
	config := settings.Default()
	config.Membership.Interval = settings.Duration(2 * time.Second)
	config.Limits.MessagesPerSecond = 2 * p.rate
	config.HTTP.RequestsPerSec = 100 * p.rate // all requests come from one address
	made, err := testnet.Make(t.Context(), testnet.Config{Dir: t.TempDir(), Nodes: nodes, Settings: config})
	require.NoError(t, err)
	s := &soak{t: t, plan: p, observer: newObserver(), number: made.Number}
	for _, node := range made.Nodes {
		m := &member{Node: node, t: t, folder: made.Folder(node), log: &stderrLog{}, admin: &http.Client{Timeout: timeout}}
		m.client, err = client.New("http://"+node.HTTP, client.Options{Timeout: 10 * time.Second})
		require.NoError(t, err)
		s.members = append(s.members, m)
	}
	s.targets.Store(&s.members)
	s.observer.expect(s.list(nil).Group)
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

// list returns the list of members with the current number, without out.
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

// run applies load, kills and membership changes for the length of the plan.
func (s *soak) run() {
	ctx, cancel := context.WithCancel(s.t.Context())
	var watching, loading sync.WaitGroup
	for _, m := range s.members {
		watching.Go(func() { s.watch(ctx, m) })
	}
	loaded, stopLoad := context.WithTimeout(ctx, s.plan.length)
	defer stopLoad()
	for i := range s.members {
		loading.Go(func() { s.load(loaded, i) })
	}
	s.t.Cleanup(func() {
		cancel()
		stopLoad()
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
			s.baseline = s.members[0].usage()
		case <-change.C:
			s.changeMembers(loaded)
			s.t.Logf("%s: %+v, %d accepted", time.Now().Format(time.TimeOnly), s.members[0].usage(), s.accepted.Load())
		case <-look.C:
			s.check()
		}
	}
	loading.Wait()
}

// check fails the test if anything is wrong so far.
func (s *soak) check() {
	s.t.Helper()
	require.Empty(s.t, s.observer.allViolations())
	require.Empty(s.t, s.observer.missing(time.Now().Add(-s.plan.late), s.members), "certified blocks that another node returned more than %s ago", s.plan.late)
	for _, m := range s.members {
		require.Empty(s.t, m.log.badLines(), m.Name)
	}
}

// watch records a node's blocks. Its subscription resumes at its cursor after the node was killed.
func (s *soak) watch(ctx context.Context, m *member) {
	for e, err := range m.client.Subscribe(ctx, api.Subscription{From: api.Beginning}) {
		if err == nil {
			s.observer.record(m, e)
		} else if ctx.Err() == nil {
			s.t.Errorf("%s: subscription ended: %v", m.Name, err)
		}
	}
}

// load submits a worker's share of the messages to the members in turn until ctx is done. After a
// delay it catches up.
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

// submit submits a message to one of the targets that are up. turn selects it.
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
		s.t.Errorf("%s refused a message: %v", to.Name, err)
	default:
		s.refused.Add(1)
	}
}

// killOne kills the next node's process and starts a new one in its folder after a while.
func (s *soak) killOne(ctx context.Context) {
	s.t.Helper()
	m := s.members[1+s.kills%(nodes-1)]
	s.kills++
	m.stop(true)
	s.pause(ctx, s.plan.kill/6)
	m.start()
}

// changeMembers removes a member from the group, or adds it again, by replacing the lists of all
// nodes one after the other.
func (s *soak) changeMembers(ctx context.Context) {
	s.t.Helper()
	s.number++
	if s.out != nil {
		s.out = nil
	} else {
		s.out = s.members[1+int(s.number/2)%(nodes-1)]
	}
	list := s.list(s.out)
	s.observer.expect(list.Group)
	stay := slices.DeleteFunc(slices.Clone(*s.targets.Load()), func(m *member) bool { return m == s.out })
	s.targets.Store(&stay)
	text, err := provider.Encode(list)
	require.NoError(s.t, err)
	for _, m := range s.members {
		require.NoError(s.t, keys.ReplaceFile(m.folder.Resolve(settings.Default().Membership.File), text))
		s.pause(ctx, s.plan.change/100)
	}
	if s.out == nil { // a node that has not adopted the list yet refuses messages for a moment
		s.targets.Store(&s.members)
	}
}

// pause waits for d, or until ctx is done.
func (s *soak) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// settle waits until all nodes returned all blocks and the first node's usage is near its baseline.
func (s *soak) settle() {
	t := s.t
	require.Eventually(t, func() bool { return len(s.observer.missing(time.Now(), s.members)) == 0 }, timeout, 100*time.Millisecond,
		"blocks are missing at the end")
	// For every message the mempool remembers its ID for as long as it could be sent again
	// (mempool.Limits.Known).
	const perMessage, slack, goroutines = 256, 16 << 20, 30
	allowed := s.baseline.heap + slack + perMessage*s.accepted.Load()
	var now usage
	require.Eventually(t, func() bool {
		now = s.members[0].usage()
		return now.goroutines <= s.baseline.goroutines+goroutines && now.heap <= allowed
	}, timeout, time.Second, "the first node uses more than allowed, compared with %+v early in the run", s.baseline)
	t.Logf("first node: %+v early in the run, %+v at the end", s.baseline, now)
	s.check()
}

// report logs what was done, and fails if it was too little to be a test.
func (s *soak) report() {
	t := s.t
	blocks, messages, delays := s.observer.totals()
	require.NotEmpty(t, delays)
	quantile := func(part float64) time.Duration {
		return delays[int(part*float64(len(delays)-1))].Round(time.Millisecond)
	}
	t.Logf("%s: %d messages accepted, %d refused, %d certified in %d blocks; %d kills, %d lists; a block's delay from the first node to "+
		"the others that were up: p50 %s, p99 %s, max %s", s.plan.length, s.accepted.Load(), s.refused.Load(), messages, blocks,
		s.kills, s.number-1, quantile(.5), quantile(.99), quantile(1))
	require.Positive(t, s.kills)
	require.Greater(t, s.number, uint64(1))
	// A killed process loses the messages in its mempool that are in no block.
	require.Greater(t, 10*messages, 9*int(s.accepted.Load()), "most of what was accepted is certified")
	for _, m := range s.members {
		m.stop(false)
		require.Empty(t, m.log.badLines(), m.Name)
	}
}
