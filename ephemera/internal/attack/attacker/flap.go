package attacker

import (
	"context"

	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// flap connects, sends one valid frame, and disconnects, again and again: a
// member that becomes reachable is told what it may have missed, and that must not cost much.
func flap(ctx context.Context, m *member) {
	newest := encode(wire.Newest{Number: m.group.Number(), Group: m.group.ID()})
	m.each(func(v *victim) {
		for ctx.Err() == nil {
			v.send(ctx, newest)
			v.leave()
		}
	})
}
