package telemetry_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/telemetry"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

func TestMetricsFollowTheNode(t *testing.T) {
	c := apitest.Start(t, 2, mempool.Limits{})
	in := c.API(0)
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(telemetry.New(telemetry.Config{Node: c.Nodes[0], Version: "v1"})))
	complaints, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, complaints)

	m := c.Message(c.Members[0], "l", "")
	entry := c.Broadcast(t.Context(), in, m)
	_, err = in.SubmitEphemeraMessage(t.Context(), api.Signed(m))
	require.ErrorIs(t, err, api.Duplicate)
	_, err = in.SubmitEphemeraMessage(t.Context(), api.Signed(c.Message(c.Members[0], apitest.RefusedLabel, "")))
	require.ErrorIs(t, err, api.Refused)
	_, err = in.SubmitEphemeraMessage(t.Context(), api.Signed(c.Message(apitest.Key(99), "l", "")))
	require.ErrorIs(t, err, api.UnknownSender)
	want := strings.ReplaceAll(`
# HELP ephemera_certified_height Highest contiguous certified height of a member's chain.
# TYPE ephemera_certified_height gauge
ephemera_certified_height{member="A"} 1
ephemera_certified_height{member="B"} 0
ephemera_certified_height{member="C"} 0
# HELP ephemera_equivocations Members whose equivocation the node can prove.
# TYPE ephemera_equivocations gauge
ephemera_equivocations 1
# HELP ephemera_forks Chains that have stopped because two blocks of a slot are certified.
# TYPE ephemera_forks gauge
ephemera_forks 1
# HELP ephemera_mempool_messages_total Messages by outcome: admitted or returned to the mempool, not admitted, or removed from it.
# TYPE ephemera_mempool_messages_total counter
ephemera_mempool_messages_total{outcome="dropped"} 0
ephemera_mempool_messages_total{outcome="duplicate"} 1
ephemera_mempool_messages_total{outcome="expired"} 0
ephemera_mempool_messages_total{outcome="full"} 0
ephemera_mempool_messages_total{outcome="future"} 0
ephemera_mempool_messages_total{outcome="included"} 1
ephemera_mempool_messages_total{outcome="quota"} 0
ephemera_mempool_messages_total{outcome="refused"} 1
ephemera_mempool_messages_total{outcome="returned"} 0
ephemera_mempool_messages_total{outcome="taken"} 1
ephemera_mempool_messages_total{outcome="timed_out"} 0
ephemera_mempool_messages_total{outcome="unknown_sender"} 1
# HELP ephemera_members_online Members of the node's group that are connected, the node included.
# TYPE ephemera_members_online gauge
ephemera_members_online 2
# HELP ephemera_running 1 while the node runs.
# TYPE ephemera_running gauge
ephemera_running 1
`, `"A"`, `"`+entry.Block.Creator.PeerID()+`"`)
	want = strings.ReplaceAll(want, `"B"`, `"`+c.Members[1].Public().PeerID()+`"`)
	want = strings.ReplaceAll(want, `"C"`, `"`+c.Members[2].Public().PeerID()+`"`)
	names := []string{"ephemera_mempool_messages_total", "ephemera_certified_height", "ephemera_equivocations", "ephemera_forks", "ephemera_members_online", "ephemera_running"}
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(want), names...))

	c.Stop(0)
	stopped := strings.ReplaceAll(want[strings.Index(want, "# HELP ephemera_running"):], "ephemera_running 1\n", "ephemera_running 0\n")
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(stopped), "ephemera_running"))
}
