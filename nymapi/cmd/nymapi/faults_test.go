package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a disk or its limits do to them, the programs end with status 1 and say what to do.
func TestProgramsSayWhatToDoAboutADisk(t *testing.T) {
	p := buildPrograms(t)
	node := p.build(t, "ephemera", "ephemera")
	serve := []string{p.contract, "serve", "--home=h", "--expect", "1", "--token", "a token of the test", "--listen", "127.0.0.1:0"}
	measure := []string{p.nymapi, "run", "--home=h", "--contract", "http://127.0.0.1:1", "--token", "a token of the test", "--health-listen", "127.0.0.1:0"}
	for name, test := range map[string]struct {
		damaged string // a file
		limit   string // of ulimit
		command []string
		advice  string
	}{
		"contract, damaged":           {"contract.db", "", serve, "contract backup"},
		"Nym-API, damaged samples":    {"samples.sqlite", "", measure, "samples.sqlite, the measurements"},
		"Nym-API, damaged rewards":    {"nymapi.sqlite", "", measure, "nymapi.sqlite,"},
		"contract, size of files":     {"", "-f 16", serve, "ulimit -f"},
		"Nym-API, size of files":      {"", "-f 16", measure, "ulimit -f"},
		"SQLite node, size of files":  {"", "-f 16", []string{node, "init", "--home=h"}, "ulimit -f"},
		"Pebble node, size of files":  {"", "-f 0", []string{node, "init", "--home=h", "--storage.kind", "pebble"}, "ulimit -f"},
		"contract, no descriptors":    {"", "-n 9", serve, "ulimit -n"},
		"SQLite node, no descriptors": {"", "-n 9", []string{node, "init", "--home=h"}, "ulimit -n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := runsIn{t, t.TempDir()}
			if test.damaged != "" {
				require.NoError(t, os.Mkdir(filepath.Join(r.dir, "h"), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(r.dir, "h", test.damaged), []byte(strings.Repeat("not a database ", 1000)), 0o600))
			}
			command := test.command
			if test.limit != "" {
				command = append([]string{"sh", "-c", "ulimit " + test.limit + ` && exec "$0" "$@"`}, command...)
			}
			output := r.ends(1, command[0], command[1:]...)
			require.Contains(t, output, test.advice)
			require.NotContains(t, output, "goroutine ")
			t.Log(output)
		})
	}
}
