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

var update = flag.Bool("update", false, "write the golden traces anew: after a change of the core that changes what members do")

const goldenFile = "testdata/traces.golden"

// One seed is one trace on every machine. A change of the core that changes what members send
// changes these; see that it was meant, and run the test with -update.
func TestTracesAreThoseOfTheFirstMachine(t *testing.T) {
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
