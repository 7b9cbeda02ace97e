package local

import (
	"context"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// QueryBroadcastGroup implements api.API.
func (a local) QueryBroadcastGroup(_ context.Context, q api.GroupQuery) (api.Group, error) {
	newest := a.node.Group()
	if q == (api.GroupQuery{}) {
		q.Number = newest.Number()
	}
	known, ok := a.find(func(g *membership.Group) bool {
		return g.Number() == q.Number || q.Number == 0 && g.ID() == q.ID
	})
	if !ok {
		return api.Group{}, notFound("this node does not know the group; the newest it knows is %d", newest.Number())
	}
	g := known.Group
	out := api.Group{
		Network: g.Network(), Number: g.Number(), ID: g.ID(), Newest: g.Number() >= newest.Number(), Closed: known.Closed,
		N: g.N(), F: g.F(), Q: g.Q(), Limits: api.NewLimits(g.Limits()), Members: a.members(g.Members()), Encoded: g.Encode(),
	}
	for _, member := range out.Members {
		if member.Online {
			out.Online++
		}
	}
	return out, nil
}

// openGroup returns the open group with a number, or the newest group for 0.
func (a local) openGroup(number uint64) (*membership.Group, error) {
	if number == 0 {
		return a.node.Group(), nil
	}
	known, ok := a.groupByNumber(number)
	if !ok || known.Closed {
		return nil, api.NewProblem(api.Invalid, fmt.Sprintf("group %d is not open at this node (leave the group out for the newest)", number))
	}
	return known.Group, nil
}

// groupByNumber returns the known group with a number, or the newest with this node for 0.
func (a local) groupByNumber(number uint64) (ephemera.KnownGroup, bool) {
	if number == 0 {
		number = a.node.OwnGroup().Number()
	}
	return a.find(func(g *membership.Group) bool { return g.Number() == number })
}

// groupByID returns the known group with an ID. The group of every certified block is known.
func (a local) groupByID(id membership.ID) (*membership.Group, error) {
	known, ok := a.find(func(g *membership.Group) bool { return g.ID() == id })
	if !ok {
		return nil, notFound("this node does not know group %s", id)
	}
	return known.Group, nil
}

func (a local) find(match func(*membership.Group) bool) (ephemera.KnownGroup, bool) {
	for _, known := range a.node.Groups() {
		if match(known.Group) {
			return known, true
		}
	}
	return ephemera.KnownGroup{}, false
}

// peers are the members' names and addresses.
type peers map[keys.Public]membership.Peer

func (p peers) name(key keys.Public) string { return p[key].Name }

func (a local) peers() peers {
	out := peers{}
	for _, peer := range a.node.Peers() {
		out[peer.Key] = peer
	}
	return out
}

// members describes members as this node sees them.
func (a local) members(members []keys.Public) []api.Member {
	online, peers := a.node.Online(), a.peers()
	out := make([]api.Member, len(members))
	for i, key := range members {
		local := key == a.self
		out[i] = api.Member{
			Key: key, PeerID: key.PeerID(), Name: peers.name(key), Addresses: peers[key].Addresses,
			Online: local || slices.Contains(online, key), Local: local,
		}
		if !out[i].Online {
			out[i].Absence = a.node.Absence(key)
		}
	}
	return out
}
