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

// QueryBroadcastGroup implements API.
func (a local) QueryBroadcastGroup(ctx context.Context, q api.GroupQuery) (api.Group, error) {
	groups := a.node.Groups()
	newest := groups[len(groups)-1]
	known, ok := newest, true
	if q != (api.GroupQuery{}) {
		i := slices.IndexFunc(groups, func(k ephemera.KnownGroup) bool {
			return k.Group.Number() == q.Number || q.Number == 0 && k.Group.ID() == q.ID
		})
		if ok = i >= 0; ok {
			known = groups[i]
		}
	}
	if !ok {
		return api.Group{}, notFound("no such group at this node; its newest is %d", newest.Group.Number())
	}
	g := known.Group
	out := api.Group{
		Network: g.Network(), Number: g.Number(), ID: g.ID(), Newest: g == newest.Group, Closed: known.Closed,
		N: g.N(), F: g.F(), Q: g.Q(), Limits: api.NewLimits(g.Limits()), Members: a.members(g.Members()), Encoded: g.Encode(),
	}
	for _, member := range out.Members {
		if member.Online {
			out.Online++
		}
	}
	return out, nil
}

// open returns an open group by its number, the newest for 0.
func (a local) open(number uint64) (*membership.Group, error) {
	if number == 0 {
		return a.node.Group(), nil
	}
	known, ok := a.known(number)
	if !ok || known.Closed {
		return nil, api.NewProblem(api.Invalid, fmt.Sprintf("group %d is not open at this node; leave the group out for the newest", number))
	}
	return known.Group, nil
}

// known returns a known group by its number, for 0 the newest in which the node is a member.
func (a local) known(number uint64) (ephemera.KnownGroup, bool) {
	if number == 0 {
		number = a.node.OwnGroup().Number()
	}
	for _, k := range a.node.Groups() {
		if k.Group.Number() == number {
			return k, true
		}
	}
	return ephemera.KnownGroup{}, false
}

// groupOf returns a known group by its ID. Every certified block's group is known.
func (a local) groupOf(id membership.ID) (*membership.Group, error) {
	for _, k := range a.node.Groups() {
		if k.Group.ID() == id {
			return k.Group, nil
		}
	}
	return nil, notFound("no group %s at this node", id)
}

// names are what the members are called, for people.
type names map[keys.Public]membership.Peer

func (n names) of(key keys.Public) string { return n[key].Name }

// names returns what the members' lists say of members now.
func (a local) names() names {
	out := names{}
	for _, peer := range a.node.Peers() {
		out[peer.Key] = peer
	}
	return out
}

// members tells what this node knows of these members.
func (a local) members(of []keys.Public) []api.Member {
	online, known := a.node.Online(), a.names()
	out := make([]api.Member, len(of))
	for i, key := range of {
		local := key == a.self
		out[i] = api.Member{
			Key: key, PeerID: key.PeerID(), Name: known.of(key), Addresses: known[key].Addresses,
			Online: local || slices.Contains(online, key), Local: local,
		}
	}
	return out
}
