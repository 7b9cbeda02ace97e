package webserver_test

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

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// yields takes a hold that is released as soon as another address takes it.
func yields(t *testing.T, s *webserver.Shares, address string, n int64, lost func()) *webserver.Hold {
	t.Helper()
	var hold atomic.Pointer[webserver.Hold]
	hold.Store(s.Take(t.Context(), address, n, func() {
		lost()
		hold.Load().Release()
	}))
	return hold.Load()
}

func TestOneAddressHasAtMostHalf(t *testing.T) {
	s := webserver.NewShares(10, 0)
	require.Nil(t, s.Take(t.Context(), "a", 6, nil))
	first := s.Take(t.Context(), "a", 3, nil)
	require.NotNil(t, first)
	require.True(t, first.Grow(t.Context(), 2))
	require.False(t, first.Grow(t.Context(), 1))
	first.Shrink(1)
	require.True(t, first.Grow(t.Context(), 1))
	first.Release()
	first.Release()
	require.NotNil(t, s.Take(t.Context(), "a", 5, nil), "what was released can be taken")
	require.NotNil(t, webserver.NewShares(1, 0).Take(t.Context(), "a", 1, nil), "one place has no half")
}

func TestNoNumberOfAddressesKeepsAnotherOut(t *testing.T) {
	s := webserver.NewShares(100, 0)
	var lost []string
	for i := range 20 { // all that there is, five for each of twenty addresses
		for j := range 5 {
			require.NotNil(t, yields(t, s, fmt.Sprint("stranger", i), 1, func() { lost = append(lost, fmt.Sprint(i, ".", j)) }))
		}
	}
	for i := range 4 {
		require.NotNil(t, yields(t, s, "honest", 1, func() { require.Fail(t, "an address that has less is not cut") }), i)
	}
	require.Equal(t, []string{"0.0", "1.0", "2.0", "3.0"}, lost, "the oldest hold of an address that has the most")
	require.Nil(t, s.Take(t.Context(), "honest", 1, nil), "it would have no less than the others")
}

func TestHoldThatIsLostStaysLost(t *testing.T) {
	s := webserver.NewShares(4, 0)
	held := yields(t, s, "a", 2, func() {})
	keeps := func() { require.Fail(t, "not the one that has the most") }
	for _, other := range []string{"b", "c", "d"} { // the last one takes from a
		require.NotNil(t, s.Take(t.Context(), other, 1, keeps))
	}
	require.True(t, held.Lost())
	require.False(t, held.Grow(t.Context(), 1))
	held.Release()
	require.NotNil(t, s.Take(t.Context(), "e", 1, keeps), "a loss and a release return it once")
	require.Nil(t, s.Take(t.Context(), "f", 1, nil))
}

func TestOldHoldGivesWayToOneAboutAsLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, lost := webserver.NewShares(4, time.Second), ""
		for _, address := range []string{"a", "b"} {
			require.NotNil(t, yields(t, s, address, 2, func() { lost += address }))
		}
		require.Nil(t, s.Take(t.Context(), "c", 2, nil))
		time.Sleep(2 * time.Second) // virtual
		require.NotNil(t, s.Take(t.Context(), "c", 2, nil))
		require.Equal(t, "a", lost)
		require.Nil(t, s.Take(t.Context(), "b", 1, nil), "an address takes nothing from itself")
	})
}

// What another address has taken is in use until its holder has released it.
func TestTakerWaitsForWhatItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := webserver.NewShares(4, 0)
		held := s.Take(t.Context(), "a", 2, func() {})
		require.NotNil(t, s.Take(t.Context(), "b", 2, func() {}))
		begin := time.Now()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Nil(t, s.Take(short, "c", 1, nil), "a has not released it")
		require.Equal(t, time.Second, time.Since(begin))
		require.True(t, held.Lost())
		taken := make(chan *webserver.Hold, 1)
		go func() { taken <- s.Take(t.Context(), "c", 2, nil) }()
		synctest.Wait()
		held.Shrink(1)
		synctest.Wait()
		require.Empty(t, taken, "one of two is released")
		held.Release()
		require.NotNil(t, <-taken)
	})
}

func TestHoldThatIsKeptIsNotTaken(t *testing.T) {
	s := webserver.NewShares(4, 0)
	kept := s.Take(t.Context(), "a", 2, nil)
	require.True(t, kept.Keep())
	other := yields(t, s, "b", 2, func() {})
	require.NotNil(t, s.Take(t.Context(), "c", 1, nil), "it takes from b, although a is older")
	require.False(t, other.Keep(), "it is lost")
	require.False(t, kept.Lost())
}

func TestLostHoldCanBeInherited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, lost := webserver.NewShares(10, 0), ""
		held := s.Take(t.Context(), "a", 2, func() {})
		require.False(t, held.Inherit("d"), "it is not lost")
		for _, address := range []string{"a", "b", "b", "e"} {
			require.NotNil(t, yields(t, s, address, 2, func() { lost += address }))
		}
		taken := make(chan *webserver.Hold, 1)
		go func() { taken <- s.Take(t.Context(), "c", 1, nil) }()
		synctest.Wait()
		require.True(t, held.Lost())
		require.Empty(t, taken, "it is not released")
		require.False(t, held.Inherit("b"), "b has its share")
		require.True(t, held.Lost())
		require.True(t, held.Inherit("d"), "it takes from b, which has more")
		require.Equal(t, "b", lost)
		require.NotNil(t, <-taken)
		held.Release()
		require.False(t, held.Inherit("d"), "it is released")
	})
}

// Many goroutines take, grow and lose holds, and take their time to release them. What they hold
// together never exceeds the total, and in the end all of it is free.
func TestHoldsNeverExceedTheTotal(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		const total, workers = 1000, 40
		s := webserver.NewShares(total, time.Second)
		var live, most, losses atomic.Int64
		use := func(n int64) { most.Store(max(most.Load(), live.Add(n))) }
		var working sync.WaitGroup
		for i := range workers {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			working.Go(func() {
				for range 200 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(3000))*time.Millisecond)
					if h := s.Take(ctx, fmt.Sprint(i%7), int64(random.IntN(60)), func() { losses.Add(1) }); h != nil {
						work(ctx, h, random, use)
					}
					cancel()
				}
			})
		}
		working.Wait()
		require.LessOrEqual(t, most.Load(), int64(total))
		require.Greater(t, most.Load(), int64(total/2), "there was competition")
		require.Positive(t, losses.Load())
		for _, half := range []string{"a", "b"} {
			require.NotNil(t, s.Take(t.Context(), half, total/2, nil), "everything was returned")
		}
	})
}

// work uses a hold for a while, which it may lose. A hold that was just taken is in use by nobody
// until use is called, so the sum that use sees may be too small, never too large.
func work(ctx context.Context, h *webserver.Hold, random *rand.Rand, use func(int64)) {
	var has int64
	for range random.IntN(5) {
		n := int64(random.IntN(100))
		if !h.Grow(ctx, n) {
			break
		}
		use(n)
		has += n
		time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond) // virtual
		if has > 10 && random.IntN(4) == 0 {
			use(-10)
			h.Shrink(10)
			has -= 10
		}
		if h.Lost() && random.IntN(2) == 0 && h.Inherit(fmt.Sprint("heir", random.IntN(3))) {
			continue
		}
	}
	time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond) // virtual
	use(-has)
	h.Release()
}
