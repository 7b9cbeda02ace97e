package webserver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAddressesThatWaitTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(2, time.Minute)
		require.True(t, p.enter(t.Context(), "busy"))
		entered := make(chan string)
		for range 5 {
			go func() {
				if p.enter(t.Context(), "busy") {
					entered <- "busy"
				}
			}()
		}
		synctest.Wait()
		require.True(t, p.enter(t.Context(), "other"), "busy has its half")
		go func() {
			if p.enter(t.Context(), "third") {
				entered <- "third"
			}
		}()
		synctest.Wait()
		p.leave("other")
		require.Equal(t, "third", <-entered, "although others wait longer")
		for range 5 {
			p.leave("busy")
			require.Equal(t, "busy", <-entered)
		}
		p.leave("busy")
		p.leave("third")
		require.Empty(t, p.used)
		require.Empty(t, p.waiting)
		require.Empty(t, p.turns)
		require.Equal(t, 2, p.free)
	})
}

func TestWaitForAPlaceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(1, 5*time.Second)
		require.True(t, p.enter(t.Context(), "a"))
		start := time.Now()
		require.False(t, p.enter(t.Context(), "b"))
		require.Equal(t, 5*time.Second, time.Since(start))
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.False(t, p.enter(gone, "b"))
		p.leave("a")
		require.Empty(t, p.waiting)
		require.True(t, p.enter(t.Context(), "b"))
	})
}
