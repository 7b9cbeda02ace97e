package ephemera_test

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
)

// sizesOfRounds replaces the sizes of the groups whose rounds are measured.
var sizesOfRounds = flag.String("sizes", "", "sizes of the groups of BenchmarkRound, such as 7,30,70; default 4,10,20,50, and 100 unless -short")

// roundSizes returns the sizes of the groups whose rounds are measured.
func roundSizes(tb testing.TB) (sizes []int) {
	text := *sizesOfRounds
	switch {
	case text == "" && testing.Short():
		text = "4,10,20,50"
	case text == "":
		text = "4,10,20,50,100"
	}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		require.NoError(tb, err, "-sizes: expected numbers, such as 7,30,70")
		sizes = append(sizes, n)
	}
	return sizes
}

// requireDescriptors skips a benchmark for whose nodes the process may have too few files and
// connections open: both ends of a connection for each pair, of a second one for some, and what
// each node has besides.
func requireDescriptors(b *testing.B, n int) {
	b.Helper()
	ends := n * (n - 1)
	need := ends + ends/10 + 24*n + 100
	if limit := descriptors.Limit(); limit < need {
		// The reason for skipping a benchmark is not printed otherwise.
		fmt.Printf("left out: %s: %d nodes in one process need about %d files and connections, and it may have %d open (%s)\n",
			b.Name(), n, need, limit, descriptors.Advice)
		b.SkipNow()
	}
}

// warmRounds returns how many rounds come before those that are measured. Those of large groups
// take seconds.
func warmRounds(n int) int {
	if n >= 50 {
		return 1
	}
	return 3
}

// connectTime is how long the nodes of a group in one process may take to connect, and one node to
// answer a ping, also on a busy machine.
func connectTime(n int) time.Duration { return 30*time.Second + time.Duration(n*n)*60*time.Millisecond }

func TestSizesOfRoundsAreRead(t *testing.T) {
	before := *sizesOfRounds
	defer func() { *sizesOfRounds = before }()
	*sizesOfRounds = "7,30"
	require.Equal(t, []int{7, 30}, roundSizes(t))
	*sizesOfRounds = ""
	require.Equal(t, []int{4, 10, 20, 50}, roundSizes(t)[:4])
}
