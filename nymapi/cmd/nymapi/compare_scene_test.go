package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
	"github.com/ephemera-go/nym-rewarding/nymapi/scenes"
)

// compareScene runs nymapi compare in an empty folder, and requires that nothing is written there.
func compareScene(t *testing.T, args ...string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), append([]string{"compare"}, args...), &stdout, &stderr), stderr.String())
	require.Empty(t, stderr.String())
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, entries)
	return stdout.String()
}

func requireNarrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), paragraph.Width, line)
	}
}

func TestListOfScenesNamesAll(t *testing.T) {
	list := compareScene(t, "--scene", "list")
	requireNarrow(t, list)
	for _, s := range scenes.All() {
		require.Regexp(t, `(?m)^`+s.Name+` +`+s.Title+`$`, list)
		require.Contains(t, list, s.Reports[0])
	}
	var all []scenes.Scene
	require.NoError(t, json.Unmarshal([]byte(compareScene(t, "--scene", "list", "--json")), &all))
	require.Len(t, all, len(scenes.All()))
}

func TestEverySceneIsToldAndPaid(t *testing.T) {
	for _, s := range scenes.All() {
		t.Run(s.Name, func(t *testing.T) {
			text := compareScene(t, "--scene", s.Name)
			requireNarrow(t, text)
			flat := strings.Join(strings.Fields(text), " ")
			for _, part := range []string{s.Title, s.Reports[0], "What happened there: " + s.Happened, "What it teaches: " + s.Teaches} {
				require.Contains(t, flat, part)
			}
			acts, err := s.Play(1)
			require.NoError(t, err)
			for _, act := range acts {
				require.Contains(t, flat, act.Title)
				for _, line := range act.Lines {
					require.Contains(t, text, "\n"+line.Way+" ")
				}
				for _, sentence := range act.Says {
					require.Contains(t, flat, sentence)
				}
			}
			var played playedScene
			require.NoError(t, json.Unmarshal([]byte(compareScene(t, "--scene", s.Name, "--json")), &played))
			require.Equal(t, acts, played.Acts)
			require.Equal(t, s.Name, played.Name)
		})
	}
}

func TestSeedSelectsTheWorldOfAScene(t *testing.T) {
	one, two := compareScene(t, "--scene", "zeros"), compareScene(t, "--scene", "zeros", "--seed", "2")
	require.Contains(t, one, "world of seed 1.")
	require.Contains(t, two, "world of seed 2.")
	require.NotEqual(t, strings.ReplaceAll(one, "seed 1", ""), strings.ReplaceAll(two, "seed 2", ""))
}

func TestScenesRefuseUnknownNamesAndFlagsOfComparisons(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--scene outtage", `--scene "outtage": expected the name of a scene; did you mean outage? Give --scene list to see all`},
		{"--scene lsit", "did you mean list?"},
		{"--scene nothing-like-it", "expected the name of a scene; give --scene list to see all"},
		{"--scene outage --nodes 7", "--nodes 7: expected it without --scene"},
		{"--scene list --out x", "--out x: expected it without --scene"},
		{"--scene", "flag needs an argument: --scene"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, command.ExitUsage, run(t.Context(), append([]string{"compare"}, strings.Fields(tt.args)...), &stdout, &stderr), tt.args)
		require.Empty(t, stdout.String(), tt.args)
		require.Contains(t, stderr.String(), tt.want)
	}
	t.Setenv("NYMAPI_LIARS", "1")
	var stdout, stderr bytes.Buffer
	require.Equal(t, command.ExitUsage, run(t.Context(), []string{"compare", "--scene", "outage"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "--liars 1: expected it without --scene")
}

// TestReadmeShowsASceneAsItIs keeps the example in the README up to date.
func TestReadmeShowsASceneAsItIs(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "```text\n"+compareScene(t, "--scene", "outage")+"```\n")
}
