package local

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// QueryBlockByHash implements API.
func (a local) QueryBlockByHash(ctx context.Context, id block.ID) (api.Block, error) {
	held, err := a.certified(ctx, id)
	if err != nil {
		return api.Block{}, err
	}
	return api.NewBlock(held.Block), nil
}

func (a local) certified(ctx context.Context, id block.ID) (store.Certified, error) {
	held, err := a.node.CertifiedByID(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Certified{}, notFound("no certified block %s at this node", id)
	}
	return held, problem(err)
}

// QueryBlockByHeight implements API.
func (a local) QueryBlockByHeight(ctx context.Context, q api.SlotQuery) (api.Block, error) {
	slot, known, err := a.chain(api.ChainQuery{Creator: q.Creator, Group: q.Group})
	if err != nil {
		return api.Block{}, err
	}
	slot.Height = q.Height
	held, err := a.node.Certified(ctx, slot)
	if errors.Is(err, store.ErrNotFound) {
		return api.Block{}, notFound("no certified block of %s at height %d in group %d", slot.Creator, slot.Height, known.Group.Number())
	}
	if err != nil {
		return api.Block{}, problem(err)
	}
	return api.NewBlock(held.Block), nil
}

// chain returns the chain that a query names, as a slot without height, and its group.
func (a local) chain(q api.ChainQuery) (block.Slot, ephemera.KnownGroup, error) {
	known, ok := a.known(q.Group)
	if !ok {
		return block.Slot{}, known, notFound("no group %d at this node", q.Group)
	}
	if q.Creator == (keys.Public{}) {
		q.Creator = a.self
	}
	if !known.Group.Contains(q.Creator) {
		return block.Slot{}, known, notFound("%s is no member of group %d", q.Creator, known.Group.Number())
	}
	return block.Slot{Group: known.Group.ID(), Creator: q.Creator}, known, nil
}

// QueryLastBlock implements API.
func (a local) QueryLastBlock(ctx context.Context, q api.ChainQuery) (api.Block, error) {
	slot, known, err := a.chain(q)
	if err != nil {
		return api.Block{}, err
	}
	state, err := a.store.Load(ctx, slot.Group)
	if err != nil {
		return api.Block{}, problem(err)
	}
	for _, chain := range state.Chains {
		if chain.Creator == slot.Creator {
			slot.Height = chain.Certified
		}
	}
	if slot.Height == 0 {
		return api.Block{}, notFound("no certified block of %s in group %d yet", slot.Creator, known.Group.Number())
	}
	held, err := a.node.Certified(ctx, slot)
	if err != nil {
		return api.Block{}, problem(err)
	}
	return api.NewBlock(held.Block), nil
}

// QueryBlockCertificates implements API.
func (a local) QueryBlockCertificates(ctx context.Context, id block.ID) (api.Certificate, error) {
	held, err := a.certified(ctx, id)
	if err != nil {
		return api.Certificate{}, err
	}
	group, err := a.groupOf(held.Block.Header.Group)
	if err != nil {
		return api.Certificate{}, err
	}
	out := api.NewCertificate(held.Block.SignedHeader, held.Certificate, group, a.names().of)
	out.Group = group.Encode()
	return out, nil
}

// QueryBlockBroadcastInfo implements API.
func (a local) QueryBlockBroadcastInfo(ctx context.Context, id block.ID) (api.BroadcastInfo, error) {
	held, err := a.certified(ctx, id)
	if err != nil {
		return api.BroadcastInfo{}, err
	}
	group, err := a.groupOf(held.Block.Header.Group)
	if err != nil {
		return api.BroadcastInfo{}, err
	}
	times, _ := a.node.Times(id)
	h := held.Block.Header
	return api.BroadcastInfo{
		Block: id, Local: a.self, LocalPeerID: a.self.PeerID(), Creator: h.Creator, Height: h.Height,
		Group: h.Group, GroupNumber: group.Number(), N: group.N(), F: group.F(), Q: group.Q(),
		Echoed:     a.members(held.Certificate.Members(group)),
		ProposedMS: times.Proposed, CertifiedMS: times.Certified, DeliveredMS: times.Delivered,
	}, nil
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

// ListBlocks implements API.
func (a local) ListBlocks(ctx context.Context, q api.ListQuery) (api.BlockPage, error) {
	if q.Limit < 0 || q.Limit > api.MaxPage {
		return api.BlockPage{}, api.NewProblem(api.Invalid, fmt.Sprintf("limit is %d, expected 1..%d", q.Limit, api.MaxPage))
	}
	if q.Limit == 0 {
		q.Limit = api.MaxPage
	}
	page := api.BlockPage{Blocks: []api.Entry{}, Next: q.From}
	if q.From == api.Now {
		last, err := a.last(ctx)
		page.Next = api.Cursor(last)
		return page, problem(err)
	}
	entries, err := a.store.List(ctx, uint64(q.From), q.Creator, q.Limit, listBytes)
	if err == nil && len(entries) == 0 {
		err = a.reached(ctx, q.From)
	}
	if err != nil {
		return api.BlockPage{}, problem(err)
	}
	known := a.names()
	for _, e := range entries {
		entry, err := a.entry(e, known)
		if err != nil {
			return api.BlockPage{}, err
		}
		page.Blocks, page.Next = append(page.Blocks, entry), entry.Cursor
	}
	return page, nil
}

// reached refuses a cursor that this store has never given out: a store that took the place of a
// lost one counts anew, and who goes on there with an old cursor would miss blocks or get them
// twice, and not know.
func (a local) reached(ctx context.Context, cursor api.Cursor) error {
	if cursor == 0 || cursor == api.Now {
		return nil
	}
	entries, err := a.store.List(ctx, uint64(cursor)-1, keys.Public{}, 1, 1)
	if err == nil && len(entries) == 0 {
		err = api.NewProblem(api.Invalid, fmt.Sprintf("cursor %d is beyond the last block here: cursors belong to one node's store; "+
			"if it is another one now, begin again with 0", cursor))
	}
	return err
}

func (a local) entry(e store.Entry, known names) (api.Entry, error) {
	group, err := a.groupOf(e.Block.Header.Group)
	if err != nil {
		return api.Entry{}, err
	}
	return api.Entry{
		Cursor: api.Cursor(e.Sequence), Block: api.NewBlock(e.Block),
		Certificate: api.NewCertificate(e.Block.SignedHeader, e.Certificate, group, known.of),
	}, nil
}

// VerifyMessageInBlock implements API.
func (a local) VerifyMessageInBlock(ctx context.Context, q api.InclusionQuery) (api.Inclusion, error) {
	held, err := a.certified(ctx, q.Block)
	if err != nil {
		return api.Inclusion{}, err
	}
	if held.Block.Pruned() {
		return api.Inclusion{}, api.NewProblem(api.Pruned, "the block's messages are not here any more: ask a member that keeps them longer")
	}
	return api.Prove(held.Block, q.Message)
}

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

// Evidence implements API.
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

// QueryDHT implements API.
func (a local) QueryDHT(ctx context.Context, key string) ([]byte, error) {
	if err := a.checkDHT(key, nil); err != nil {
		return nil, err
	}
	value, err := a.config.DHT.Query(ctx, key)
	return value, problem(err)
}

// StoreInDHT implements API.
func (a local) StoreInDHT(ctx context.Context, key string, value []byte) error {
	if err := a.checkDHT(key, value); err != nil {
		return err
	}
	return problem(a.config.DHT.Store(ctx, key, value))
}

func (a local) checkDHT(key string, value []byte) error {
	switch {
	case a.config.DHT == nil:
		return api.NewProblem(api.NotConfigured, "this node runs without the DHT: set dht.enabled = true in its configuration")
	case key == "" || len(key) > api.MaxDHTKey:
		return api.NewProblem(api.Invalid, fmt.Sprintf("key of %d bytes, expected 1..%d", len(key), api.MaxDHTKey))
	case len(value) > api.MaxDHTValue:
		return api.NewProblem(api.TooLarge, fmt.Sprintf("value of %d bytes, at most %d", len(value), api.MaxDHTValue))
	}
	return nil
}

// QueryEphemeraConfig implements API.
func (a local) QueryEphemeraConfig(context.Context) (api.NodeConfig, error) {
	c, group := a.node.Config(), a.node.Group()
	pool := engine.ShareOut(c.Mempool, group)
	out := api.NodeConfig{
		Version: a.config.Version, Network: group.Network(), Key: a.self, PeerID: a.self.PeerID(),
		Group: group.Number(), GroupID: group.ID(), Limits: api.NewLimits(group.Limits()), Include: "own",
		Mempool: api.Mempool{
			Messages: pool.Messages, Bytes: pool.Bytes, PerSender: pool.PerSender, SenderBytes: pool.SenderBytes,
			TTLMS: pool.TTL.Milliseconds(), SkewMS: pool.Skew.Milliseconds(),
		},
		ExchangeMS: c.Exchange.Milliseconds(),
		HandOverMS: c.HandOver.Milliseconds(),
		Clients:    append([]keys.Public{}, c.Clients...), Application: a.config.Application,
	}
	if c.Include == mempool.All {
		out.Include = "all"
	}
	return out, nil
}

// Health implements API.
func (a local) Health(ctx context.Context) (api.Health, error) {
	group, newest := a.node.OwnGroup(), a.node.Group()
	out := api.Health{Group: group.Number(), Q: group.Q(), Listening: a.config.Listening == nil || a.config.Listening()}
	for _, key := range append(a.node.Online(), a.self) {
		if group.Contains(key) {
			out.Online++
		}
	}
	_, err := a.store.Identity(ctx)
	out.Storage = err == nil || errors.Is(err, store.ErrNotFound)
	if a.serving() {
		a.standing(ctx, group, &out)
	}
	switch {
	case !a.serving():
		out.Reason = "the node does not run"
	case !out.Storage:
		out.Reason = fmt.Sprintf("the store does not answer: %v", err)
	case !out.Listening:
		out.Reason = "a listener is not bound"
	case out.Online < out.Q && !newest.Contains(a.self):
		out.Reason = fmt.Sprintf("this node is no member of group %d, the newest, and connected with no quorum of group %d", newest.Number(), group.Number())
	case out.Online < out.Q:
		out.Reason = fmt.Sprintf("connected with %d of %d members, itself among them, and %d are a quorum", out.Online, group.N(), out.Q)
	default:
		out.Ready = true
	}
	return out, nil
}

// standing fills in where the node's own chain and its mempool are, where it can tell.
func (a local) standing(ctx context.Context, group *membership.Group, out *api.Health) {
	status, err := a.node.StatusIn(ctx, group)
	if err != nil {
		return // it stops just now, or the caller has gone
	}
	out.Muted, out.Messages = status.Muted, status.Messages
	if i, ok := group.Index(a.self); ok {
		out.Height = status.Heights[i]
	}
}

// serving tells whether the node runs.
func (a local) serving() bool {
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
