package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/ledger"
)

const second = time.Second

func fixed() ledger.Schedule {
	return ledger.Schedule{Duration: second, AcceptEpochs: 3, Advance: ledger.Fixed}
}

// begun returns a ledger whose epoch 1 has the window [0 s, 1 s).
func begun(t require.TestingT, s ledger.Schedule) *ledger.Ledger {
	l, err := ledger.New(s, ledger.Entry{}, nil)
	require.NoError(t, err)
	_, due := l.Due(1 << 40)
	require.False(t, due, "nothing is due before the first epoch is scheduled")
	_, scheduled := l.Next()
	require.False(t, scheduled)
	l.Apply(l.First(0))
	return l
}

// tick applies everything due and returns it.
func tick(l *ledger.Ledger, now contract.Millis) (events []ledger.Event) {
	for {
		e, due := l.Due(now)
		if !due {
			return events
		}
		l.Apply(e)
		events = append(events, e)
	}
}

func stand(l *ledger.Ledger, epoch contract.Epoch, now contract.Millis) ledger.Standing {
	standing, _ := l.Stand(epoch, now)
	return standing
}

func TestWindowsFollowEachOtherAndAreMissedInTime(t *testing.T) {
	l := begun(t, fixed())
	require.Empty(t, tick(l, 999))
	events := tick(l, 1000)
	require.Len(t, events, 1)
	require.Equal(t, ledger.Entry{ID: 2, Start: 1000, End: 2000, Close: 5000}, events[0].Begin)
	tick(l, 2000)
	tick(l, 3000)
	require.Empty(t, tick(l, 3999))
	require.Equal(t, ledger.Ready, stand(l, 1, 3999))
	require.Equal(t, ledger.Waiting, stand(l, 2, 3999))
	events = tick(l, 4000)
	require.Equal(t, contract.Epoch(1), events[0].Miss)
	require.Equal(t, contract.Epoch(5), events[1].Begin.ID)
	require.Equal(t, ledger.Settled, stand(l, 1, 4000))
	require.Equal(t, ledger.Ready, stand(l, 2, 4000))
	require.Equal(t, ledger.NotOver, stand(l, 5, 4000))
	require.Equal(t, ledger.NotOver, stand(l, 6, 4000))
	next, _ := l.Next()
	require.Equal(t, contract.Millis(5000), next)
}

func TestDowntimeSkipsOnlyWindowsThatCannotBeRewarded(t *testing.T) {
	l := begun(t, fixed())
	events := tick(l, 100_500)
	require.Equal(t, contract.Epoch(1), events[0].Miss)
	// The window [96 s, 97 s) closes at 100 s, the next one at 101 s.
	require.Equal(t, ledger.Entry{ID: 2, Start: 97_000, End: 98_000, Close: 101_000}, events[1].Begin)
	require.Equal(t, int64(96), events[1].Skipped)
	require.Len(t, events, 5, "and the windows after it, up to the current one")
	require.Equal(t, contract.Millis(100_000), l.Newest().Start)
}

func TestNextEpochWaitsForTheDecision(t *testing.T) {
	s := fixed()
	s.Advance = ledger.WhenDecided
	l := begun(t, s)
	require.Empty(t, tick(l, 3000))
	next, _ := l.Next()
	require.Equal(t, contract.Millis(4000), next)
	l.Settle(1)
	events := tick(l, 3100)
	require.Equal(t, ledger.Entry{ID: 2, Start: 3100, End: 4100, Close: 7100}, events[0].Begin)
	events = tick(l, 7100)
	require.Equal(t, contract.Epoch(2), events[0].Miss)
	require.Equal(t, contract.Epoch(3), events[1].Begin.ID)
}

func TestWaitsAreShort(t *testing.T) {
	l := begun(t, fixed())
	_, wait := l.Stand(1, 400)
	require.Equal(t, 600*time.Millisecond, wait)
	tick(l, 2000)
	_, wait = l.Stand(2, 2000)
	require.Equal(t, 50*time.Millisecond, wait)
}

func TestRestoredLedgerContinues(t *testing.T) {
	l := begun(t, fixed())
	tick(l, 2500)
	l.Settle(1)
	same, err := ledger.New(fixed(), l.Newest(), []ledger.Entry{{ID: 2, Start: 1000, End: 2000, Close: 5000}, l.Newest()})
	require.NoError(t, err)
	for now := contract.Millis(2500); now < 12_000; now += 250 {
		require.Equal(t, tick(l, now), tick(same, now))
	}
	_, err = ledger.New(fixed(), ledger.Entry{ID: 2}, []ledger.Entry{{ID: 2}, {ID: 1}})
	require.ErrorIs(t, err, ledger.ErrInvalid)
	_, err = ledger.New(ledger.Schedule{}, ledger.Entry{}, nil)
	require.ErrorIs(t, err, ledger.ErrInvalid)
}

// Numbers have no gaps, windows never overlap, epochs are settled in order, and few are open,
// whatever the clock does.
func TestScheduleHoldsItsInvariantsForAnyClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := ledger.Schedule{
			Duration: time.Duration(rapid.IntRange(1, 5000).Draw(t, "ms")) * time.Millisecond, AcceptEpochs: rapid.IntRange(1, 5).Draw(t, "accept"),
			Advance: rapid.SampledFrom([]ledger.Advance{ledger.Fixed, ledger.WhenDecided}).Draw(t, "advance"),
		}
		l := begun(t, s)
		now, last, settled := contract.Millis(0), l.Newest(), contract.Epoch(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, 3*int64(s.Duration)).Draw(t, "wait")))
			for _, e := range tick(l, now) {
				if e.Miss != 0 {
					require.Equal(t, settled+1, e.Miss)
					settled = e.Miss
					continue
				}
				require.Equal(t, last.ID+1, e.Begin.ID)
				require.GreaterOrEqual(t, e.Begin.Start, last.End)
				last = e.Begin
			}
			require.LessOrEqual(t, l.Open(), s.AcceptEpochs+2)
			next, _ := l.Next()
			require.Greater(t, next, now, "nothing is due twice")
			if stand(l, settled+1, now) == ledger.Ready && rapid.Bool().Draw(t, "settle") {
				settled++
				l.Settle(settled)
				require.Equal(t, ledger.Settled, stand(l, settled, now))
			}
		}
	})
}
