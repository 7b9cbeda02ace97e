package broadcast

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
)

// R7: every wait doubles from the first to the cap and is jittered by at most a quarter. The same
// history gives the same waits.
func TestWaitsDoubleToACap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := instance(t, rapid.IntRange(1, 9).Draw(t, "n"), Timing{})
		b.now = rapid.Int64Range(1, 1<<42).Draw(t, "now") // 0 means not armed
		first := rapid.Int64Range(1, 30_000).Draw(t, "first")
		limit := first * rapid.Int64Range(1, 64).Draw(t, "cap")
		whom := rapid.IntRange(0, 8).Draw(t, "whom")
		var r, again retry
		for attempt := range 40 {
			r.after(b, whom, first, limit)
			again.after(b, whom, first, limit)
			require.Equal(t, r, again)
			wait := limit
			if attempt < 20 {
				wait = min(limit, first<<attempt)
			}
			require.GreaterOrEqual(t, r.due-b.now, wait*3/4)
			require.LessOrEqual(t, r.due-b.now, wait*3/4+wait/2)
			require.True(t, r.armed())
			b.now = r.due
		}
		r.stop()
		require.False(t, r.armed())
	})
}

// Members do not resend in step: many waits of one length are not all equal.
func TestWaitsAreJittered(t *testing.T) {
	b := instance(t, 4, Timing{})
	b.now = 1_700_000_000_000
	waits := map[int64]bool{}
	for whom := range 50 {
		var r retry
		r.after(b, whom, 400, 5000)
		waits[r.due] = true
	}
	require.Greater(t, len(waits), 25)
}

// The tip's certificate is resent to a silent member once a minute in the end, and in a large group
// as much more rarely as the group is larger.
func TestTipIsResentToSilentMembersRarely(t *testing.T) {
	for n, longest := range map[int]int64{4: 60_000, 16: 60_000, 64: 240_000} {
		b := instance(t, n, Timing{})
		b.now, b.tip = 1, &certifiedTip{resend: make([]retry, n)}
		for range 20 {
			b.awaitTip(1)
			b.now, b.tip.resend[1].due = b.tip.resend[1].due, 0
		}
		before := b.now
		b.awaitTip(1)
		require.InDelta(t, longest, b.tip.resend[1].due-before, float64(longest)/4, "n=%d", n)
	}
}

// Bad timing never reaches the arithmetic.
func TestTimingHasDefaults(t *testing.T) {
	standard := Timing{Fetch: 20, Retry: 400, Cap: 5000, Reconsider: 1000}
	require.Equal(t, standard, Timing{}.WithDefaults())
	require.Equal(t, standard, Timing{Fetch: -1, Retry: -2, Cap: -3, Reconsider: -4}.WithDefaults())
	require.Equal(t, Timing{Fetch: 1, Retry: 2, Cap: 3, Reconsider: 4}, Timing{Fetch: 1, Retry: 2, Cap: 3, Reconsider: 4}.WithDefaults())
}

// The tip's certificate is resent forever to a member that says nothing, soon only about once a
// minute, and never again to a member whose frontier covers it (R7).
func TestCertificateIsResentEverMoreSeldom(t *testing.T) {
	b := instance(t, 4, Timing{})
	now := int64(1_700_000_000_000)
	b.Start(now)
	own := block.New(b.Group, b.Group.Member(b.Self), 1, block.ID{}, now, nil)
	b.chains[b.Self].height = own.Header.Height
	b.sendCertificate(own, own.ID(), certificate.Certificate{})
	b.Take()
	const silent, told = 1, 2
	covered := make([]uint64, b.Group.N())
	covered[b.Self] = 1
	b.Claims(now, told, covered)
	var last, waited int64
	for range 40 {
		now = b.Deadline()
		b.Tick(now)
		for _, effect := range b.Take() {
			send, ok := effect.(Send)
			require.True(t, ok)
			require.NotEqual(t, told, send.To)
			if send.To == silent {
				last, waited = now, now-last
			}
		}
	}
	require.InDelta(t, 60_000, waited, 15_000)
}

// The next time is that of the earliest armed timer, whatever was armed again and stopped. The heap
// stays small.
func TestNextTimeIsThatOfTheEarliestTimer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, all, now := &Instance{now: 1}, make([]retry, 8), int64(1)
		earliest := func() (first int64) {
			for i := range all {
				if due := all[i].due; due != 0 && (first == 0 || due < first) {
					first = due
				}
			}
			return first
		}
		for range rapid.IntRange(1, 500).Draw(t, "steps") {
			r := &all[rapid.IntRange(0, len(all)-1).Draw(t, "timer")]
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1:
				r.at(b, now+rapid.Int64Range(0, 50).Draw(t, "wait"))
			case 2:
				r.stop()
			case 3:
				if r.armed() {
					r.again(b)
				}
			case 4:
				now += rapid.Int64Range(0, 30).Draw(t, "passed")
				b.now = now
				due := earliest()
				require.Equal(t, due != 0 && due <= now, b.timers.pass(now))
				for i := range all {
					if all[i].due <= now {
						all[i].stop()
					}
				}
			}
			require.Equal(t, earliest(), b.timers.next())
			require.LessOrEqual(t, len(b.timers.heap), 2*len(all)+fewTimers)
		}
	})
}

// A member that is busy is not taken for lost: the wait follows the echoes, between a floor and a
// ceiling.
func TestWaitsFollowTheEchoes(t *testing.T) {
	var e echoTimes
	for range 50 {
		e.add(2000)
	}
	require.InDelta(t, 2000, e.mean, 10)
	require.Less(t, e.deviation, int64(10))
	e.add(4000)
	require.InDelta(t, 2250, e.mean, 10)
	require.InDelta(t, 500, e.deviation, 20)
}
