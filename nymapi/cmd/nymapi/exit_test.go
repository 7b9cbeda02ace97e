package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	statusInHelp     = regexp.MustCompile(`(?m)^  (\d+) +\S`)
	statusInDocument = regexp.MustCompile(`(?m)^\| (\d+) \| `)
)

// The binaries end with the statuses that their help and the documents list. Status 3 is shown by
// TestAStrangerVerifiesAComparison, and 78 by TestHaltedNymAPINeverSignsAgain.
func TestProgramsEndWithTheStatusesInTheirHelp(t *testing.T) {
	p := buildPrograms(t)
	nodes := p.build(t, "ephemera", "ephemera")
	t.Run("signals", func(t *testing.T) { testSignals(t, p, nodes) })
	t.Run("closed logs", func(t *testing.T) { testClosedLogs(t, p, nodes) })
	document, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "EPHEMERA.md"))
	require.NoError(t, err)
	_, table, found := strings.Cut(string(document), "| exit status | meaning |")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	documented := numbers(statusInDocument, table)
	require.Equal(t, []string{"0", "1", "2", "78", "130"}, documented)

	missing := filepath.Join(t.TempDir(), "missing")
	for _, program := range []struct {
		path     string
		fails    []string
		statuses []string
	}{
		{nodes, []string{"status", "--url", "http://127.0.0.1:1"}, documented},
		{p.nymapi, []string{"health", "--health-listen", "127.0.0.1:1"}, documented},
		{p.contract, []string{"inspect", "--db", missing}, []string{"0", "1", "2", "3", "130"}},
	} {
		status, help := ended(t, program.path, "--help")
		require.Zero(t, status, help)
		_, listed, found := strings.Cut(help, "Exit status:\n")
		require.True(t, found, help)
		listed, _, _ = strings.Cut(listed, "\n\n")
		require.Equal(t, program.statuses, numbers(statusInHelp, listed), program.path)

		status, output := ended(t, program.path, program.fails...)
		require.Equal(t, 1, status, output)
		status, output = ended(t, program.path, "nonsense")
		require.Equal(t, 2, status, output)
	}
}

func numbers(row *regexp.Regexp, table string) []string {
	var found []string
	for _, match := range row.FindAllStringSubmatch(table, -1) {
		found = append(found, match[1])
	}
	return found
}

// ended runs a program and returns its exit status and output.
func ended(t *testing.T, program string, args ...string) (status int, output string) {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(text)
	}
	require.NoError(t, err)
	return 0, string(text)
}
