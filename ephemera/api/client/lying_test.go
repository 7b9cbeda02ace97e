package client_test

import (
	"context"
	"iter"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// liar responds like an honest node, except for what its functions change.
type liar struct {
	api.API
	submitted   func(*api.Submitted)
	block       func(*api.Block)
	certificate func(*api.Certificate)
	page        func(*api.BlockPage)
	inclusion   func(*api.Inclusion)
	group       func(*api.Group)
	evidence    func([]api.Evidence)
	forks       func([]api.Fork)
	entry       func(*api.Entry)
}

func change[T any](how func(*T), value T, err error) (T, error) {
	if how != nil {
		how(&value)
	}
	return value, err
}

func (l liar) SubmitEphemeraMessage(ctx context.Context, s api.Submission) (api.Submitted, error) {
	out, err := l.API.SubmitEphemeraMessage(ctx, s)
	return change(l.submitted, out, err)
}

func (l liar) QueryBlockByHash(ctx context.Context, id block.ID) (api.Block, error) {
	out, err := l.API.QueryBlockByHash(ctx, id)
	return change(l.block, out, err)
}

func (l liar) QueryBlockByHeight(ctx context.Context, q api.SlotQuery) (api.Block, error) {
	out, err := l.API.QueryBlockByHeight(ctx, q)
	return change(l.block, out, err)
}

func (l liar) QueryLastBlock(ctx context.Context, q api.ChainQuery) (api.Block, error) {
	out, err := l.API.QueryLastBlock(ctx, q)
	return change(l.block, out, err)
}

func (l liar) QueryBlockCertificates(ctx context.Context, id block.ID) (api.Certificate, error) {
	out, err := l.API.QueryBlockCertificates(ctx, id)
	return change(l.certificate, out, err)
}

func (l liar) ListBlocks(ctx context.Context, q api.ListQuery) (api.BlockPage, error) {
	out, err := l.API.ListBlocks(ctx, q)
	return change(l.page, out, err)
}

func (l liar) VerifyMessageInBlock(ctx context.Context, q api.InclusionQuery) (api.Inclusion, error) {
	out, err := l.API.VerifyMessageInBlock(ctx, q)
	return change(l.inclusion, out, err)
}

func (l liar) QueryBroadcastGroup(ctx context.Context, q api.GroupQuery) (api.Group, error) {
	out, err := l.API.QueryBroadcastGroup(ctx, q)
	return change(l.group, out, err)
}

func (l liar) Evidence(ctx context.Context) ([]api.Evidence, error) {
	out, err := l.API.Evidence(ctx)
	if l.evidence != nil {
		l.evidence(out)
	}
	return out, err
}

func (l liar) Forks(ctx context.Context) ([]api.Fork, error) {
	out, err := l.API.Forks(ctx)
	if l.forks != nil {
		l.forks(out)
	}
	return out, err
}

func (l liar) Subscribe(ctx context.Context, s api.Subscription) iter.Seq2[api.Entry, error] {
	return func(yield func(api.Entry, error) bool) {
		for entry, err := range l.API.Subscribe(ctx, s) {
			if l.entry != nil {
				l.entry(&entry)
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}

func TestFalseResponsesAreRefused(t *testing.T) {
	ctx := t.Context()
	cluster := apitest.Start(t, 2, mempool.Limits{})
	honest := cluster.API(0)
	m := cluster.Message(cluster.Members[0], "l", "")
	entry := cluster.Broadcast(ctx, honest, m)
	second := cluster.Broadcast(ctx, honest, cluster.Message(cluster.Members[0], "l", "2"))
	question := api.InclusionQuery{Block: entry.Block.ID, Message: m.ID()}
	other, err := honest.QueryBlockCertificates(ctx, second.Block.ID)
	require.NoError(t, err)
	made := 0
	fresh := func() api.Submission { // of the same millisecond, too
		made++
		return api.Signed(cluster.Message(cluster.Clients[0], "l", strconv.Itoa(made)))
	}

	subscribe := func(c *client.Client) (err error) {
		for _, err = range c.Subscribe(ctx, api.Subscription{}) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	type asking func(c *client.Client) error
	submit := func(c *client.Client) error { _, err := c.SubmitEphemeraMessage(ctx, fresh()); return err }
	unsigned := func(c *client.Client) error {
		_, err := c.SubmitEphemeraMessage(ctx, api.Submission{Label: "l"})
		return err
	}
	byHash := func(c *client.Client) error { _, err := c.QueryBlockByHash(ctx, entry.Block.ID); return err }
	byHeight := func(c *client.Client) error {
		_, err := c.QueryBlockByHeight(ctx, api.SlotQuery{Height: entry.Block.Height, Creator: entry.Block.Creator})
		return err
	}
	last := func(c *client.Client) error {
		_, err := c.QueryLastBlock(ctx, api.ChainQuery{Creator: cluster.Members[0].Public()})
		return err
	}
	proof := func(c *client.Client) error { _, err := c.QueryBlockCertificates(ctx, entry.Block.ID); return err }
	list := func(c *client.Client) error { _, err := c.ListBlocks(ctx, api.ListQuery{}); return err }
	inclusion := func(c *client.Client) error { _, err := c.VerifyMessageInBlock(ctx, question); return err }
	group := func(c *client.Client) error {
		_, err := c.QueryBroadcastGroup(ctx, api.GroupQuery{Number: 1})
		return err
	}
	evidence := func(c *client.Client) error { _, err := c.Evidence(ctx); return err }
	forks := func(c *client.Client) error { _, err := c.Forks(ctx); return err }

	for name, lie := range map[string]struct {
		liar liar
		ask  asking
		free bool // detected even by a client that trusts no group
	}{
		"another message ID":     {liar{submitted: func(s *api.Submitted) { s.ID[0]++ }}, submit, true},
		"nothing signed":         {liar{submitted: func(s *api.Submitted) { s.Message = nil }}, unsigned, true},
		"another signed":         {liar{submitted: func(s *api.Submitted) { s.Message.Label = "other" }}, unsigned, true},
		"badly signed":           {liar{submitted: func(s *api.Submitted) { s.Message.Signature[0]++ }}, unsigned, true},
		"another block":          {liar{block: func(b *api.Block) { *b = second.Block }}, byHash, true},
		"another height":         {liar{block: func(b *api.Block) { *b = second.Block }}, byHeight, true},
		"another payload":        {liar{block: func(b *api.Block) { b.Messages[0].Payload = []byte("x") }}, byHash, true},
		"no messages":            {liar{block: func(b *api.Block) { b.Messages = nil }}, byHash, true},
		"another creator":        {liar{block: func(b *api.Block) { b.Creator = keys.Public{1} }}, last, true},
		"block signature":        {liar{block: func(b *api.Block) { b.Signature[0]++ }}, byHash, false},
		"certificate":            {liar{certificate: func(c *api.Certificate) { c.Encoded[len(c.Encoded)-1]++ }}, byHash, false},
		"another's certificate":  {liar{certificate: func(c *api.Certificate) { *c = other }}, proof, true},
		"its bytes":              {liar{certificate: func(c *api.Certificate) { c.Encoded = other.Encoded }}, proof, true},
		"shown signers":          {liar{certificate: func(c *api.Certificate) { c.Signers = c.Signers[1:] }}, proof, false},
		"shown group":            {liar{certificate: func(c *api.Certificate) { c.GroupNumber++ }}, proof, false},
		"listed twice":           {liar{page: func(p *api.BlockPage) { p.Blocks = append(p.Blocks, p.Blocks[0]) }}, list, true},
		"listed certificate":     {liar{page: func(p *api.BlockPage) { p.Blocks[0].Certificate = other }}, list, false},
		"not included":           {liar{inclusion: func(i *api.Inclusion) { i.Included = false }}, inclusion, true},
		"included elsewhere":     {liar{inclusion: func(i *api.Inclusion) { i.Header = second.Block.Header }}, inclusion, true},
		"inclusion, uncertified": {liar{certificate: func(c *api.Certificate) { c.Encoded[len(c.Encoded)-1]++ }}, inclusion, false},
		"group's ID":             {liar{group: func(g *api.Group) { g.ID = membership.ID{} }}, group, true},
		"group's bytes":          {liar{group: func(g *api.Group) { g.Encoded = g.Encoded[1:] }}, group, true},
		"evidence":               {liar{evidence: func(e []api.Evidence) { e[0].A = e[0].B }}, evidence, true},
		"no fork":                {liar{forks: func(f []api.Fork) { f[0].A = f[0].B }}, forks, true},
		"another signed both":    {liar{forks: func(f []api.Fork) { f[0].SignedBoth[0].Key[0]++ }}, forks, true},
		"fork's group":           {liar{forks: func(f []api.Fork) { f[0].Encoded = f[0].Encoded[1:] }}, forks, true},
		"repeated cursor":        {liar{entry: func(e *api.Entry) { e.Cursor = 1 }}, subscribe, true},
		"sent payload":           {liar{entry: func(e *api.Entry) { e.Block.Messages[0].Payload = []byte("x") }}, subscribe, true},
		"sent certificate":       {liar{entry: func(e *api.Entry) { e.Certificate = other }}, subscribe, false},
	} {
		t.Run(name, func(t *testing.T) {
			lie.liar.API = honest
			s := serve(t, lie.liar, server.Config{})
			trusting := connect(t, s.URL(), client.Options{Groups: []*membership.Group{cluster.Group}})
			require.ErrorIs(t, lie.ask(trusting), api.Unverified)
			if lie.free {
				require.ErrorIs(t, lie.ask(connect(t, s.URL(), client.Options{})), api.Unverified)
			}
		})
	}

	stranger, err := membership.NewGroup(apitest.Network, 1, []keys.Public{apitest.Key(9).Public()}, membership.Limits{})
	require.NoError(t, err)
	s := serve(t, honest, server.Config{})
	wary := connect(t, s.URL(), client.Options{Groups: []*membership.Group{stranger}})
	for _, ask := range []asking{byHash, proof, list, inclusion, subscribe, forks} {
		require.ErrorIs(t, ask(wary), api.Unverified, "signed by a group that is not trusted")
	}
	believing := connect(t, s.URL(), client.Options{Groups: []*membership.Group{cluster.Group}})
	for _, ask := range []asking{byHash, byHeight, last, proof, list, inclusion, group, evidence, forks} {
		require.NoError(t, ask(believing))
	}
}
