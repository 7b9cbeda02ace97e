package apitest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// Open returns the implementation under test, backed by a node's in-process API. It must work until
// the test ends.
type Open func(t *testing.T, of api.API) api.API

// A suite is one run of the tests on one implementation.
type suite struct {
	c  *Cluster
	in api.API // the first node, through the implementation under test
}

// testTimeout bounds every wait of the suite, with room for a busy machine.
const testTimeout = 2 * time.Minute

// Run checks that an implementation behaves as api.API documents.
func Run(t *testing.T, open Open) {
	c := Start(t, 2, mempool.Limits{})
	in := open(t, c.API(0))
	for _, test := range []struct {
		name string
		run  func(*suite, *testing.T)
	}{
		{"submit", (*suite).submit},
		{"refusals", (*suite).refusals},
		{"blocks", (*suite).blocks},
		{"unknown blocks", (*suite).unknown},
		{"inclusion", (*suite).inclusion},
		{"list", (*suite).list},
		{"subscribe", (*suite).subscribe},
		{"subscribe from now", (*suite).fromNow},
		{"group", (*suite).group},
		{"evidence", (*suite).evidence},
		{"forks", (*suite).forks},
		{"DHT", (*suite).dht},
		{"node", (*suite).node},
		{"contexts", (*suite).contexts},
	} {
		t.Run(test.name, func(t *testing.T) {
			own := *c
			own.T = t // so that failures count for this test
			test.run(&suite{c: &own, in: in}, t)
		})
	}
	t.Run("full mempool", func(t *testing.T) { full(t, open) })
	t.Run("stopped node", func(t *testing.T) { stopped(t, open) })
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

func (s *suite) submit(t *testing.T) {
	ctx := bounded(t)
	for who, key := range map[string]keys.Private{"member": s.c.Members[0], "other member": s.c.Members[1], "client": s.c.Clients[0]} {
		m := s.c.Message(key, "submit", who)
		out, err := s.in.SubmitEphemeraMessage(ctx, api.Signed(m))
		require.NoError(t, err, who)
		require.Equal(t, api.Submitted{ID: m.ID()}, out)
	}

	out, err := s.in.SubmitEphemeraMessage(ctx, api.Submission{Label: "submit", Payload: []byte("by the node"), Group: 1})
	require.NoError(t, err)
	require.NotNil(t, out.Message)
	m, err := out.Message.Canonical()
	require.NoError(t, err)
	require.True(t, m.Verify())
	require.Equal(t, s.c.Members[0].Public(), m.Sender())
	require.Equal(t, out.ID, m.ID())

	for range 3 { // whether within one millisecond or not
		next, err := s.in.SubmitEphemeraMessage(ctx, api.Submission{Label: "submit", Payload: []byte("by the node")})
		require.NoError(t, err)
		require.NotEqual(t, out.ID, next.ID, "each call makes a new message")
		out = next
	}

	again := api.Submission{Label: "submit", Time: time.Now().UnixMilli()}
	first, err := s.in.SubmitEphemeraMessage(ctx, again)
	require.NoError(t, err)
	_, err = s.in.SubmitEphemeraMessage(ctx, again)
	require.ErrorIs(t, err, api.Duplicate, "the same time makes the same message %s", first.ID)
}

func (s *suite) refusals(t *testing.T) {
	ctx := bounded(t)
	member := s.c.Members[0]
	limit := int(s.c.Group.Limits().PayloadBytes)
	forged := api.Signed(s.c.Message(member, "notice", "forged"))
	forged.Signature[3]++
	elsewhere, err := block.NewMessage(member, "elsewhere", "notice", nil, time.Now().UnixMilli())
	require.NoError(t, err)
	old, err := block.NewMessage(member, Network, "notice", nil, 1)
	require.NoError(t, err)
	ahead, err := block.NewMessage(member, Network, "notice", nil, time.Now().Add(time.Hour).UnixMilli())
	require.NoError(t, err)
	halfSigned := api.Signed(s.c.Message(member, "notice", "half"))
	halfSigned.Sender = nil
	misnamed := api.Signed(s.c.Message(member, "notice", "misnamed"))
	misnamed.ID = &block.MessageID{1}
	for name, refused := range map[string]struct {
		submission api.Submission
		kind       api.Kind
	}{
		"stranger":          {api.Signed(s.c.Message(Key(200), "notice", "")), api.UnknownSender},
		"signature":         {forged, api.Invalid},
		"other network":     {api.Signed(elsewhere), api.Invalid},
		"half signed":       {halfSigned, api.Invalid},
		"misnamed":          {misnamed, api.Invalid},
		"old":               {api.Signed(old), api.Invalid},
		"from the future":   {api.Signed(ahead), api.Invalid},
		"unknown group":     {api.Submission{Label: "notice", Group: 7}, api.Invalid},
		"long label":        {api.Submission{Label: string(make([]byte, block.MaxLabel+1))}, api.Invalid},
		"large":             {api.Submission{Label: "notice", Payload: make([]byte, limit+1)}, api.TooLarge},
		"rejected":          {api.Signed(s.c.Message(member, RefusedLabel, "")), api.Refused},
		"rejected payload":  {api.Submission{Label: RefusedLabel}, api.Refused},
		"postponed":         {api.Signed(s.c.Message(member, LaterLabel, "")), api.Unavailable},
		"postponed payload": {api.Submission{Label: LaterLabel}, api.Unavailable},
	} {
		_, err := s.in.SubmitEphemeraMessage(ctx, refused.submission)
		require.ErrorIs(t, err, refused.kind, name)
		var problem *api.Problem
		require.ErrorAs(t, err, &problem)
		require.Equal(t, refused.kind == api.Unavailable, problem.Temporary(), name)
		switch refused.kind {
		case api.Refused:
			require.ErrorContains(t, err, RefusedReason)
		case api.Unavailable:
			require.ErrorContains(t, err, LaterReason)
		}
	}

	m := s.c.Message(member, "twice", "")
	entry := s.c.Broadcast(ctx, s.in, m)
	_, err = s.in.SubmitEphemeraMessage(ctx, api.Signed(m))
	require.ErrorIs(t, err, api.Duplicate, "it is in block %s", entry.Block.ID)
}

func (s *suite) blocks(t *testing.T) {
	ctx := bounded(t)
	own := s.c.Broadcast(ctx, s.in, s.c.Message(s.c.Members[0], "own", "mine"))
	other := s.c.Broadcast(ctx, s.c.API(1), s.c.Message(s.c.Members[1], "other", "theirs"))
	// Wait until the first node has the other block.
	for entry, err := range s.in.Subscribe(ctx, api.Subscription{Label: "other"}) {
		require.NoError(t, err)
		require.Equal(t, other.Block, entry.Block)
		break
	}
	for i, entry := range []api.Entry{own, other} {
		require.NoError(t, entry.Verify(s.c.Group))
		creator := s.c.Members[i].Public()
		require.Equal(t, creator, entry.Block.Creator)

		got, err := s.in.QueryBlockByHash(ctx, entry.Block.ID)
		require.NoError(t, err)
		require.Equal(t, entry.Block, got)
		got, err = s.in.QueryBlockByHeight(ctx, api.SlotQuery{Height: entry.Block.Height, Creator: creator, Group: 1})
		require.NoError(t, err)
		require.Equal(t, entry.Block, got)
		got, err = s.in.QueryLastBlock(ctx, api.ChainQuery{Creator: creator})
		require.NoError(t, err)
		require.Equal(t, entry.Block, got)

		certificate, err := s.in.QueryBlockCertificates(ctx, entry.Block.ID)
		require.NoError(t, err)
		require.NoError(t, certificate.Verify(s.c.Group))
		group, err := membership.DecodeGroup(certificate.Group)
		require.NoError(t, err)
		require.Equal(t, s.c.Group.ID(), group.ID())
		require.GreaterOrEqual(t, len(certificate.Signers), s.c.Group.Q())
		require.NotEmpty(t, certificate.Signers[0].Name)

		info, err := s.in.QueryBlockBroadcastInfo(ctx, entry.Block.ID)
		require.NoError(t, err)
		require.Equal(t, s.c.Members[0].Public(), info.Local)
		require.Equal(t, [...]int{3, 0, 2}, [...]int{info.N, info.F, info.Q})
		require.GreaterOrEqual(t, len(info.Echoed), 2)
		require.Positive(t, info.CertifiedMS)
	}
	got, err := s.in.QueryBlockByHeight(ctx, api.SlotQuery{Height: own.Block.Height})
	require.NoError(t, err)
	require.Equal(t, own.Block, got)
	got, err = s.in.QueryLastBlock(ctx, api.ChainQuery{})
	require.NoError(t, err)
	require.Equal(t, own.Block, got)
}

func (s *suite) unknown(t *testing.T) {
	ctx := bounded(t)
	for name, ask := range map[string]func() error{
		"hash":   func() error { _, err := s.in.QueryBlockByHash(ctx, block.ID{1}); return err },
		"height": func() error { _, err := s.in.QueryBlockByHeight(ctx, api.SlotQuery{Height: 1 << 40}); return err },
		"group":  func() error { _, err := s.in.QueryBlockByHeight(ctx, api.SlotQuery{Height: 1, Group: 9}); return err },
		"stranger": func() error {
			_, err := s.in.QueryLastBlock(ctx, api.ChainQuery{Creator: Key(200).Public()})
			return err
		},
		"none yet": func() error {
			_, err := s.in.QueryLastBlock(ctx, api.ChainQuery{Creator: s.c.Members[2].Public()})
			return err
		},
		"certificate": func() error { _, err := s.in.QueryBlockCertificates(ctx, block.ID{1}); return err },
		"info":        func() error { _, err := s.in.QueryBlockBroadcastInfo(ctx, block.ID{1}); return err },
		"inclusion": func() error {
			_, err := s.in.VerifyMessageInBlock(ctx, api.InclusionQuery{Block: block.ID{1}})
			return err
		},
		"group number": func() error { _, err := s.in.QueryBroadcastGroup(ctx, api.GroupQuery{Number: 9}); return err },
		"group ID": func() error {
			_, err := s.in.QueryBroadcastGroup(ctx, api.GroupQuery{ID: membership.ID{1}})
			return err
		},
		"DHT": func() error { _, err := s.in.QueryDHT(ctx, "nothing"); return err },
	} {
		require.ErrorIs(t, ask(), api.NotFound, name)
	}
}

func (s *suite) inclusion(t *testing.T) {
	ctx := bounded(t)
	m := s.c.Message(s.c.Members[0], "inclusion", "")
	entry := s.c.Broadcast(ctx, s.in, m)
	for id, included := range map[block.MessageID]bool{m.ID(): true, {1}: false} {
		question := api.InclusionQuery{Block: entry.Block.ID, Message: id}
		answer, err := s.in.VerifyMessageInBlock(ctx, question)
		require.NoError(t, err)
		require.Equal(t, included, answer.Included)
		require.NoError(t, answer.Verify(question))
	}
}

func (s *suite) list(t *testing.T) {
	ctx := bounded(t)
	for i := range 5 {
		s.c.Broadcast(ctx, s.in, s.c.Message(s.c.Members[0], "list", fmt.Sprint(i)))
	}
	whole, err := s.in.ListBlocks(ctx, api.ListQuery{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(whole.Blocks), 5)

	var paged []api.Entry
	from := api.Beginning
	for {
		page, err := s.in.ListBlocks(ctx, api.ListQuery{From: from, Limit: 2})
		require.NoError(t, err)
		if len(page.Blocks) == 0 {
			require.Equal(t, from, page.Next)
			break
		}
		require.LessOrEqual(t, len(page.Blocks), 2)
		paged, from = append(paged, page.Blocks...), page.Next
	}
	require.GreaterOrEqual(t, len(paged), len(whole.Blocks))
	for i, entry := range whole.Blocks {
		require.Equal(t, entry.Block, paged[i].Block)
		require.Equal(t, entry.Cursor, paged[i].Cursor)
		require.NoError(t, entry.Verify(s.c.Group))
	}
	theirs, err := s.in.ListBlocks(ctx, api.ListQuery{Creator: s.c.Members[1].Public()})
	require.NoError(t, err)
	for _, entry := range theirs.Blocks {
		require.Equal(t, s.c.Members[1].Public(), entry.Block.Creator)
	}
	_, err = s.in.ListBlocks(ctx, api.ListQuery{Limit: api.MaxPage + 1})
	require.ErrorIs(t, err, api.Invalid)
	_, err = s.in.ListBlocks(ctx, api.ListQuery{Limit: -1})
	require.ErrorIs(t, err, api.Invalid)
	_, err = s.in.ListBlocks(ctx, api.ListQuery{From: beyond})
	require.ErrorIs(t, err, api.Invalid)
}

// beyond is a cursor that no store of these tests has reached.
const beyond api.Cursor = 1 << 40

// take returns the first blocks of a subscription.
func (s *suite) take(ctx context.Context, t *testing.T, wanted api.Subscription, count int) []api.Entry {
	var out []api.Entry
	for entry, err := range s.in.Subscribe(ctx, wanted) {
		require.NoError(t, err)
		if out = append(out, entry); len(out) == count {
			return out
		}
	}
	t.Fatal("the subscription ended without an error")
	return nil
}

func (s *suite) subscribe(t *testing.T) {
	ctx := bounded(t)
	s.c.Broadcast(ctx, s.in, s.c.Message(s.c.Members[0], "subscribe", "own"))
	s.c.Broadcast(ctx, s.c.API(1), s.c.Message(s.c.Members[1], "elsewhere", "other"))
	s.take(ctx, t, api.Subscription{Label: "elsewhere"}, 1)
	page, err := s.in.ListBlocks(ctx, api.ListQuery{})
	require.NoError(t, err)

	all := s.take(ctx, t, api.Subscription{}, len(page.Blocks))
	for i, entry := range all {
		require.Equal(t, page.Blocks[i].Block.ID, entry.Block.ID)
		require.NoError(t, entry.Verify(s.c.Group))
		if i+1 < len(all) { // resuming from any cursor loses and repeats nothing
			next := s.take(ctx, t, api.Subscription{From: entry.Cursor}, 1)
			require.Equal(t, all[i+1].Block.ID, next[0].Block.ID)
		}
	}
	own := s.take(ctx, t, api.Subscription{Own: true}, 2)
	theirs := s.take(ctx, t, api.Subscription{Creator: s.c.Members[1].Public()}, 1)
	labelled := s.take(ctx, t, api.Subscription{Label: "elsewhere"}, 1)
	require.Equal(t, s.c.Members[0].Public(), own[1].Block.Creator)
	require.Equal(t, s.c.Members[1].Public(), theirs[0].Block.Creator)
	require.Equal(t, "elsewhere", labelled[0].Block.Messages[0].Label)

	for _, wanted := range []api.Subscription{{Own: true, Creator: s.c.Members[1].Public()}, {From: beyond}} {
		for _, err := range s.in.Subscribe(ctx, wanted) {
			require.ErrorIs(t, err, api.Invalid)
		}
	}
}

func (s *suite) fromNow(t *testing.T) {
	ctx := bounded(t)
	s.c.Broadcast(ctx, s.in, s.c.Message(s.c.Members[0], "now", "before"))
	m := s.c.Message(s.c.Members[0], "now", "after")
	var once bool
	wanted := api.Subscription{From: api.Now, Own: true, Progress: func(api.Cursor) {
		if !once { // the subscription has its cursor: it includes all later blocks
			once = true
			_, err := s.in.SubmitEphemeraMessage(ctx, api.Signed(m))
			require.NoError(t, err)
		}
	}}
	require.Equal(t, m.ID(), s.take(ctx, t, wanted, 1)[0].Block.Messages[0].ID)
}

func (s *suite) group(t *testing.T) {
	ctx := bounded(t)
	for _, q := range []api.GroupQuery{{}, {Number: 1}, {ID: s.c.Group.ID()}} {
		got, err := s.in.QueryBroadcastGroup(ctx, q)
		require.NoError(t, err)
		group, err := got.Canonical()
		require.NoError(t, err)
		require.Equal(t, s.c.Group.ID(), group.ID())
		require.Equal(t, [...]int{3, 0, 2, 2}, [...]int{got.N, got.F, got.Q, got.Online})
		require.True(t, got.Newest)
		for i, member := range got.Members {
			require.Equal(t, s.c.Members[i].Public(), member.Key)
			require.Equal(t, i < 2, member.Online)
			require.Equal(t, i == 0, member.Local)
			require.Equal(t, fmt.Sprint("member", i+1), member.Name)
		}
	}
}

func (s *suite) evidence(t *testing.T) {
	held, err := s.in.Evidence(bounded(t))
	require.NoError(t, err)
	require.Len(t, held, 1)
	require.NoError(t, held[0].Verify())
	require.Equal(t, s.c.Members[2].Public(), held[0].Creator)
}

func (s *suite) forks(t *testing.T) {
	held, err := s.in.Forks(bounded(t))
	require.NoError(t, err)
	require.Len(t, held, 1)
	require.NoError(t, held[0].Verify(s.c.Group))
	require.Equal(t, s.c.Members[2].Public(), held[0].Creator)
	require.Len(t, held[0].SignedBoth, 2)
	require.Equal(t, "member2", held[0].SignedBoth[0].Name)
	health, err := s.in.Health(bounded(t))
	require.NoError(t, err)
	require.Equal(t, 1, health.Forks)
}

func (s *suite) dht(t *testing.T) {
	ctx := bounded(t)
	key := "/some where/ä%2F?#"
	value := []byte{0, 1, 2, 255}
	require.NoError(t, s.in.StoreInDHT(ctx, key, value))
	got, err := s.in.QueryDHT(ctx, key)
	require.NoError(t, err)
	require.Equal(t, value, got)
	require.ErrorIs(t, s.in.StoreInDHT(ctx, key, make([]byte, api.MaxDHTValue+1)), api.TooLarge)
	require.ErrorIs(t, s.in.StoreInDHT(ctx, "", value), api.Invalid)
	require.ErrorIs(t, s.in.StoreInDHT(ctx, string(make([]byte, api.MaxDHTKey+1)), value), api.Invalid)
	_, err = s.in.QueryDHT(ctx, "")
	require.ErrorIs(t, err, api.Invalid)
}

func (s *suite) node(t *testing.T) {
	ctx := bounded(t)
	config, err := s.in.QueryEphemeraConfig(ctx)
	require.NoError(t, err)
	require.Equal(t, s.c.Members[0].Public(), config.Key)
	require.Equal(t, Network, config.Network)
	require.Equal(t, "v1.2.3", config.Version)
	require.Len(t, config.Clients, len(s.c.Clients))
	require.JSONEq(t, `{"block":"1s"}`, string(config.Application))

	health, err := s.in.Health(ctx)
	require.NoError(t, err)
	require.True(t, health.Ready, health.Reason)
	require.Equal(t, 2, health.Online)
	require.Positive(t, health.Height)
}

func (s *suite) contexts(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.in.SubmitEphemeraMessage(gone, api.Signed(s.c.Message(s.c.Members[0], "gone", "")))
	require.ErrorIs(t, err, context.Canceled)

	brief, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for entry, err := range s.in.Subscribe(brief, api.Subscription{Label: "never"}) {
		require.ErrorIs(t, err, context.DeadlineExceeded, "%v", entry)
	}
}

// full fills the mempool of the only running member, so that no message leaves it.
func full(t *testing.T, open Open) {
	ctx := bounded(t)
	c := Start(t, 1, mempool.Limits{Messages: 8, PerSender: 12})
	in := open(t, c.API(0))
	seen := map[api.Kind]bool{}
	for i := range 4 * len(c.Clients) { // four messages of each
		_, err := in.SubmitEphemeraMessage(ctx, api.Signed(c.Message(c.Clients[i/4], "fill", fmt.Sprint(i))))
		for _, kind := range []api.Kind{api.SenderQuota, api.MempoolFull} {
			if errors.Is(err, kind) {
				seen[kind], err = true, nil
			}
		}
		require.NoError(t, err)
	}
	require.Equal(t, map[api.Kind]bool{api.SenderQuota: true, api.MempoolFull: true}, seen)
	health, err := in.Health(ctx)
	require.NoError(t, err)
	require.False(t, health.Ready, "one of three is not a quorum")
	require.Contains(t, health.Reason, "quorum")
}

// stopped calls a node that has stopped.
func stopped(t *testing.T, open Open) {
	ctx := bounded(t)
	c := Start(t, 1, mempool.Limits{})
	in := open(t, c.API(0))
	m := api.Signed(c.Message(c.Members[0], "late", ""))
	c.Stop(0)
	_, err := in.SubmitEphemeraMessage(ctx, m)
	require.ErrorIs(t, err, api.Unavailable)
	health, err := in.Health(ctx)
	require.NoError(t, err)
	require.False(t, health.Ready)
}
