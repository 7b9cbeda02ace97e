package ephemera_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// A member is away for six changes of the group, and adopts only the newest when it is back. The
// others have closed the older groups long ago, and hold them in their stores only. It gets the
// blocks of all of them (PROTOCOL.md R9).
func TestMemberGetsTheBlocksOfGroupsThatItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 4, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		one := h.group
		for i := range 4 {
			h.start(i)
		}
		pass(5 * time.Second)
		h.stop[3]()
		var newest *membership.Group
		for number := range uint64(7) {
			if number > 0 {
				newest = h.members(number+1, 0, 1, 2, 3)
				for i := range 3 {
					require.NoError(t, h.nodes[i].Adopt(t.Context(), newest, nil))
				}
				pass(5 * time.Second)
			}
			h.report(0)
			pass(3 * time.Minute)
		}
		require.False(t, h.nodes[0].Groups()[0].Connected)
		h.requireDelivered([]int{0}, []int{0, 1, 2})

		h.group = one
		h.start(3)
		require.NoError(t, h.nodes[3].Adopt(t.Context(), newest, nil))
		h.requireDelivered([]int{0}, []int{3})
		pass(time.Minute)
		for i := range 4 {
			known := h.nodes[i].Groups()
			require.Len(t, known, 7, "member %d", i)
			for j, k := range known {
				require.EqualValues(t, j+1, k.Group.Number())
				require.Equal(t, j < 6, k.Closed, "group %d at member %d", k.Group.Number(), i)
			}
		}
		h.report(3)
		h.requireDelivered([]int{3}, []int{0, 1, 2, 3})
	})
}

// A member that is removed while it is away gets what was certified in its group, although the
// others are not connected with it any more. What it may not do is send messages.
func TestRemovedMemberGetsTheBlocksOfItsGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 5, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		one, two := h.group, h.members(2, 0, 1, 2, 4)
		for i := range 4 {
			h.start(i)
		}
		pass(5 * time.Second)
		h.stop[3]()
		h.report(0)
		h.report(1)
		h.requireDelivered([]int{0, 1}, []int{0, 1, 2})
		for i := range 3 {
			require.NoError(t, h.nodes[i].Adopt(t.Context(), two, nil))
		}
		pass(time.Hour)
		require.False(t, h.nodes[0].Groups()[0].Connected)

		h.group = one
		h.start(3)
		pass(5 * time.Second)
		require.NoError(t, h.nodes[3].Adopt(t.Context(), two, nil))
		h.requireDelivered([]int{0, 1}, []int{3})
		h.report(3)
		pass(time.Minute)
		require.False(t, h.boards[0].has(h.sent[3][0].ID()), "a former member has no part in the newest group")
	})
}
