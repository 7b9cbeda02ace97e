package verify_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// counted implements the rule as it is documented, without digests, limits or caches.
func counted(d contract.Description, messages []block.Message) (ids []block.MessageID) {
	seen := map[keys.Public]bool{}
	for _, m := range messages {
		size := len(m.Payload())
		report, err := metrics.DecodeReport(m.Payload(), metrics.Limits{Mixnodes: size, Bytes: size})
		if err == nil && d.Group.Contains(m.Sender()) && report.Description == d.Hash() && slices.Equal(report.Mixnodes, d.Mixnodes) && !seen[m.Sender()] {
			seen[m.Sender()] = true
			ids = append(ids, m.ID())
		}
	}
	return ids
}

// For any block, Matrix and a Rule with cached readings count the same messages as the definition.
func TestMatrixAndRuleCountTheSameReports(t *testing.T) {
	d := contracttest.Description(7, 6)
	pool := append(garbage(t, d), contracttest.Messages(d, contracttest.Numbers(8)...)...)
	others := d
	others.Mixnodes = contracttest.Mixnodes(7)
	pool = append(pool, contracttest.Message(d, 5, contracttest.Report(others, 5)))
	cache := map[block.MessageID]verify.Reading{}
	for _, m := range pool {
		if reading, err := verify.Read(m); err == nil {
			cache[m.ID()] = reading.WithoutValues()
		}
	}
	cached := func(m block.Message) (verify.Reading, error) {
		if reading, ok := cache[m.ID()]; ok {
			return reading, nil
		}
		return verify.Reading{}, verify.ErrNoReport
	}
	rule := verify.NewRule(d)
	rapid.Check(t, func(t *rapid.T) {
		messages := rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, len(pool), block.Message.ID).Draw(t, "messages")
		want := counted(d, messages)
		require.Equal(t, want, idsOf(rule.Pick(messages, cached)))
		require.Equal(t, want, idsOf(rule.Pick(messages, verify.Read)))

		b := unsigned(d, messages)
		picked, pickErr := rule.Block(b, cached)
		_, reporters, matrixErr := verify.Matrix(b, d)
		require.Equal(t, matrixErr, pickErr)
		require.Equal(t, len(want) >= 5, matrixErr == nil)
		if matrixErr == nil {
			require.Equal(t, want, idsOf(picked))
			require.Len(t, reporters, len(picked))
			for i, reporter := range reporters {
				require.Equal(t, picked[i].Reporter, reporter)
			}
		}
	})
}

func idsOf(readings []verify.Reading) (ids []block.MessageID) {
	for _, r := range readings {
		ids = append(ids, r.Message)
	}
	return ids
}

func TestMessagesWithoutAReportAreErrors(t *testing.T) {
	for _, payload := range [][]byte{nil, []byte("garbage"), {0x83}} {
		_, err := verify.Read(message(t, 1, "epoch/1", payload))
		require.ErrorIs(t, err, verify.ErrNoReport)
	}
}
