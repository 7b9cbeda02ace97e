package home_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/sqlite"
)

// vote makes the home's node vote for a block of its own at a height, and counts the vote, as a
// node does before it signs.
func vote(t *testing.T, h *home.Home, height uint64) {
	t.Helper()
	commitVote(t, h, height)
	require.NoError(t, h.CountVotes())
}

// commitVote is vote without the count.
func commitVote(t *testing.T, h *home.Home, height uint64) {
	t.Helper()
	group, err := membership.NewGroup(network, 1, []keys.Public{h.Key.Public()}, membership.Limits{})
	require.NoError(t, err)
	b := block.New(group, h.Key.Public(), height, block.ID{}, int64(height), nil)
	require.NoError(t, h.Store.Commit(t.Context(), []store.Write{store.PutVote{Block: b}}))
}

// voted opens the home, votes at these heights in group 1, and closes the home.
func voted(t *testing.T, dir string, heights ...uint64) {
	t.Helper()
	h := open(t, dir)
	require.NoError(t, h.BeginGroup(1))
	for _, height := range heights {
		vote(t, h, height)
	}
	require.NoError(t, h.Close())
}

func counterFile(dir string) string { return filepath.Join(dir, home.CounterFile) }

func readCounter(t *testing.T, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(counterFile(dir))
	require.NoError(t, err)
	return data
}

func writeCounter(t *testing.T, dir string, data []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(counterFile(dir), data, 0o600))
}

// storedVotes returns what the store of a home counts.
func storedVotes(t *testing.T, dir string) uint64 {
	t.Helper()
	h := open(t, dir)
	defer h.Close()
	identity, err := h.Store.Identity(t.Context())
	require.NoError(t, err)
	return identity.Votes
}

// A home whose votes are all there is not muted, also if a crash fell between the store's commit
// and the count.
func TestCountedVotesDoNotMute(t *testing.T) {
	dir := t.TempDir()
	for height := uint64(1); height < 8; height++ {
		voted(t, dir, 2*height, 2*height+1)
		h := open(t, dir)
		commitVote(t, h, 100+height)
		require.NoError(t, h.Close())
		require.Zero(t, mutedThrough(t, dir))
		require.Equal(t, 3*height, storedVotes(t, dir))
	}
}

// A store that lost its newest votes since the last start is noticed, and so is a counter that is
// missing, damaged or an older copy: the node signs nothing more in the groups in which it signed.
func TestLostVotesMute(t *testing.T) {
	spoil := func(change func(data []byte) []byte) func(*testing.T, string) func() {
		return func(t *testing.T, dir string) func() {
			return func() { writeCounter(t, dir, change(readCounter(t, dir))) }
		}
	}
	for name, test := range map[string]struct {
		lose   func(t *testing.T, dir string) func()
		reason string
	}{
		"a copy of the store since the last start": {func(t *testing.T, dir string) func() { return copyStore(t, dir) }, "the counter of votes is at 5, the store at 2"},
		"an older copy of the counter": {func(t *testing.T, dir string) func() {
			older := readCounter(t, dir)
			return func() { writeCounter(t, dir, older) }
		}, "the counter of votes is an older copy: it is at 2, the store at 5"},
		"no counter": {func(t *testing.T, dir string) func() {
			return func() { require.NoError(t, os.Remove(counterFile(dir))) }
		}, "the counter of votes is missing"},
		"an empty counter":  {spoil(func([]byte) []byte { return nil }), "the counter of votes cannot be read"},
		"a short counter":   {spoil(func(data []byte) []byte { return data[:len(data)-1] }), "the counter of votes cannot be read"},
		"a longer counter":  {spoil(func(data []byte) []byte { return append(data, 0) }), "the counter of votes cannot be read"},
		"a counter of zero": {spoil(func(data []byte) []byte { return make([]byte, len(data)) }), "the counter of votes cannot be read"},
		"a mixed counter": {func(t *testing.T, dir string) func() {
			older := readCounter(t, dir)
			return func() { writeCounter(t, dir, append(older[:4096], readCounter(t, dir)[4096:]...)) }
		}, "its slots do not belong together"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			voted(t, dir, 1, 2)
			h := open(t, dir)
			require.NoError(t, h.BeginGroup(3))
			happen := test.lose(t, dir)
			for height := uint64(3); height < 6; height++ {
				vote(t, h, height)
			}
			require.NoError(t, h.Close())
			happen()

			var log bytes.Buffer
			h, err := home.Open(t.Context(), dir, network, slog.New(slog.NewTextHandler(&log, nil)))
			require.NoError(t, err)
			require.NoError(t, h.Close())
			require.Equal(t, uint64(3), h.MutedThrough())
			require.Contains(t, log.String(), "votes were lost")
			require.Contains(t, log.String(), test.reason)
			require.Equal(t, uint64(3), mutedThrough(t, dir), "a restart does not change it")

			begin(t, dir, 4)
			voted(t, dir, 10, 11)
			require.Equal(t, uint64(3), mutedThrough(t, dir), "nothing was lost since")
		})
	}
}

// setStarts lets the store count a number of starts.
func setStarts(t *testing.T, dir string, starts uint64) {
	t.Helper()
	st, err := sqlite.Open(filepath.Join(dir, home.StoreFile), nil)
	require.NoError(t, err)
	identity, err := st.Identity(t.Context())
	require.NoError(t, err)
	identity.Starts = starts
	require.NoError(t, st.SetIdentity(t.Context(), identity))
	require.NoError(t, st.Close())
}

// A write of the counter that a power loss tears damages one slot. It began after the store's
// commit: if the store holds that vote the home continues, and if not the vote is lost.
func TestTornCounter(t *testing.T) {
	for torn, before := range map[int][]uint64{1: {1, 2, 3}, 12: {1, 2}, 20: {1}, 27: {1, 2, 3, 4}} {
		dir := t.TempDir()
		voted(t, dir, before...)
		tearCounter(t, dir, torn)
		require.Zero(t, mutedThrough(t, dir))
		require.Equal(t, uint64(len(before)+1), storedVotes(t, dir))

		dir = t.TempDir()
		voted(t, dir, before...)
		h := open(t, dir)
		restore := copyStore(t, dir)
		require.NoError(t, h.Close())
		tearCounter(t, dir, torn)
		restore()
		setStarts(t, dir, 3)
		require.Equal(t, uint64(1), mutedThrough(t, dir))
	}
}

// tearCounter votes once more, and damages the slot that this wrote from a byte on.
func tearCounter(t *testing.T, dir string, from int) {
	t.Helper()
	before := readCounter(t, dir)
	voted(t, dir, 99)
	after := readCounter(t, dir)
	for _, at := range []int{0, 4096} {
		if !bytes.Equal(before[at:at+28], after[at:at+28]) {
			for i := at + from; i < at+28; i++ {
				after[i] = ^before[i]
			}
		}
	}
	writeCounter(t, dir, after)
}

// A home of an older program has no counter. It gets one at its first start.
func TestHomeWithoutCounterGetsOne(t *testing.T) {
	dir := t.TempDir()
	voted(t, dir, 1, 2)
	require.NoError(t, os.Remove(counterFile(dir)))
	text := strings.TrimSuffix(readMarker(t, dir), "votes counted\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, home.MarkerFile), []byte(text), 0o600))

	require.Zero(t, mutedThrough(t, dir))
	require.Equal(t, text[:len(text)-len("starts 1\ngroup 1\n")]+"starts 2\ngroup 1\nvotes counted\n", readMarker(t, dir))
	voted(t, dir, 3)
	require.Zero(t, mutedThrough(t, dir))
	require.NoError(t, os.Remove(counterFile(dir)))
	require.Equal(t, uint64(1), mutedThrough(t, dir))
}

// A loss is remembered even if the start that notices it stops before the marker counts it.
func TestLostVotesMuteAcrossAStoppedStart(t *testing.T) {
	dir := t.TempDir()
	voted(t, dir, 1)
	h := open(t, dir)
	restore := copyStore(t, dir)
	vote(t, h, 2)
	require.NoError(t, h.Close())
	restore()
	marker, counter := readMarker(t, dir), readCounter(t, dir)
	for range 2 {
		require.Equal(t, uint64(1), mutedThrough(t, dir))
		require.NoError(t, os.WriteFile(filepath.Join(dir, home.MarkerFile), []byte(marker), 0o600))
		writeCounter(t, dir, counter)
	}
	restore()
	require.Equal(t, uint64(1), mutedThrough(t, dir), "the store lost the notice as well")
}

// A counter that cannot be written is an error, and nothing may be signed.
func TestCounterThatCannotBeWritten(t *testing.T) {
	h := open(t, t.TempDir())
	commitVote(t, h, 1)
	require.NoError(t, h.Close())
	require.ErrorContains(t, h.CountVotes(), "write votes")
	_, err := h.Store.Identity(context.Background())
	require.Error(t, err)
	require.False(t, errors.Is(err, store.ErrNotFound))
}

// BenchmarkVote is the commit of a vote, with and without its count outside the store.
func BenchmarkVote(b *testing.B) {
	for name, count := range map[string]bool{"counted": true, "uncounted": false} {
		b.Run(name, func(b *testing.B) {
			h, err := home.Open(b.Context(), b.TempDir(), network, nil)
			require.NoError(b, err)
			defer h.Close()
			group, err := membership.NewGroup(network, 1, []keys.Public{h.Key.Public()}, membership.Limits{})
			require.NoError(b, err)
			height := uint64(0)
			for b.Loop() {
				height++
				blk := block.New(group, h.Key.Public(), height, block.ID{}, int64(height), nil)
				require.NoError(b, h.Store.Commit(b.Context(), []store.Write{store.PutVote{Block: blk}}))
				if count {
					require.NoError(b, h.CountVotes())
				}
			}
		})
	}
}
