package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Evidence implements api.API.
func (a local) Evidence(ctx context.Context) ([]api.Evidence, error) {
	held, err := a.store.Equivocations(ctx)
	if err != nil {
		return nil, problem(err)
	}
	out := make([]api.Evidence, len(held))
	for i, e := range held {
		out[i] = api.NewEvidence(e.A, e.B)
	}
	return out, nil
}

// Forks implements api.API.
func (a local) Forks(ctx context.Context) ([]api.Fork, error) {
	held, err := a.store.Forks(ctx)
	if err != nil {
		return nil, problem(err)
	}
	out := make([]api.Fork, 0, len(held))
	for _, f := range held {
		group, err := a.groupByID(f.A.Slot.Group)
		if err != nil {
			return nil, err
		}
		out = append(out, api.NewFork(group, f.A, f.B, a.peers().name))
	}
	return out, nil
}

// QueryDHT implements api.API.
func (a local) QueryDHT(ctx context.Context, key string) ([]byte, error) {
	if err := a.checkDHT(key, nil); err != nil {
		return nil, err
	}
	value, err := a.config.DHT.Query(ctx, key)
	return value, problem(err)
}

// StoreInDHT implements api.API.
func (a local) StoreInDHT(ctx context.Context, key string, value []byte) error {
	if err := a.checkDHT(key, value); err != nil {
		return err
	}
	return problem(a.config.DHT.Store(ctx, key, value))
}

func (a local) checkDHT(key string, value []byte) error {
	switch {
	case a.config.DHT == nil:
		return api.NewProblem(api.NotConfigured, "this node runs without the DHT (set dht.enabled = true in its configuration, or --dht of a Nym-API)")
	case key == "" || len(key) > api.MaxDHTKey:
		return api.NewProblem(api.Invalid, fmt.Sprintf("key is %d bytes, expected 1..%d", len(key), api.MaxDHTKey))
	case len(value) > api.MaxDHTValue:
		return api.NewProblem(api.TooLarge, fmt.Sprintf("value is %d bytes, at most %d are allowed", len(value), api.MaxDHTValue))
	}
	return nil
}

// QueryEphemeraConfig implements api.API.
func (a local) QueryEphemeraConfig(context.Context) (api.NodeConfig, error) {
	c, group := a.node.Config(), a.node.Group()
	pool := c.Mempool.Share(group)
	out := api.NodeConfig{
		Version: a.config.Version, Network: group.Network(), Key: a.self, PeerID: a.self.PeerID(),
		Group: group.Number(), GroupID: group.ID(), Limits: api.NewLimits(group.Limits()), Include: "own",
		Mempool: api.Mempool{
			Messages: pool.Messages, Bytes: pool.Bytes, PerSender: pool.PerSender, SenderBytes: pool.SenderBytes,
			TTLMS: pool.TTL.Milliseconds(), SkewMS: pool.Skew.Milliseconds(),
		},
		ExchangeMS: c.Exchange.Milliseconds(), HandOverMS: c.HandOver.Milliseconds(),
		Clients: append([]keys.Public{}, c.Clients...), Application: a.config.Application,
	}
	if c.Include == mempool.All {
		out.Include = "all"
	}
	return out, nil
}

// Health implements api.API.
func (a local) Health(ctx context.Context) (api.Health, error) {
	company, newest := a.node.Company(), a.node.Group()
	group := company.Group
	out := api.Health{
		Group: group.Number(), Online: company.Online, Sharing: company.Sharing, Q: group.Q(),
		Listening: a.config.Listening == nil || a.config.Listening(), WrongGroups: wrongGroups(company),
	}
	if d := a.node.DiskSpace(); d.Waiting() {
		out.Disk = &api.Disk{Free: d.Free, Low: d.Low, Critical: d.Critical}
	}
	_, err := a.store.Identity(ctx)
	out.Storage = err == nil || errors.Is(err, store.ErrNotFound)
	if forks, err := a.store.Forks(ctx); err == nil {
		out.Forks = len(forks)
	}
	waits := a.node.StoreWaits()
	if a.running() && waits == nil {
		a.addStatus(ctx, group, &out)
	}
	switch {
	case !a.running():
		out.Reason = "the node is not running"
	case !out.Storage:
		out.Reason = fmt.Sprintf("the store does not answer: %v", err)
	case waits != nil:
		out.Reason = fmt.Sprintf("the store takes no writes: %v", waits)
	case !out.Listening:
		out.Reason = "a listener is not bound"
	case out.Online < out.Q && !newest.Contains(a.self):
		out.Reason = fmt.Sprintf("this node is not a member of group %d, the newest, and not connected to a quorum of group %d",
			newest.Number(), group.Number())
	case out.Online < out.Q:
		out.Reason = fmt.Sprintf("%d of %d members are online, this node included, and a quorum is %d", out.Online, group.N(), out.Q)
	case !company.Quorum():
		out.Reason = fmt.Sprintf("%d of %d connected members hold the group of this node, this node included, and a quorum is %d",
			out.Sharing, out.Online, out.Q)
	default:
		out.Ready = true
	}
	return out, nil
}

func wrongGroups(company ephemera.Company) (out []api.WrongGroup) {
	for _, g := range company.Wrong {
		wrong := api.WrongGroup{Member: g.Member, PeerID: g.Member.PeerID(), Number: g.Number, Theirs: g.Theirs}
		if g.Ours != (membership.ID{}) {
			wrong.Ours = &g.Ours
		}
		out = append(out, wrong)
	}
	return out
}

// addStatus fills in the state of the node's own chain and mempool, if the node answers.
func (a local) addStatus(ctx context.Context, group *membership.Group, out *api.Health) {
	status, err := a.node.StatusIn(ctx, group)
	if err != nil {
		return // the node is stopping, or the caller has gone
	}
	out.Muted, out.Messages, out.Damaged = status.Muted, status.Messages, a.node.Damage().Blocks
	if i, ok := group.Index(a.self); ok {
		out.Height = status.Heights[i]
	}
}

// running reports whether the node runs.
func (a local) running() bool {
	select {
	case <-a.node.Running():
	default:
		return false
	}
	select {
	case <-a.node.Stopped():
		return false
	default:
		return true
	}
}
