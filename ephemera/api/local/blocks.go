package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// QueryBlockByHash implements api.API.
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
		return store.Certified{}, notFound("this node has no certified block %s", id)
	}
	return held, problem(err)
}

// QueryBlockByHeight implements api.API.
func (a local) QueryBlockByHeight(ctx context.Context, q api.SlotQuery) (api.Block, error) {
	slot, known, err := a.chain(api.ChainQuery{Creator: q.Creator, Group: q.Group})
	if err != nil {
		return api.Block{}, err
	}
	slot.Height = q.Height
	held, err := a.node.Certified(ctx, slot)
	if errors.Is(err, store.ErrNotFound) {
		return api.Block{}, notFound("this node has no certified block of %s at height %d in group %d", slot.Creator, slot.Height, known.Group.Number())
	}
	if err != nil {
		return api.Block{}, problem(err)
	}
	return api.NewBlock(held.Block), nil
}

// chain returns the chain of a query, as a slot without height, and its group.
func (a local) chain(q api.ChainQuery) (block.Slot, ephemera.KnownGroup, error) {
	known, ok := a.groupByNumber(q.Group)
	if !ok {
		return block.Slot{}, known, notFound("this node does not know group %d", q.Group)
	}
	if q.Creator == (keys.Public{}) {
		q.Creator = a.self
	}
	if !known.Group.Contains(q.Creator) {
		return block.Slot{}, known, notFound("%s is not a member of group %d", q.Creator, known.Group.Number())
	}
	return block.Slot{Group: known.Group.ID(), Creator: q.Creator}, known, nil
}

// QueryLastBlock implements api.API.
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
		return api.Block{}, notFound("this node has no certified block of %s in group %d yet", slot.Creator, known.Group.Number())
	}
	held, err := a.node.Certified(ctx, slot)
	if err != nil {
		return api.Block{}, problem(err)
	}
	return api.NewBlock(held.Block), nil
}

// QueryBlockCertificates implements api.API.
func (a local) QueryBlockCertificates(ctx context.Context, id block.ID) (api.Certificate, error) {
	held, err := a.certified(ctx, id)
	if err != nil {
		return api.Certificate{}, err
	}
	group, err := a.groupByID(held.Block.Header.Group)
	if err != nil {
		return api.Certificate{}, err
	}
	out := api.NewCertificate(held.Block.SignedHeader, held.Certificate, group, a.peers().name)
	out.Group = group.Encode()
	return out, nil
}

// QueryBlockBroadcastInfo implements api.API.
func (a local) QueryBlockBroadcastInfo(ctx context.Context, id block.ID) (api.BroadcastInfo, error) {
	held, err := a.certified(ctx, id)
	if err != nil {
		return api.BroadcastInfo{}, err
	}
	group, err := a.groupByID(held.Block.Header.Group)
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

// ListBlocks implements api.API.
func (a local) ListBlocks(ctx context.Context, q api.ListQuery) (api.BlockPage, error) {
	if q.Limit < 0 || q.Limit > api.MaxPage {
		return api.BlockPage{}, api.NewProblem(api.Invalid, fmt.Sprintf("limit is %d, expected 1..%d", q.Limit, api.MaxPage))
	}
	if q.Limit == 0 {
		q.Limit = api.MaxPage
	}
	page := api.BlockPage{Blocks: []api.Entry{}, Next: q.From}
	if q.From == api.Now {
		last, err := a.lastSequence(ctx)
		page.Next = api.Cursor(last)
		return page, problem(err)
	}
	entries, err := a.store.List(ctx, uint64(q.From), q.Creator, q.Limit, listBytes)
	if err == nil && len(entries) == 0 {
		err = a.checkCursor(ctx, q.From)
	}
	if err != nil {
		return api.BlockPage{}, problem(err)
	}
	peers := a.peers()
	for _, e := range entries {
		entry, err := a.entry(e, peers)
		if err != nil {
			return api.BlockPage{}, err
		}
		page.Blocks, page.Next = append(page.Blocks, entry), entry.Cursor
	}
	return page, nil
}

func (a local) entry(e store.Entry, peers peers) (api.Entry, error) {
	group, err := a.groupByID(e.Block.Header.Group)
	if err != nil {
		return api.Entry{}, err
	}
	return api.Entry{
		Cursor: api.Cursor(e.Sequence), Block: api.NewBlock(e.Block),
		Certificate: api.NewCertificate(e.Block.SignedHeader, e.Certificate, group, peers.name),
	}, nil
}

// VerifyMessageInBlock implements api.API.
func (a local) VerifyMessageInBlock(ctx context.Context, q api.InclusionQuery) (api.Inclusion, error) {
	held, err := a.certified(ctx, q.Block)
	if err != nil {
		return api.Inclusion{}, err
	}
	if held.Block.Pruned() {
		return api.Inclusion{}, api.NewProblem(api.Pruned, "this node no longer holds the messages of the block: ask a member that keeps them longer")
	}
	return api.Prove(held.Block, q.Message)
}
