package home

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Only the exact text of a marker is read as one.
func FuzzMarker(f *testing.F) {
	f.Add(markerTitle + "\nstarts 3\ngroup 2\n")
	f.Add(markerTitle + "\nstarts 03\ngroup 2\n")
	f.Add(markerTitle + "\nstarts 3\ngroup 2")
	f.Add(markerTitle + "\nstarts 3\ngroup 2\nstore pebble\n")
	f.Add(markerTitle + "\nstarts 3\ngroup 2\nstore sqlite\n")
	f.Add(markerTitle + "\nstarts 3\ngroup 2\nvotes counted\n")
	f.Add(markerTitle + "\nstarts 3\ngroup 2\nstore pebble\nvotes counted\n")
	f.Add(markerTitle + "\nstarts 3\ngroup 2\nvotes counted\nstore pebble\n")
	f.Add(markerTitle + "\nstarts 3\ngroup 2\nstore ../x\n")
	f.Add(markerTitle + "\nstarts -1\ngroup 18446744073709551616\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMarker(text)
		if err != nil {
			require.ErrorIs(t, err, ErrMarker)
			require.Zero(t, m)
			return
		}
		h := &Home{Dir: t.TempDir()}
		require.NoError(t, h.writeMarker(m))
		again, err := readMarker(filepath.Join(h.Dir, MarkerFile))
		require.NoError(t, err)
		require.Equal(t, m, again)
	})
}

func TestMarkerHoldsEveryCount(t *testing.T) {
	h := &Home{Dir: t.TempDir()}
	for _, m := range []marker{
		{kind: "sqlite"},
		{starts: 1, kind: "sqlite"},
		{starts: 1, kind: "pebble"},
		{starts: math.MaxUint64, group: math.MaxUint64, kind: "sqlite"},
		{starts: 1, kind: "sqlite", votes: true},
		{starts: 1, kind: "pebble", votes: true},
	} {
		require.NoError(t, h.writeMarker(m))
		again, err := readMarker(filepath.Join(h.Dir, MarkerFile))
		require.NoError(t, err)
		require.Equal(t, m, again)
	}
}
