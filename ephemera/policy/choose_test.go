package policy

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

const network = "policy-test"

func key(i int) keys.Private { return keys.FromSeed([32]byte{byte(i)}) }

func groupOf(t require.TestingT, n int, limits membership.Limits) *membership.Group {
	members := make([]keys.Public, n)
	for i := range members {
		members[i] = key(i).Public()
	}
	g, err := membership.NewGroup(network, 1, members, limits)
	require.NoError(t, err)
	return g
}

func message(t require.TestingT, sender int, label, payload string) block.Message {
	m, err := block.NewMessage(key(sender), network, label, []byte(payload), 1)
	require.NoError(t, err)
	return m
}

func ids(messages ...block.Message) []block.MessageID {
	list := make([]block.MessageID, len(messages))
	for i, m := range messages {
		list[i] = m.ID()
	}
	return list
}

func TestTheFirstRuleThatIsMetMakesTheBlock(t *testing.T) {
	group := groupOf(t, 3, membership.Limits{})
	a, b, c := message(t, 0, "x", "a"), message(t, 1, "x", "b"), message(t, 2, "x", "c")
	client := message(t, 9, "x", "client")
	second := message(t, 0, "x", "second")
	other := message(t, 1, "y", "other")
	for _, test := range []struct {
		name       string
		config     Config
		candidates []block.Message
		waited     time.Duration
		want       []block.Message
		due        time.Duration // from now, or 0
	}{
		{name: "at once by default", candidates: []block.Message{a, b}, want: []block.Message{a, b}},
		{name: "waits for the time", config: Config{Wait: time.Second}, candidates: []block.Message{a, b}, due: time.Second},
		{name: "waits for the rest of the time", config: Config{Wait: time.Second}, candidates: []block.Message{a}, waited: 900 * time.Millisecond, due: 100 * time.Millisecond},
		{name: "the time has passed", config: Config{Wait: time.Second}, candidates: []block.Message{a, b}, waited: time.Second, want: []block.Message{a, b}},
		{name: "too few", config: Config{Messages: 3}, candidates: []block.Message{a, b}},
		{name: "enough, and no more", config: Config{Messages: 2}, candidates: []block.Message{a, b, c}, want: []block.Message{a, b}},
		{name: "enough before the time", config: Config{Messages: 2, Wait: time.Hour}, candidates: []block.Message{a, b}, want: []block.Message{a, b}},
		{name: "the time before enough", config: Config{Messages: 9, Wait: time.Second}, candidates: []block.Message{a, b}, waited: time.Second, want: []block.Message{a, b}},
		{name: "one member is missing", config: Config{OneOfEach: true}, candidates: []block.Message{a, second, b}},
		{name: "clients are not members", config: Config{OneOfEach: true}, candidates: []block.Message{a, b, client}},
		{name: "one of each", config: Config{OneOfEach: true}, candidates: []block.Message{a, second, b, client, c}, want: []block.Message{a, b, client, c}},
		{name: "labels are counted separately", config: Config{OneLabel: true, Messages: 2}, candidates: []block.Message{a, other}},
		{name: "labels are not mixed", config: Config{OneLabel: true}, candidates: []block.Message{other, a, b}, want: []block.Message{other}, due: again},
		{name: "a later label is complete first", config: Config{OneLabel: true, Messages: 2}, candidates: []block.Message{other, a, b}, want: []block.Message{a, b}},
	} {
		t.Run(test.name, func(t *testing.T) {
			now, w := time.Unix(100, 0), waits{}
			w.update(test.candidates, now.Add(-test.waited))
			got := test.config.choose(group, test.candidates, w, now)
			require.ElementsMatch(t, ids(test.want...), got.messages)
			if test.due == 0 {
				require.Zero(t, got.due)
			} else {
				require.Equal(t, test.due, got.due.Sub(now))
			}
		})
	}
}

// A block that the application does not accept is offered again after all others.
func TestLabelsTakeTurns(t *testing.T) {
	group := groupOf(t, 1, membership.Limits{})
	labels := []string{"a", "b", "c"}
	var candidates []block.Message
	for _, label := range labels {
		candidates = append(candidates, message(t, 0, label, "stuck"))
	}
	w, now := waits{}, time.Unix(100, 0)
	w.update(candidates, now)
	for round := range 2 * len(labels) {
		chosen := Config{OneLabel: true}.choose(group, candidates, w, now)
		require.Equal(t, ids(candidates[round%len(labels)]), chosen.messages)
		require.Equal(t, again, chosen.due.Sub(now))
	}
}

// For all rules, every member accepts the block, and no message waits longer than the rules say.
func TestBlocksFitTheGroupsLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := membership.Limits{
			PayloadBytes: 64, BlockMessages: uint32(rapid.IntRange(1, 6).Draw(t, "most")), BlockBytes: uint32(rapid.IntRange(300, 1200).Draw(t, "bytes")),
		}
		group := groupOf(t, rapid.IntRange(1, 4).Draw(t, "n"), limits)
		config := Config{
			Wait: time.Duration(rapid.IntRange(0, 2).Draw(t, "wait")) * time.Second, Messages: rapid.IntRange(0, 8).Draw(t, "messages"),
			OneOfEach: rapid.Bool().Draw(t, "each"), OneLabel: rapid.Bool().Draw(t, "label"),
		}
		var candidates []block.Message
		for i := range rapid.IntRange(0, 12).Draw(t, "count") {
			size := rapid.IntRange(1, 80).Draw(t, "size")
			payload := string(slices.Repeat([]byte{byte(i)}, size))
			candidates = append(candidates, message(t, rapid.IntRange(0, 5).Draw(t, "sender"), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "of"), payload))
		}
		w, now := waits{}, time.Unix(100, 0)
		w.update(candidates, now)
		now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "waited")) * time.Second)
		chosen := config.choose(group, candidates, w, now)

		byID := map[block.MessageID]block.Message{}
		fits := 0
		for _, m := range candidates {
			byID[m.ID()] = m
			if len(m.Payload()) <= int(limits.PayloadBytes) {
				fits++
			}
		}
		var picked []block.Message
		senders, names := map[keys.Public]bool{}, map[string]bool{}
		for _, id := range chosen.messages {
			require.Contains(t, byID, id)
			require.False(t, config.OneOfEach && senders[byID[id].Sender()], "two messages of one sender")
			senders[byID[id].Sender()], names[byID[id].Label()] = true, true
			picked = append(picked, byID[id])
		}
		require.NoError(t, block.New(group, group.Member(0), 1, block.ID{}, 1, picked).Check(group))
		require.False(t, config.OneLabel && len(names) > 1, "two labels")
		due := config.Wait > 0 && now.Sub(time.Unix(100, 0)) >= config.Wait
		if fits > 0 && (due || config.complete(group, pick{}) || config.Messages == 1) {
			require.NotEmpty(t, picked)
		}
		if len(picked) == 0 && fits > 0 && config.Wait > 0 {
			require.True(t, chosen.due.After(now))
		}
	})
}

func TestOnlyCandidatesAreRemembered(t *testing.T) {
	a, b := message(t, 0, "x", "a"), message(t, 0, "x", "b")
	w, now := waits{}, time.Unix(100, 0)
	w.update([]block.Message{a, b}, now)
	w.update([]block.Message{b}, now.Add(time.Second))
	require.Len(t, w, 1)
	require.Equal(t, now, w[b.ID()].since, "the first turn counts")
}

func TestConfigIsChecked(t *testing.T) {
	for _, wrong := range []Config{{Wait: -1}, {Wait: MaxWait + 1}, {Messages: -1}} {
		_, err := New(wrong)
		require.ErrorIs(t, err, ErrConfig)
	}
	require.Empty(t, Config{}.Warnings())
	require.Empty(t, Config{Wait: time.Second, Messages: 5}.Warnings())
	require.Empty(t, Config{Messages: 1}.Warnings())
	require.Len(t, Config{Messages: 2}.Warnings(), 1)
	require.Len(t, Config{OneOfEach: true}.Warnings(), 1)
}

func TestFunctionsJudgeAndDeliver(t *testing.T) {
	m, b := message(t, 0, "x", "a"), block.Block{}
	failed := errors.New("the disk is full")
	a, err := New(Config{
		CheckMessage: func(_ context.Context, got block.Message) ephemera.Decision { return ephemera.Reject(got.Label()) },
		CheckBlock:   func(context.Context, block.Block) ephemera.Decision { return ephemera.Later("not yet") },
		DeliverBlock: func(context.Context, block.Block, certificate.Certificate) error { return failed },
	})
	require.NoError(t, err)
	require.Equal(t, ephemera.Reject("x"), a.CheckMessage(t.Context(), m))
	require.Equal(t, ephemera.Later("not yet"), a.CheckBlock(t.Context(), b))
	require.Equal(t, failed, a.DeliverBlock(t.Context(), b, certificate.Certificate{}))
}

// The first message that is not accepted decides about a block. A rejected one is dropped.
func TestEachMessageJudgesABlockByItsMessages(t *testing.T) {
	good, bad, early := message(t, 0, "good", "a"), message(t, 0, "bad", "b"), message(t, 0, "early", "c")
	check := EachMessage(func(_ context.Context, m block.Message) ephemera.Decision {
		switch m.Label() {
		case "bad":
			return ephemera.Reject("a bad label")
		case "early":
			return ephemera.Later("its time has not come")
		case "forgotten":
			return ephemera.Decision{}
		}
		return ephemera.Accept()
	})
	for name, test := range map[string]struct {
		messages []block.Message
		want     ephemera.Decision
	}{
		"none":            {nil, ephemera.Accept()},
		"good":            {[]block.Message{good, good}, ephemera.Accept()},
		"bad":             {[]block.Message{good, bad}, ephemera.Reject("a bad label").Dropping(bad.ID())},
		"bad before late": {[]block.Message{bad, early}, ephemera.Reject("a bad label").Dropping(bad.ID())},
		"late":            {[]block.Message{good, early, bad}, ephemera.Later("its time has not come")},
		"forgotten":       {[]block.Message{message(t, 0, "forgotten", "d"), good}, ephemera.Decision{}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, check(t.Context(), block.Block{Messages: test.messages}))
		})
	}
}

func TestMustPanicsIfNewFails(t *testing.T) {
	require.PanicsWithError(t, "invalid block policy: Messages is -1, expected 1 or more, or 0 for no rule", func() { Must(Config{Messages: -1}) })
	require.NotNil(t, Must(Config{}))
}

func TestVerifySignature(t *testing.T) {
	m := message(t, 0, "x", "a")
	require.True(t, VerifySignature(t.Context(), m).IsAccept())
	encoded := m.Encode()
	encoded[len(encoded)-1] ^= 1
	forged, err := block.DecodeMessage(encoded, 100)
	require.NoError(t, err)
	require.True(t, VerifySignature(t.Context(), forged).IsReject())
}

func TestZeroConfigAcceptsEverything(t *testing.T) {
	limits := membership.Limits{PayloadBytes: 10, BlockMessages: 2, BlockBytes: 1000}
	app, err := New(Config{})
	require.NoError(t, err)
	turn := ephemera.Turn{Group: groupOf(t, 1, limits), Newest: true}
	a, b, c := message(t, 0, "x", "a"), message(t, 7, "y", "b"), message(t, 0, "x", "c")
	require.True(t, app.CheckMessage(t.Context(), a).IsAccept())
	turn.Candidates = []block.Message{a, b, c}
	require.Equal(t, ids(a, b), app.NextBlock(t.Context(), turn), "as many as fit")
	turn.Newest, turn.Directed = false, map[block.MessageID]bool{c.ID(): true}
	require.Equal(t, ids(c), app.NextBlock(t.Context(), turn), "an older group's block holds only what was submitted to that group")
	require.True(t, app.CheckBlock(t.Context(), block.Block{}).IsAccept())
	require.NoError(t, app.DeliverBlock(t.Context(), block.Block{}, certificate.Certificate{}))
}

// Messages that waited in a group that has closed wake the node once more, not forever.
func TestClosedGroupIsForgotten(t *testing.T) {
	a, err := New(Config{Wait: time.Minute})
	require.NoError(t, err)
	a.turns[1] = &turn{waits: waits{}, due: time.Now().Add(-time.Second)}
	group, err := membership.NewGroup(network, 2, []keys.Public{key(0).Public()}, membership.Limits{})
	require.NoError(t, err)
	candidates := []block.Message{message(t, 0, "x", "a")}
	for _, passed := range []bool{true, false} {
		require.Empty(t, a.NextBlock(t.Context(), ephemera.Turn{Group: group, Newest: true, Candidates: candidates}))
		require.Equal(t, passed, time.Now().After(<-a.due))
	}
}
