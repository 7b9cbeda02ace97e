package rewards_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// blocks are the blocks in a node's store.
type blocks map[block.ID]store.Certified

func (b blocks) CertifiedByID(_ context.Context, id block.ID) (store.Certified, error) {
	if held, ok := b[id]; ok {
		return held, nil
	}
	return store.Certified{}, store.ErrNotFound
}

func archiving(t *testing.T, a *rewards.Archive) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

func TestTheWinnersBlockIsKept(t *testing.T) {
	d := describe(1, 4)
	evidence, loser := contracttest.Evidence(d, 2), contracttest.Evidence(d, 3)
	winner := &contract.Winner{Name: "nymapi-2", Key: public(2), Block: evidence.Block.ID(), AcceptedAt: d.End + 100}
	for name, delivered := range map[string]bool{"delivered before": true, "delivered after": false} {
		t.Run(name, func(t *testing.T) {
			calendar, database, held := newCalendar(d), openStore(t, t.TempDir()), blocks{}
			archive := &rewards.Archive{Store: database, Calendar: calendar, Blocks: held, Keep: 64, Logger: silent()}
			if delivered {
				held[evidence.Block.ID()] = store.Certified{Block: evidence.Block, Certificate: evidence.Certificate}
				require.NoError(t, archive.Delivered(t.Context(), 1, evidence.Block, evidence.Certificate))
			}
			archiving(t, archive)
			calendar.settle(1, contract.StatusRewarded, winner)
			known := func() rewards.Winner {
				w, _ := database.Winner(t.Context(), d.Group, 1)
				return w
			}
			eventually(t, func() bool { return known().Name != "" }, "the winner is stored")
			if !delivered {
				require.NoError(t, archive.Delivered(t.Context(), 1, loser.Block, loser.Certificate))
				require.Nil(t, known().Evidence)
				require.NoError(t, archive.Delivered(t.Context(), 1, evidence.Block, evidence.Certificate))
			}
			eventually(t, func() bool { return known().Evidence != nil }, "the block is stored")
			require.Equal(t, *winner, known().Winner)
			require.Equal(t, evidence.Block.Encode(), known().Evidence.Block.Encode())
			require.Equal(t, evidence.Certificate.Encode(), known().Evidence.Certificate.Encode())
		})
	}
}

// damaged is a node's store that holds a block in a damaged form until the node has fetched it
// again.
type damaged struct {
	blocks
	healed *atomic.Bool
}

func (d damaged) CertifiedByID(ctx context.Context, id block.ID) (store.Certified, error) {
	if !d.healed.Load() {
		return store.Certified{}, store.Corrupt(id, errors.New("a bit has flipped"))
	}
	return d.blocks.CertifiedByID(ctx, id)
}

func TestTheWinnersBlockIsKeptOnceItIsWholeAgain(t *testing.T) {
	d := describe(1, 4)
	evidence := contracttest.Evidence(d, 2)
	winner := &contract.Winner{Name: "nymapi-2", Key: public(2), Block: evidence.Block.ID(), AcceptedAt: d.End + 100}
	calendar, database := newCalendar(d), openStore(t, t.TempDir())
	held := damaged{blocks{evidence.Block.ID(): {Block: evidence.Block, Certificate: evidence.Certificate}}, new(atomic.Bool)}
	archiving(t, &rewards.Archive{Store: database, Calendar: calendar, Blocks: held, Keep: 64, Logger: silent()})
	known := func() rewards.Winner {
		w, _ := database.Winner(t.Context(), d.Group, 1)
		return w
	}
	calendar.settle(1, contract.StatusRewarded, winner)
	eventually(t, func() bool { return known().Name != "" }, "the winner is learnt")
	require.Nil(t, known().Evidence)
	held.healed.Store(true)
	calendar.settle(1, contract.StatusRewarded, winner)
	eventually(t, func() bool { return known().Evidence != nil }, "the block is kept")
}

func TestTheDatabaseIsBounded(t *testing.T) {
	calendar, database := newCalendar(), openStore(t, t.TempDir())
	for id := contract.Epoch(1); id <= 100; id++ {
		_, err := database.KeepReport(t.Context(), id, []byte{byte(id)}, 1)
		require.NoError(t, err)
	}
	archiving(t, &rewards.Archive{Store: database, Calendar: calendar, Keep: 64, Logger: silent()})
	calendar.learn(describe(100, 4))
	eventually(t, func() bool { _, err := database.Report(t.Context(), 35); return err != nil }, "old reports are dropped")
	_, err := database.Report(t.Context(), 36)
	require.NoError(t, err)
}

func TestTheNodeIsWokenWhenTimeChangesAnAnswer(t *testing.T) {
	d := describe(1, 4)
	calendar := newCalendar(d)
	m := newMember(t, 1, 4, calendar)
	var mu sync.Mutex
	woken := 0
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- m.Run(ctx, func() {
			mu.Lock()
			defer mu.Unlock()
			woken++
		})
	}()
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return woken
	}
	eventually(t, func() bool { return count() == 1 }, "at the start")
	calendar.set(d.End + 4_998) // the clock does not advance, but the pause until the deadline ends
	eventually(t, func() bool { return count() >= 3 }, "at the deadline")
	cancel()
	require.NoError(t, <-done)
}

func TestTheReasonForNoSubmissionIsLogged(t *testing.T) {
	d, submitted := describe(1, 4), describe(2, 4)
	calendar := newCalendar(d, submitted)
	var log strings.Builder
	database := openStore(t, t.TempDir())
	app, err := rewards.NewApplication(t.Context(), rewards.ApplicationConfig{
		Key: contracttest.Key(1), Group: d.Group, Store: database, Calendar: calendar, Submit: func() {},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	require.NoError(t, err)
	for _, message := range contracttest.Messages(d, 1, 2) {
		require.True(t, app.CheckMessage(t.Context(), message).IsAccept())
	}
	for _, id := range []contract.Epoch{1, 2} {
		_, err = database.KeepReport(t.Context(), id, []byte("report"), 1)
		require.NoError(t, err)
	}
	_, err = database.AddSubmission(t.Context(), rewards.Submission{Epoch: 2, Body: []byte("submission")}, nil)
	require.NoError(t, err)
	calendar.settle(1, contract.StatusMissed, nil)
	calendar.settle(2, contract.StatusMissed, nil)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, app.Run(ctx, cancel))
	require.Equal(t, 1, strings.Count(log.String(), "nothing submitted"), log.String())
	require.Contains(t, log.String(), "epoch=1")
	require.Contains(t, log.String(), "reports=2 needed=3")
}
