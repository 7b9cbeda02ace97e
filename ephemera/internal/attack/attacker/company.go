package attacker

import (
	"context"
	"math/rand/v2"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// company announces groups that do not exist, under the number of the newest one and above it, and
// describes them: nobody's readiness may follow from that.
func company(ctx context.Context, m *member) {
	m.flood(ctx, func(turn int) []byte {
		number := m.group.Number() + rand.Uint64N(3)
		switch turn % 4 {
		case 0:
			return encode(wire.GetGroup{Number: number})
		case 1:
			members := append(m.group.Members(), keys.Public(append([]byte{byte(turn)}, random(31)...)))
			if group, err := membership.NewGroup(m.group.Network(), number, members, m.group.Limits()); err == nil {
				return encode(wire.Description{Group: group})
			}
		}
		return encode(wire.Newest{Number: number, Group: membership.ID(random(32))})
	})
}

// oldGroup sends frontiers of a closed group that claim ever more, and requests about it: each
// frontier may make a member load that group again.
func oldGroup(ctx context.Context, m *member) {
	requests := m.inGroup(m.old)
	m.flood(ctx, func(turn int) []byte {
		if turn%2 == 0 {
			return m.frontier(m.old, rand.Uint64N(1<<40))
		}
		return requests(turn)
	})
}
