package ephemera_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// slowStore is a store whose commits take some time, and are counted.
type slowStore struct {
	store.Store
	takes   time.Duration
	commits *atomic.Int64
}

func (s slowStore) Commit(ctx context.Context, writes []store.Write) error {
	s.commits.Add(1)
	pass(s.takes)
	return s.Store.Commit(ctx, writes)
}

// A round in which all members propose at once takes few commits: of the vote for one's block, of
// those for the other blocks, of one's certificate, and of the other certificates. It waits for
// these one after the other, and for nothing else.
func TestRoundsTakeFewCommits(t *testing.T) {
	for _, test := range []struct {
		n                      int
		linkFrom, linkTo, disk time.Duration
		commits                float64       // a round at each member
		takes                  time.Duration // a round
	}{
		// Frames arrive within one commit: four commits, one after the other.
		{4, 200 * time.Microsecond, 400 * time.Microsecond, 3 * time.Millisecond, 4.1, 15 * time.Millisecond},
		{10, 200 * time.Microsecond, 400 * time.Microsecond, 3 * time.Millisecond, 4.1, 15 * time.Millisecond},
		// Frames arrive over ten commits. With one commit for each that comes alone, a round of ten would
		// take twelve commits and 44 ms.
		{10, 500 * time.Microsecond, 10 * time.Millisecond, time.Millisecond, 6, 45 * time.Millisecond},
		// Frames arrive over five commits, as on a machine that the members share.
		{10, 500 * time.Microsecond, 20 * time.Millisecond, 4 * time.Millisecond, 4.6, 95 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("n=%d,commit=%s,frame<%s", test.n, test.disk, test.linkTo), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				random := rand.New(rand.NewPCG(1, 1))
				delay := func(_, _ keys.Public) time.Duration {
					mu.Lock()
					defer mu.Unlock()
					return within(random, test.linkFrom, test.linkTo)
				}
				c := newCluster(t, test.n, memory.Config{Gossip: true, Delay: delay})
				var commits atomic.Int64
				c.wrap = func(s store.Store) store.Store { return slowStore{s, test.disk, &commits} }
				perRound, takes := rounds(c, &commits)
				t.Logf("%.1f commits at each member, %s a round", perRound, takes)
				require.LessOrEqual(t, perRound, test.commits)
				require.LessOrEqual(t, takes, test.takes)
			})
		})
	}
}

// rounds runs some rounds and returns how many commits one takes at each member, and how long it
// takes.
func rounds(c *cluster, commits *atomic.Int64) (perRound float64, takes time.Duration) {
	const count = 20
	n := len(c.keys)
	for _, b := range c.boards {
		b.enough = n
	}
	c.startAll()
	defer c.stopAll()
	pass(5 * time.Second) // the members have heard from each other
	commits.Store(0)
	for round := range count {
		begin := time.Now()
		for i := range n {
			c.submit(i, fmt.Sprint("report ", round))
		}
		for i := range n {
			for creator := range n {
				c.awaitHeight(i, creator, round+1)
			}
		}
		takes += time.Since(begin)
		pass(300 * time.Millisecond)
	}
	return float64(commits.Load()) / count / float64(n), takes / count
}
