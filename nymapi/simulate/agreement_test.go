package simulate

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// The simulated Nym-APIs count in a block what verify.Matrix counts.
func TestTheSimulationCountsWhatTheContractCounts(t *testing.T) {
	const nodes = 4
	c, err := newEnvironment(scenario{seed: 1, nodes: nodes, mixnodes: 3, epochs: 2, duration: 1000, byzantine: []int{3}})
	require.NoError(t, err)
	c.estimator, err = metrics.ParseEstimator("median")
	require.NoError(t, err)
	for node := range nodes {
		c.application(node, contracttest.Key(node+1).Public())
	}
	group := contracttest.Group(nodes)
	sign := func(node int, label string, payload []byte) block.Message {
		m, err := block.NewMessage(contracttest.Key(node+1), group.Network(), label, payload, 1)
		require.NoError(t, err)
		return m
	}
	var pool []block.Message
	for node := range nodes {
		for epoch := 1; epoch <= 2; epoch++ {
			payload := c.payload(group, simulation.Submission{Node: node, Label: label(epoch)})
			pool = append(pool, sign(node, label(epoch), payload))
		}
		pool = append(pool, sign(node, label(1), []byte("garbage")))
	}
	other, err := metrics.Report{Description: c.hashes[0], Mixnodes: []metrics.MixID{"m"}, Values: []metrics.Uptime{1}}.Encode()
	require.NoError(t, err)
	pool = append(pool, sign(3, label(1), other), sign(3, label(2), other))
	outsider := c.payload(group, simulation.Submission{Node: 0, Label: label(1)})
	pool = append(pool, sign(nodes, label(1), outsider))
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, len(pool), block.Message.ID).Draw(t, "messages")
		b := block.New(group, contracttest.Key(1).Public(), 1, block.ID{}, 0, content)
		got := c.judge(b)
		justified := map[int][]verify.Reporter{}
		for epoch := 1; epoch <= 2; epoch++ {
			if _, reporters, err := verify.Matrix(b, c.descriptions[epoch-1]); err == nil {
				justified[epoch] = reporters
			}
		}
		if got.epoch == 0 {
			// A block with claims about two epochs is rejected, even if only one of them is justified.
			require.True(t, len(justified) != 1 || got.reason == "reports of two epochs in one block", got.reason)
			return
		}
		require.Contains(t, justified, got.epoch)
		require.Len(t, justified[got.epoch], got.count)
		for _, reporter := range justified[got.epoch] {
			require.True(t, got.reporters[c.places[reporter.Key]])
		}
	})
}
