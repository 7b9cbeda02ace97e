package broadcast

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

func TestExpectedCountsWhatIsUnderWay(t *testing.T) {
	b := instance(t, 7, Timing{})
	b.now = began
	open := func(creator int, s state) {
		b.chains[creator].open, b.chains[creator].since = &slot{state: s}, began
	}
	require.Zero(t, b.Expected())

	open(1, asking)
	require.Equal(t, Expected{Verdicts: 1}, b.Expected(), "one block alone")
	open(2, voting)
	require.Equal(t, Expected{Verdicts: 1, Proposals: 4}, b.Expected(), "the others may propose, too")
	open(2, echoed)
	require.Equal(t, Expected{Verdicts: 1, Certificates: 1, Proposals: 4}, b.Expected())
	b.candidate = new(block.Block)
	require.Equal(t, Expected{Verdicts: 2, Certificates: 1, Proposals: 4}, b.Expected(), "its own candidate")
	b.candidate = nil
	open(b.Self, echoed)
	require.Equal(t, Expected{Verdicts: 1, Certificates: 1, Proposals: 4}, b.Expected(), "it makes its own certificate")
	b.chains[3].stop = new(stopped)
	require.Equal(t, Expected{Verdicts: 1, Certificates: 1, Proposals: 3}, b.Expected(), "a stopped chain has no blocks")
	for _, s := range []state{gathering, postponed, waiting, rejected, withheld} {
		open(1, s)
		require.Equal(t, Expected{Certificates: 1, Proposals: 3}, b.Expected(), "state %d may last", s)
	}

	b.now += b.Timing.Retry
	require.Equal(t, Expected{Proposals: 3}, b.Expected(), "its creator may be gone")
	b.Closed = true
	require.Zero(t, b.Expected())
}
