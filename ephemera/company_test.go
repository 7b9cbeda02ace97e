package ephemera_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// Two of four members hold a list that differs in one limit, under the same number. Each names the
// other two with both IDs, once, and nobody has a quorum.
func TestMembersOfAnotherGroupAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 4, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		limits := h.group.Limits()
		limits.BlockMessages--
		other := h.withLimits(limits)
		var said lockedBuffer
		h.logger = slog.New(slog.NewTextHandler(&said, nil))
		h.start(0)
		h.logger = nil
		h.start(1)
		one := h.group
		h.group = other
		h.start(2)
		h.start(3)
		pass(30 * time.Minute)
		for i, wrong := range [][]int{{2, 3}, {2, 3}, {0, 1}, {0, 1}} {
			company := h.nodes[i].Company()
			require.Equal(t, 4, company.Online)
			require.Equal(t, 2, company.Sharing)
			require.False(t, company.Quorum())
			ours, theirs := one, other
			if i > 1 {
				ours, theirs = other, one
			}
			var want []ephemera.WrongGroup
			for _, j := range wrong {
				want = append(want, ephemera.WrongGroup{Member: h.keys[j].Public(), Number: 1, Theirs: theirs.ID(), Ours: ours.ID()})
			}
			require.ElementsMatch(t, want, company.Wrong)
		}
		text := said.String()
		require.Equal(t, 2, strings.Count(text, "another group under the same number"), text)
		require.Equal(t, 2, strings.Count(text, other.ID().String()), text)
		require.Contains(t, text, one.ID().String())
		require.Equal(t, 1, strings.Count(text, "no quorum"), text)
	})
}

// A member that hears late of a new group is in no wrong company; one that never does is, after a
// hand-over.
func TestMembersOfAnUnknownGroupAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 4, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		for i := range 4 {
			h.start(i)
		}
		pass(10 * time.Second)
		two := h.list(h.members(2, 0, 1, 2, 3))
		for i := range 3 {
			require.NoError(t, h.nodes[i].Adopt(t.Context(), two.Group, two.Peers))
		}
		pass(10 * time.Second)
		require.Empty(t, h.nodes[3].Company().Wrong)
		pass(5 * time.Minute)
		company := h.nodes[3].Company()
		require.Len(t, company.Wrong, 3)
		require.Equal(t, two.Group.ID(), company.Wrong[0].Theirs)
		require.Zero(t, company.Wrong[0].Ours)
		require.False(t, company.Quorum())
		company = h.nodes[0].Company()
		require.Empty(t, company.Wrong)
		require.Equal(t, 3, company.Sharing)
		require.True(t, company.Quorum())
		require.NoError(t, h.nodes[3].Adopt(t.Context(), two.Group, two.Peers))
		pass(time.Second)
		require.Empty(t, h.nodes[3].Company().Wrong)
		require.Equal(t, 4, h.nodes[0].Company().Sharing)
	})
}

// A lost quorum and its return are logged once each.
func TestLostQuorumIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 4, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		var said lockedBuffer
		h.logger = slog.New(slog.NewTextHandler(&said, nil))
		h.start(0)
		h.logger = nil
		for i := 1; i < 4; i++ {
			h.start(i)
		}
		pass(time.Minute)
		require.NotContains(t, said.String(), "quorum")
		h.network.Partition(h.publics([]int{0, 1}))
		pass(10 * time.Second)
		require.Equal(t, 1, strings.Count(said.String(), "no quorum"), said.String())
		h.network.Heal()
		pass(time.Minute)
		require.Equal(t, 1, strings.Count(said.String(), "quorum regained"), said.String())
		for range 60 { // a member that comes and goes does not fill the log
			h.network.Partition(h.publics([]int{0, 1}))
			pass(5 * time.Second)
			h.network.Heal()
			pass(5 * time.Second)
		}
		require.Less(t, strings.Count(said.String(), "quorum"), 60)
	})
}

// withLimits returns a group with the members and the number of h.group, and other limits.
func (h *handOver) withLimits(limits membership.Limits) *membership.Group {
	group, err := membership.NewGroup(h.group.Network(), h.group.Number(), h.group.Members(), limits)
	require.NoError(h.t, err)
	return group
}
