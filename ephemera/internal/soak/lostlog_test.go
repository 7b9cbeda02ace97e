package soak_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// Each round kills a daemon, deletes, cuts or flips a bit of its store's log, and starts it again
// while its peers are paused, so that nobody can tell it what it signed. It must notice that votes
// are gone, sign nothing more in its group, and take part again in the next group. Nobody ever
// holds proof that it signed twice. Package home does the same to more stores, without peers.
func TestLostVotesWhilePeersArePaused(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 1
	}
	s := newSoak(t, plan{rate: 100})
	t.Cleanup(func() { s.signal(nil, syscall.SIGCONT) })
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	muted := 0
	for i := range kills {
		victim := s.members[1+i%(nodes-1)]
		s.submitSome(5 + random.IntN(40))
		victim.stop(true)
		s.signal(victim, syscall.SIGSTOP)
		damageLog(t, random, filepath.Join(victim.folder.Data(), home.StoreFile+"-wal"), i%3)
		victim.launch()
		health := victim.health()
		s.signal(victim, syscall.SIGCONT)
		victim.await()
		if health.Muted {
			muted++
		}
		s.submitSome(5)
		for _, m := range s.members {
			evidence, err := m.client.Evidence(t.Context())
			require.NoError(t, err)
			require.Empty(t, evidence, "seed %d", seed)
			require.Equal(t, m == victim && health.Muted, m.health().Muted, "%s", m.Name)
		}
		s.nextGroup()
	}
	t.Logf("seed %d: muted after %d of %d kills", seed, muted, kills)
	require.NotZero(t, muted)
}

// damageLog deletes a file, cuts it, or flips a bit of it.
func damageLog(t *testing.T, random *rand.Rand, path string, how int) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotEmpty(t, data)
	switch how {
	case 0:
		require.NoError(t, os.Remove(path))
	case 1:
		require.NoError(t, os.Truncate(path, random.Int64N(int64(len(data)))))
	default:
		data[random.IntN(len(data))] ^= 1 << random.IntN(8)
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
}

// signal sends a signal to the processes of all members but one.
func (s *soak) signal(except *member, signal syscall.Signal) {
	for _, m := range s.members {
		if m != except {
			_ = m.process.Signal(signal) // it may have ended
		}
	}
}

// submitSome submits messages one by one, and waits until as many more are certified.
func (s *soak) submitSome(count int) {
	s.t.Helper()
	first := s.members[0]
	before := first.certified()
	for i := range count {
		s.submit(s.t.Context(), i)
		s.pause(s.t.Context(), 20*time.Millisecond) // so that they are in several blocks
	}
	require.Eventually(s.t, func() bool { return first.certified() >= before+1 && first.health().Messages == 0 }, timeout, 50*time.Millisecond)
}

// certified returns how many blocks the node has stored.
func (m *member) certified() (count int) {
	m.t.Helper()
	for q := (api.ListQuery{}); ; {
		page, err := m.client.ListBlocks(m.t.Context(), q)
		require.NoError(m.t, err)
		count += len(page.Blocks)
		if len(page.Blocks) == 0 {
			return count
		}
		q.From = page.Next
	}
}

// health waits until the node runs and its API answers.
func (m *member) health() (health api.Health) {
	m.t.Helper()
	require.Eventually(m.t, func() bool {
		var err error
		health, err = m.client.Health(m.t.Context())
		return err == nil && health.Reason != "the node is not running"
	}, timeout, 20*time.Millisecond, "%s does not answer; its log: %s", m.Name, m.log)
	return health
}

// nextGroup gives the group of all members the next number, and waits until each is in it and may
// sign.
func (s *soak) nextGroup() {
	s.t.Helper()
	s.number++
	text, err := provider.Encode(s.list(nil))
	require.NoError(s.t, err)
	for _, m := range s.members {
		require.NoError(s.t, keys.ReplaceFile(m.folder.Resolve(settings.Default().Membership.File), text))
	}
	for _, m := range s.members {
		require.Eventually(s.t, func() bool {
			health := m.health()
			return health.Group == s.number && !health.Muted
		}, timeout, 50*time.Millisecond, m.Name)
	}
}
