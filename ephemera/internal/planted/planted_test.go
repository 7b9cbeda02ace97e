package planted_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/planted"
)

// enough is how many schedules the search may need to find a planted bug.
const enough = 20_000

// shortPart lists the bugs that a short run builds and searches for. They are found soon, and few
// packages depend on theirs.
var shortPart = []string{"03-echo-before-persist.patch", "21-evidence-ignored.patch", "24-removed-on-one-word.patch"}

func TestEveryPatchApplies(t *testing.T) {
	names, root := bugs(t)
	for _, name := range names {
		_, err := planted.Overlay(name, root, t.TempDir())
		require.NoError(t, err)
	}
	require.Subset(t, names, shortPart)
}

// The search finds every bug, and not something else: the seed that fails with the bug passes
// without it. The drawn schedules may differ, because a bug may change what is drawn.
func TestSearchFindsEveryPlantedBug(t *testing.T) {
	names, root := bugs(t)
	if testing.Short() {
		names = shortPart
	}
	clean := filepath.Join(t.TempDir(), "search")
	out, err := command(t, root, "go", "build", "-o", clean, "./simulation/cmd/search")
	require.NoError(t, err, out)
	for _, name := range names {
		t.Run(strings.TrimSuffix(name, ".patch"), func(t *testing.T) {
			dir := t.TempDir()
			overlay, err := planted.Overlay(name, root, dir)
			require.NoError(t, err)
			search := filepath.Join(dir, "search")
			out, err := command(t, root, "go", "build", "-overlay", overlay, "-o", search, "./simulation/cmd/search")
			require.NoError(t, err, out)
			out, err = command(t, root, search, "-schedules", strconv.Itoa(enough), "-seed", "1", "-stop", "1", "-noshrink")
			require.Error(t, err, "%d schedules passed with a bug", enough)
			violation := found(t, out, `violation of .*`)
			schedules := found(t, out, `schedules: (\d+), violations: \d+, seed: 1`)
			seed := found(t, out, `seed (\d+), \d+ nodes, .*`)
			out, err = command(t, root, clean, "-schedules", "1", "-seed", seed, "-noshrink")
			if err != nil {
				t.Fatalf("after %s schedules: %s\nwithout the bug, seed %s fails, too: %s", schedules, violation, seed, found(t, out, `violation of .*`))
			}
			t.Logf("after %s schedules: %s", schedules, violation)
		})
	}
}

// found returns the last group of a pattern that matches a line of what a program printed.
func found(t *testing.T, out, pattern string) string {
	t.Helper()
	groups := regexp.MustCompile("(?m)^" + pattern + "$").FindStringSubmatch(out)
	require.NotEmpty(t, groups, out)
	return groups[len(groups)-1]
}

// bugs returns the patches' names and the module's root.
func bugs(t *testing.T) (names []string, root string) {
	t.Helper()
	names, err := planted.Names()
	require.NoError(t, err)
	root, err = filepath.Abs("../..")
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(root, "go.mod"))
	return names, root
}

// command runs a program in a folder and returns everything that it prints.
func command(t *testing.T, dir, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	cmd.Dir, cmd.Env = dir, os.Environ()
	out, err := cmd.CombinedOutput()
	return string(out), err
}
