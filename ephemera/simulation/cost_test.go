package simulation

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// An answer that nobody asked for is a violation, and so is one more than was asked for.
func TestAnswersAreComparedWithRequests(t *testing.T) {
	two := []block.MessageID{{1}, {2}}
	for _, c := range []struct{ asked, given wire.Frame }{
		{wire.GetMessages{IDs: two}, wire.Messages{Messages: make([]block.Message, 2)}},
		{wire.GetCertified{}, wire.Blocks{}},
		{wire.GetBlock{}, wire.Blocks{}},
		{wire.GetGroup{}, wire.Description{}},
	} {
		w := newWorld(Schedule{Nodes: 4, Members: []int{0, 1, 2, 3}}, Options{})
		w.check.asked(w.nodes[0], 1, c.asked)
		w.check.sends(w.nodes[0], 1, c.given)
		require.Empty(t, w.check.violations)
		w.check.sends(w.nodes[0], 2, c.given)
		require.Len(t, w.check.violations, 1, "%T to another node", c.given)
		w.check.sends(w.nodes[0], 1, c.given)
		require.Len(t, w.check.violations, 2, "%T once more", c.given)
	}
}

// Schedules in which all are correct are judged by what they send, also after the end.
func TestIdleGroupsAreJudged(t *testing.T) {
	s := Schedule{Seed: 1, Nodes: 4, Members: []int{0, 1, 2, 3}, Heal: 200, Deadline: 60_000, Idle: true}
	s.Submissions = []Submission{{At: 10, Node: 1, Size: 20}}
	result, err := Run(s, Options{})
	require.NoError(t, err)
	require.Empty(t, result.Violations)
	require.Greater(t, result.Stats.Virtual, int64(idleAfter+idleFor))

	w := newWorld(s, Options{})
	w.check.quietAt, w.check.remains = 0, w.check.holdings()
	w.now = (idleAfter + idleFor) * 1000
	for range idleFrames + 2 {
		w.check.sends(w.nodes[0], 1, wire.Frontier{})
	}
	require.True(t, w.check.spent())
	require.Len(t, w.check.violations, 1)

	w = newWorld(s, Options{})
	w.check.quietAt, w.check.remains = 0, holdings{messages: 1}
	w.now = (idleAfter + idleFor) * 1000
	require.False(t, w.check.spent(), "a message left a moment ago")
	w.check.end()
	require.Len(t, w.check.violations, 1, "and the time is over")

	w = newWorld(s, Options{})
	w.now = 1_000_000
	for range 10 * wasted * 12 {
		w.check.sends(w.nodes[0], 1, wire.Echo{})
	}
	w.check.spent()
	require.Len(t, w.check.violations, 2, "frames and bytes")
}
