package compare

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheNewestFinishedRunIsTheLatest(t *testing.T) {
	t.Chdir(t.TempDir())
	p := smallPlan(LieZero)
	now := time.Date(2026, 11, 20, 12, 30, 0, 5e6, time.UTC)
	for range 2 { // the link is created, then moved
		f, err := NewFolder("", now, Single, Ephemera)
		require.NoError(t, err)
		require.NoError(t, f.Write([]Scene{{p, NewSummary(p, "test", nil)}}, nil))
		before, err := os.Readlink("results/latest")
		require.NotEqual(t, filepath.Base(f.Path), before, err)
		require.NoError(t, f.Finish())
		after, err := os.Readlink("results/latest")
		require.NoError(t, err)
		require.Equal(t, filepath.Base(f.Path), after)
		now = now.Add(time.Minute)
	}
	require.FileExists(t, "results/20261120T123000.005Z/summary.json")
	data, err := os.ReadFile("results/latest/summary.json")
	require.NoError(t, err)
	var s Summary
	require.NoError(t, json.Unmarshal(data, &s))
	require.FileExists(t, "results/latest/rewards.csv")
	require.FileExists(t, "results/latest/index.html")
	entries, err := os.ReadDir("results/latest")
	require.NoError(t, err)
	require.Len(t, entries, 5, "two folders, three files and no temporary ones")
}

func TestAChosenFolderMustBeEmpty(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	f, err := NewFolder("mine/here", time.Time{}, Single, Ephemera)
	require.NoError(t, err)
	require.Equal(t, "mine/here/single/contract.db", f.Database(Single))
	require.NoError(t, f.Finish())
	require.NoDirExists(t, "results")

	_, err = NewFolder("mine", time.Time{}, Single, Ephemera)
	require.EqualError(t, err, "--out mine: expected a new or an empty folder; give another one, or remove it")
	require.NoError(t, os.WriteFile("file", nil, 0o600))
	_, err = NewFolder("file", time.Time{}, Single, Ephemera)
	require.ErrorContains(t, err, "--out: expected a folder")
	_, err = NewFolder("file/below", time.Time{}, Single, Ephemera)
	require.ErrorContains(t, err, "--out:")
}
