package home_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/sqlite"
)

const network = "home-test"

func open(t *testing.T, dir string) *home.Home {
	t.Helper()
	h, err := home.Open(t.Context(), dir, network, nil)
	require.NoError(t, err)
	return h
}

// begin opens the home, begins a group, and closes the home.
func begin(t *testing.T, dir string, group uint64) {
	t.Helper()
	h := open(t, dir)
	require.NoError(t, h.BeginGroup(group))
	require.NoError(t, h.Close())
}

// mutedThrough opens and closes the home, and returns its MutedThrough.
func mutedThrough(t *testing.T, dir string) uint64 {
	t.Helper()
	h := open(t, dir)
	require.NoError(t, h.Close())
	return h.MutedThrough()
}

func marker(starts, group int) string {
	return fmt.Sprintf("ephemera marker v1: never restore, copy or edit this file\nstarts %d\ngroup %d\nvotes counted\n", starts, group)
}

func writeMarker(t *testing.T, dir string, starts, group int) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, home.MarkerFile), []byte(marker(starts, group)), 0o600))
}

// makeMarker writes the marker as the first start does before it makes the key.
func makeMarker(t *testing.T, dir string) {
	t.Helper()
	text := strings.TrimSuffix(marker(0, 0), "votes counted\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, home.MarkerFile), []byte(text), 0o600))
}

func readMarker(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, home.MarkerFile))
	require.NoError(t, err)
	return string(text)
}

// storeFiles returns the files of the store.
func storeFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, home.StoreFile+"*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func loseStore(t *testing.T, dir string) {
	t.Helper()
	for _, file := range storeFiles(t, dir) {
		require.NoError(t, os.Remove(file))
	}
}

// copyStore returns a function that restores the store as it is now.
func copyStore(t *testing.T, dir string) (restore func()) {
	t.Helper()
	contents := map[string][]byte{}
	for _, file := range storeFiles(t, dir) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		contents[file] = data
	}
	return func() {
		loseStore(t, dir)
		for file, data := range contents {
			require.NoError(t, os.WriteFile(file, data, 0o600))
		}
	}
}

// setIdentity writes the identity to the store, as a start does before it writes the marker.
func setIdentity(t *testing.T, dir string, identity store.Identity) {
	t.Helper()
	st, err := sqlite.Open(filepath.Join(dir, home.StoreFile), nil)
	require.NoError(t, err)
	require.NoError(t, st.SetIdentity(t.Context(), identity))
	require.NoError(t, st.Close())
}

// The first start creates all files, readable by their owner only. Later starts find the same key
// and count.
func TestHomeIsCreatedOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "home")
	first := open(t, dir)
	require.Zero(t, first.MutedThrough())
	require.NoError(t, first.Close())
	require.Equal(t, marker(1, 0), readMarker(t, dir))
	for file, mode := range map[string]os.FileMode{"": 0o700, home.KeyFile: 0o600, home.MarkerFile: 0o600, home.CounterFile: 0o600, home.LockFile: 0o600} {
		info, err := os.Stat(filepath.Join(dir, file))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), file)
	}
	second := open(t, dir)
	require.Equal(t, first.Key.Public(), second.Key.Public())
	identity, err := second.Store.Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.Identity{Network: network, Key: first.Key.Public(), Starts: 2}, identity)
	require.NoError(t, second.BeginGroup(4))
	require.NoError(t, second.BeginGroup(3), "an earlier group is covered")
	require.NoError(t, second.Close())
	require.Equal(t, marker(2, 4), readMarker(t, dir))
}

// A start that stopped between two of its steps is continued by the next one. The node is not
// muted, because it signed nothing.
func TestInterruptedStartIsContinued(t *testing.T) {
	makeStore := func(t *testing.T, dir string) {
		st, err := sqlite.Open(filepath.Join(dir, home.StoreFile), nil)
		require.NoError(t, err)
		require.NoError(t, st.Close())
	}
	makeKey := func(t *testing.T, dir string) keys.Private {
		key, err := keys.Create(filepath.Join(dir, home.KeyFile))
		require.NoError(t, err)
		return key
	}
	for name, prepare := range map[string]func(*testing.T, string){
		"folder": func(*testing.T, string) {},
		"store":  makeStore,
		"store, marker": func(t *testing.T, dir string) {
			makeStore(t, dir)
			makeMarker(t, dir)
		},
		"store, marker, key": func(t *testing.T, dir string) {
			makeStore(t, dir)
			makeMarker(t, dir)
			makeKey(t, dir)
		},
		"store, marker, key, first start counted in the store": func(t *testing.T, dir string) {
			makeMarker(t, dir)
			setIdentity(t, dir, store.Identity{Network: network, Key: makeKey(t, dir).Public(), Starts: 1})
		},
		"a later start counted in the store": func(t *testing.T, dir string) {
			begin(t, dir, 7)
			before := readMarker(t, dir)
			begin(t, dir, 7)
			require.NoError(t, os.WriteFile(filepath.Join(dir, home.MarkerFile), []byte(before), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			prepare(t, dir)
			require.Zero(t, mutedThrough(t, dir))
			require.Zero(t, mutedThrough(t, dir))
		})
	}
}

// If the store is lost or an older copy, the node is muted forever in the groups in which it
// signed, and in no later one.
func TestLostStoreMutes(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, dir string) func(){
		"lost": func(t *testing.T, dir string) func() { return func() { loseStore(t, dir) } },
		"an older copy": func(t *testing.T, dir string) func() {
			return copyStore(t, dir)
		},
		"lost, and the start stopped before it was counted": func(t *testing.T, dir string) func() {
			return func() {
				loseStore(t, dir)
				st, err := sqlite.Open(filepath.Join(dir, home.StoreFile), nil)
				require.NoError(t, err)
				require.NoError(t, st.Close())
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			begin(t, dir, 1)
			happen := lose(t, dir)
			begin(t, dir, 3)
			happen()
			require.Equal(t, uint64(3), mutedThrough(t, dir))
			require.Equal(t, uint64(3), mutedThrough(t, dir), "a restart does not change it")
			begin(t, dir, 4)
			require.Equal(t, uint64(3), mutedThrough(t, dir), "the store was complete when the node signed in group 4")
			loseStore(t, dir)
			require.Equal(t, uint64(4), mutedThrough(t, dir))
		})
	}
}

// The loss of the store mutes the node even if the next start stops between the store's count and
// the marker's.
func TestLostStoreMutesAcrossAStoppedStart(t *testing.T) {
	dir := t.TempDir()
	begin(t, dir, 2)
	loseStore(t, dir)
	before := readMarker(t, dir)
	require.Equal(t, uint64(2), mutedThrough(t, dir))
	require.NoError(t, os.WriteFile(filepath.Join(dir, home.MarkerFile), []byte(before), 0o600))
	require.Equal(t, uint64(2), mutedThrough(t, dir))
}

// Mute takes effect immediately and after every later start.
func TestMuteLasts(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir)
	require.NoError(t, h.BeginGroup(5))
	require.NoError(t, h.Mute(5))
	require.Equal(t, uint64(5), h.MutedThrough())
	require.NoError(t, h.Mute(2))
	require.Equal(t, uint64(5), h.MutedThrough(), "never less")
	require.NoError(t, h.Close())
	require.Equal(t, uint64(5), mutedThrough(t, dir))
}

// A home whose files contradict each other is refused.
func TestContradictionsAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, dir string)
		err   error
	}{
		"key without marker": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, home.MarkerFile)))
		}, home.ErrMarker},
		"marker without key": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, home.KeyFile)))
		}, home.ErrMarker},
		"older marker": {func(t *testing.T, dir string) { writeMarker(t, dir, 1, 1) }, home.ErrMarker},
		"edited marker": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, home.MarkerFile), []byte("starts 9\n"), 0o600))
		}, home.ErrMarker},
		"another node's store": {func(t *testing.T, dir string) {
			other := t.TempDir()
			begin(t, other, 1)
			begin(t, other, 1)
			begin(t, other, 1)
			loseStore(t, dir)
			for _, file := range storeFiles(t, other) {
				data, err := os.ReadFile(file)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(file)), data, 0o600))
			}
		}, store.ErrForeign},
		"key that others can read": {func(t *testing.T, dir string) {
			require.NoError(t, os.Chmod(filepath.Join(dir, home.KeyFile), 0o644))
		}, keys.ErrKeyFile},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for range 3 {
				begin(t, dir, 1)
			}
			test.spoil(t, dir)
			for range 2 {
				_, err := home.Open(t.Context(), dir, network, nil)
				require.ErrorIs(t, err, test.err)
				require.ErrorContains(t, err, dir)
			}
		})
	}
	t.Run("another network", func(t *testing.T) {
		dir := t.TempDir()
		begin(t, dir, 1)
		_, err := home.Open(t.Context(), dir, "elsewhere", nil)
		require.ErrorIs(t, err, store.ErrForeign)
	})
}

// A home has one node at a time, in this process or another. The lock ends with its holder.
func TestHomeIsLocked(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir)
	_, err := home.Open(t.Context(), dir, network, nil)
	require.ErrorIs(t, err, home.ErrLocked)
	require.NoError(t, h.Close())

	ctx, kill := context.WithCancel(t.Context())
	other := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHelperHoldsHome$")
	other.Env = append(os.Environ(), "HOLD_HOME="+dir)
	out, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held", strings.TrimSpace(line))
	_, err = home.Open(t.Context(), dir, network, nil)
	require.ErrorIs(t, err, home.ErrLocked)
	kill() // with SIGKILL
	require.Error(t, other.Wait())
	require.NoError(t, open(t, dir).Close())
}

// TestHelperHoldsHome is the other process of TestHomeIsLocked.
func TestHelperHoldsHome(t *testing.T) {
	dir := os.Getenv("HOLD_HOME")
	if dir == "" {
		return
	}
	_, err := home.Open(t.Context(), dir, network, nil)
	require.NoError(t, err)
	fmt.Println("held")
	select {} // until it is killed
}

// The error about a home that cannot be created names the folder.
func TestUnusableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := home.Open(t.Context(), file, network, nil)
	require.ErrorContains(t, err, file)
}

// The error about a store that cannot be opened names the store, and the folder is unlocked
// again.
func TestAStoreThatCannotBeOpenedIsAnError(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, home.StoreFile)
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("not a database\n", 100)), 0o600))
	_, err := home.Open(t.Context(), dir, network, nil)
	require.ErrorContains(t, err, home.StoreFile)
	require.NoError(t, os.Remove(file))
	require.NoError(t, open(t, dir).Close())
}
