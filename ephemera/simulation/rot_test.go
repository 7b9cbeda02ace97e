package simulation_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// If retention, a lost store and rot take every copy of a block before a member has it, that member
// cannot follow the chain, and the chain may lack its echo: no message is awaited there any more.
func TestNothingIsAwaitedInAChainWhoseBlockIsGone(t *testing.T) {
	schedule, err := simulation.Parse(`{"Seed":900492,"Nodes":4,"Members":[0,1,2,3],"Latency":"constant","All":true,"AppDelay":0,"HandOver":2500,` +
		`"Submissions":[{"At":814,"Node":0,"Size":190},{"At":1601,"Node":0,"Label":"slow","Size":132}],` +
		`"Faults":[{"Kind":"disk","At":149,"For":2341,"Node":3},{"Kind":"restore","At":1658,"For":680,"Node":1},{"Kind":"prune","At":1080},` +
		`{"Kind":"rot","At":2481,"Node":2}],"Heal":4500,"Deadline":180000}`)
	require.NoError(t, err)
	run(t, schedule)
}
