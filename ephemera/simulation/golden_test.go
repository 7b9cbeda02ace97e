package simulation_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

var update = flag.Bool("update", false, "rewrite the golden traces, after a change of the core that changes what members do")

const goldenFile = "testdata/traces.golden"

// A seed is the same trace on every machine. A change of what members send changes the traces: see
// that this was meant, and run the test with -update.
func TestTracesAreTheSameOnEveryMachine(t *testing.T) {
	var text strings.Builder
	for seed := range uint64(12) {
		result := run(t, simulation.Draw(seed, simulation.Range{RealEvery: 6}))
		fmt.Fprintf(&text, "seed %d: %016x\n", seed, result.Hash)
	}
	if *update {
		require.NoError(t, os.WriteFile(goldenFile, []byte(text.String()), 0o600))
	}
	want, err := os.ReadFile(goldenFile)
	require.NoError(t, err)
	require.Equal(t, string(want), text.String())
}
