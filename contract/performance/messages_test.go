package performance_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// The JSON is that of the specification's scenarios.
func TestMessagesHaveTheContractsNames(t *testing.T) {
	messages, err := performance.BatchMessages(10, []performance.Measured{
		{Node: 3, Values: [performance.Kinds]string{"0.5", "", "1"}},
		{Node: 7, Values: [performance.Kinds]string{"", "0.955", ""}},
		{Node: 9, Values: [performance.Kinds]string{"0", "0", "0"}},
	}, 2)
	require.NoError(t, err)
	require.Equal(t, []json.RawMessage{
		json.RawMessage(`{"batch_submit":{"epoch":10,"data":[{"n":3,"m":{"l":"0.5","c":"1"}},{"n":7,"m":{"s":"0.955"}}]}}`),
		json.RawMessage(`{"batch_submit":{"epoch":10,"data":[{"n":9,"m":{"l":"0","s":"0","c":"0"}}]}}`),
	}, messages)
	none, err := performance.BatchMessages(10, nil, 1)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestWhatTheContractWouldRefuseIsNotExported(t *testing.T) {
	one := func(node performance.NodeID, text string) performance.Measured {
		return performance.Measured{Node: node, Values: [performance.Kinds]string{text}}
	}
	for why, measured := range map[string][]performance.Measured{
		"node 3 after node 3":    {one(3, "1"), one(3, "1")},
		"node 2 after node 3":    {one(3, "1"), one(2, "1")},
		"node 3 has no value":    {one(3, "")},
		"liveness of node 3":     {one(3, "1.1")},
		"expected digits with a": {one(3, "half")},
	} {
		_, err := performance.BatchMessages(1, measured, 10)
		require.ErrorIs(t, err, performance.ErrMessage)
		require.ErrorContains(t, err, why)
	}
	_, err := performance.BatchMessages(1, nil, 0)
	require.ErrorContains(t, err, "0 nodes for each message")
}

// A contract that gets the messages one after the other takes each, and stores what it would of the
// uptimes themselves.
func TestMessagesOfAnySizeAreAccepted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uptimes := rapid.SliceOfN(rapid.IntRange(0, 10000), 1, 30).Draw(t, "uptimes")
		measured, start := make([]performance.Measured, len(uptimes)), performance.Start{Weights: performance.LivenessOnly(), Monitors: []performance.Address{"m"}}
		for i, u := range uptimes {
			node := performance.NodeID(i + 1)
			measured[i] = performance.Measured{Node: node, Values: [performance.Kinds]string{performance.DecimalOf(metrics.Uptime(u)), "", "1"}}
			start.Bonded = append(start.Bonded, node)
		}
		messages, err := performance.BatchMessages(0, measured, rapid.IntRange(1, 40).Draw(t, "most"))
		require.NoError(t, err)
		c, err := performance.New(start)
		require.NoError(t, err)
		for _, message := range messages {
			var read struct {
				Batch struct {
					Data []struct {
						N performance.NodeID
						M struct{ L, C string }
					}
				} `json:"batch_submit"`
			}
			require.NoError(t, json.NewDecoder(strings.NewReader(string(message))).Decode(&read))
			var entries []performance.Entry
			for _, d := range read.Batch.Data {
				values := performance.NoValues()
				values[performance.Liveness], err = performance.ParsePercent(d.M.L)
				require.NoError(t, err)
				entries = append(entries, performance.Entry{Node: d.N, Values: values})
			}
			_, err := c.Batch("m", 0, entries)
			require.NoError(t, err)
		}
		for i, u := range uptimes {
			bundle, found := c.Bundle(0, performance.NodeID(i+1))
			require.True(t, found)
			require.Equal(t, []performance.Percent{performance.PercentOf(metrics.Uptime(u))}, bundle[performance.Liveness])
		}
	})
	require.Empty(t, performance.DecimalOf(metrics.Missing))
}
