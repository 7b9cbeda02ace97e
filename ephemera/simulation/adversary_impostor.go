package simulation

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// impostor describes groups that do not exist to members that skipped some: all Byzantine members
// and the one that asks. All impostors describe the same. A naive node that takes one member's word
// holds a group in which a quorum is Byzantine.
type impostor struct{ honest }

func (impostor) receive(p *byzantine, from int, frame wire.Frame) bool {
	f, ok := frame.(wire.GetGroup)
	if !ok {
		return true
	}
	members := []keys.Public{p.w.nodes[from].key.Public()}
	for _, q := range p.w.coalition.members {
		if key := q.key.Public(); !slices.Contains(members, key) {
			members = append(members, key)
		}
	}
	if group, err := membership.NewGroup(network, f.Number, members, p.w.options.Limits); err == nil {
		p.inject(from, wire.Description{Group: group})
	}
	return false
}
