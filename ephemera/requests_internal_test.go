package ephemera

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// drain takes all requests in the order in which they are served.
func (q *requests) drain() (all []read) {
	for {
		r, some := q.first()
		if !some {
			return all
		}
		all = append(all, r)
		q.taken()
	}
}

func chainRead(member, creator byte, height uint64) read {
	return read{to: keys.Public{member}, from: &block.Slot{Creator: keys.Public{creator}, Height: height}}
}

// A member that catches up asks the first one that it reaches for all chains. When only the last
// request was kept, the other chains waited for a retry.
func TestMemberMayAskForSeveralChains(t *testing.T) {
	var q requests
	q.put(chainRead(1, 1, 5))
	q.put(chainRead(1, 2, 5))
	q.put(read{to: keys.Public{1}, block: block.ID{1}})
	q.put(chainRead(1, 1, 9))
	q.put(read{to: keys.Public{1}, block: block.ID{1}})
	require.Equal(t, []read{chainRead(1, 1, 9), chainRead(1, 2, 5), {to: keys.Public{1}, block: block.ID{1}}}, q.drain())
}

func TestMembersTakeTurnsAtTheStore(t *testing.T) {
	var q requests
	for height := range byte(200) {
		q.put(chainRead(1, height, 1))
	}
	q.put(chainRead(2, 1, 1))
	q.put(chainRead(2, 2, 1))
	all := q.drain()
	require.Len(t, all, memberRequests+2)
	require.Equal(t, []read{chainRead(1, 0, 1), chainRead(2, 1, 1), chainRead(1, 1, 1), chainRead(2, 2, 1), chainRead(1, 2, 1)}, all[:5])
	require.Equal(t, chainRead(1, 199, 1), all[len(all)-1], "the newest")
	require.Empty(t, q.waiting)
}

// The states of old groups are asked for once, and nobody would ask again.
func TestReadsOfGroupsAreKept(t *testing.T) {
	var q requests
	for i := range byte(2 * memberRequests) {
		q.put(read{group: &membership.ID{i}})
	}
	require.Len(t, q.drain(), 2*memberRequests)
}
