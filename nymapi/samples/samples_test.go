package samples_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/samples"
)

var (
	origin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	two    = []metrics.MixID{"m1", "m2"}
)

const missing = metrics.Missing

func at(d time.Duration) time.Time { return origin.Add(d) }

func open(t testing.TB, path string) *samples.Store {
	t.Helper()
	store, err := samples.Open(t.Context(), path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func fresh(t testing.TB) *samples.Store { return open(t, filepath.Join(t.TempDir(), "samples.db")) }

func averages(t *testing.T, store *samples.Store, from, to time.Duration) []metrics.Uptime {
	t.Helper()
	values, err := store.Averages(t.Context(), two, at(from), at(to))
	require.NoError(t, err)
	return values
}

func TestTheWindowIsHalfOpen(t *testing.T) {
	store := fresh(t)
	require.NoError(t, store.Record(t.Context(), []metrics.Sample{
		{Mixnode: "m1", Time: at(-time.Millisecond), Value: 1},
		{Mixnode: "m1", Time: at(0), Value: 10},
		{Mixnode: "m1", Time: at(time.Second - time.Nanosecond), Value: 20}, // the last millisecond
		{Mixnode: "m1", Time: at(time.Second), Value: 100},
		{Mixnode: "other", Time: at(0), Value: 100},
	}))
	require.Equal(t, []metrics.Uptime{1500, missing}, averages(t, store, 0, time.Second))
	require.Equal(t, []metrics.Uptime{10000, missing}, averages(t, store, time.Second, 2*time.Second))
	require.Equal(t, []metrics.Uptime{100, missing}, averages(t, store, -time.Second, 0))
	require.Equal(t, []metrics.Uptime{missing, missing}, averages(t, store, 0, 0))
	require.Equal(t, []metrics.Uptime{3275, missing}, averages(t, store, -time.Hour, time.Hour))

	_, err := store.Averages(t.Context(), two, at(time.Second), at(0))
	require.ErrorIs(t, err, samples.ErrWindow)
}

func TestZeroIsAValueAndMissingIsNone(t *testing.T) {
	store := fresh(t)
	require.NoError(t, store.Record(t.Context(), []metrics.Sample{
		{Mixnode: "m1", Time: at(0), Value: 0},
		{Mixnode: "m1", Time: at(time.Second), Value: 0},
		{Mixnode: "m1", Time: at(2 * time.Second), Value: 100},
	}))
	require.Equal(t, []metrics.Uptime{3333, missing}, averages(t, store, 0, time.Minute))
	require.Equal(t, []metrics.Uptime{0, missing}, averages(t, store, 0, 2*time.Second))
}

func TestRecordingAgainChangesNothing(t *testing.T) {
	store := fresh(t)
	sample := metrics.Sample{Mixnode: "m1", Time: at(0), Value: 40}
	require.NoError(t, store.Record(t.Context(), []metrics.Sample{sample, sample}))
	require.NoError(t, store.Record(t.Context(), []metrics.Sample{sample}))
	sample.Value = 90
	require.NoError(t, store.Record(t.Context(), []metrics.Sample{sample}))
	require.Equal(t, []metrics.Uptime{4000, missing}, averages(t, store, 0, time.Second))
}

func TestRecordStoresAllOrNothing(t *testing.T) {
	store := fresh(t)
	good := metrics.Sample{Mixnode: "m1", Time: at(0), Value: 40}
	for _, bad := range []metrics.Sample{
		{Mixnode: "m2", Time: at(0), Value: 101},
		{Mixnode: "", Time: at(0), Value: 1},
		{Mixnode: "with space", Time: at(0), Value: 1},
	} {
		err := store.Record(t.Context(), []metrics.Sample{good, bad})
		require.ErrorIs(t, err, samples.ErrSample)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, store.Record(cancelled, []metrics.Sample{good}), context.Canceled)
	require.NoError(t, store.Record(t.Context(), nil))
	require.Equal(t, []metrics.Uptime{missing, missing}, averages(t, store, 0, time.Second))
	require.NoError(t, store.Record(t.Context(), []metrics.Sample{good}), "the store still works")
}

func TestPruneRemovesWhatIsOlder(t *testing.T) {
	store := fresh(t)
	for i := range 10 {
		require.NoError(t, store.Record(t.Context(), []metrics.Sample{
			{Mixnode: "m1", Time: at(time.Duration(i) * time.Second), Value: uint8(i)},
			{Mixnode: "m2", Time: at(time.Duration(i) * time.Second), Value: 100},
		}))
	}
	removed, err := store.Prune(t.Context(), at(8*time.Second))
	require.NoError(t, err)
	require.EqualValues(t, 16, removed)
	require.Equal(t, []metrics.Uptime{850, 10000}, averages(t, store, 0, time.Minute))
	removed, err = store.Prune(t.Context(), at(8*time.Second))
	require.NoError(t, err)
	require.Zero(t, removed)
}

func TestSamplesSurviveClosingAndOddPaths(t *testing.T) {
	path := filepath.Join(t.TempDir(), "100% a?b#c & d.db")
	store, err := samples.Open(t.Context(), path, nil)
	require.NoError(t, err)
	require.NoError(t, store.Record(t.Context(), []metrics.Sample{{Mixnode: "m2", Time: at(0), Value: 7}}))
	require.NoError(t, store.Close())
	require.FileExists(t, path)
	require.NoFileExists(t, path+"-wal")
	require.Equal(t, []metrics.Uptime{missing, 700}, averages(t, open(t, path), 0, time.Second))
}

func TestOpenErrorsNameTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent", "samples.db")
	_, err := samples.Open(t.Context(), path, nil)
	require.ErrorContains(t, err, path)
}

// TestTheFileLosesNothingCommitted checks the settings through a second connection and in the file.
func TestTheFileLosesNothingCommitted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples.db")
	store := open(t, path)
	require.NoError(t, store.Record(t.Context(), []metrics.Sample{{Mixnode: "m1", Time: at(0), Value: 7}}))
	db, err := sqlx.Open("sqlite3", "file:"+path+"?mode=ro")
	require.NoError(t, err)
	defer db.Close()
	var mode, check string
	require.NoError(t, db.Get(&mode, `PRAGMA journal_mode`))
	require.NoError(t, db.Get(&check, `PRAGMA integrity_check`))
	require.Equal(t, []string{"wal", "ok"}, []string{mode, check})
	var plan []string
	require.NoError(t, db.Select(&plan,
		`SELECT detail FROM pragma_table_list() JOIN (SELECT 'strict' AS detail) WHERE name = 'sample' AND strict = 1 AND wr = 1`))
	require.Equal(t, []string{"strict"}, plan)
}

func TestConcurrentUseLosesNothing(t *testing.T) {
	store := fresh(t)
	group, ctx := errgroup.WithContext(t.Context())
	for worker := range 8 {
		group.Go(func() error {
			for i := range 20 {
				tick := time.Duration(worker*20+i) * time.Millisecond
				if err := store.Record(ctx, []metrics.Sample{{Mixnode: "m1", Time: at(tick), Value: 50}}); err != nil {
					return err
				}
				values, err := store.Averages(ctx, two, at(0), at(time.Second))
				if err != nil {
					return err
				}
				if !slices.Equal(values, []metrics.Uptime{5000, missing}) {
					return errors.New("an average of half a batch: " + fmt.Sprint(values))
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	removed, err := store.Prune(t.Context(), at(time.Hour))
	require.NoError(t, err)
	require.EqualValues(t, 160, removed)
}

// TestAveragesEqualThoseOfTheSamplesInTheWindow compares the store with a list.
func TestAveragesEqualThoseOfTheSamplesInTheWindow(t *testing.T) {
	ids := []metrics.MixID{"m1", "m2", "m3"}
	dir, files := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		files++
		store, err := samples.Open(context.Background(), filepath.Join(dir, fmt.Sprint(files)), nil)
		require.NoError(t, err)
		defer store.Close()
		offset := rapid.Int64Range(-50, 50)
		first := map[metrics.MixID]map[int64]uint8{"m1": {}, "m2": {}, "m3": {}}
		var all []metrics.Sample
		for range rapid.IntRange(0, 60).Draw(t, "samples") {
			id, ms := rapid.SampledFrom(ids).Draw(t, "mixnode"), offset.Draw(t, "ms")
			value := rapid.Uint8Range(0, 100).Draw(t, "value")
			all = append(all, metrics.Sample{Mixnode: id, Time: time.UnixMilli(ms), Value: value})
			if _, ok := first[id][ms]; !ok {
				first[id][ms] = value
			}
		}
		require.NoError(t, store.Record(context.Background(), all))
		start := offset.Draw(t, "start")
		end := start + rapid.Int64Range(0, 60).Draw(t, "length")
		want := make([]metrics.Uptime, len(ids))
		for i, id := range ids {
			var inside []uint8
			for ms, value := range first[id] {
				if start <= ms && ms < end {
					inside = append(inside, value)
				}
			}
			want[i] = metrics.Average(inside)
		}
		got, err := store.Averages(context.Background(), ids, time.UnixMilli(start), time.UnixMilli(end))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// manySamples returns the samples of n mixnodes at one tick.
func manySamples(n int, tick time.Duration) ([]metrics.MixID, []metrics.Sample) {
	ids, all := make([]metrics.MixID, n), make([]metrics.Sample, n)
	for i := range n {
		ids[i] = metrics.MixID(fmt.Sprintf("m%05d", i+1))
		all[i] = metrics.Sample{Mixnode: ids[i], Time: at(tick), Value: uint8(i % 101)}
	}
	return ids, all
}

func BenchmarkRecord10000(b *testing.B) {
	store := fresh(b)
	tick := time.Duration(0)
	for b.Loop() {
		tick += time.Second
		_, all := manySamples(10_000, tick)
		require.NoError(b, store.Record(b.Context(), all))
	}
}

func BenchmarkAverages10000MixnodesOf20Ticks(b *testing.B) {
	store := fresh(b)
	var ids []metrics.MixID
	for tick := range 100 {
		names, all := manySamples(10_000, time.Duration(tick)*time.Second)
		require.NoError(b, store.Record(b.Context(), all))
		ids = names
	}
	for b.Loop() {
		_, err := store.Averages(b.Context(), ids, at(40*time.Second), at(60*time.Second))
		require.NoError(b, err)
	}
}
