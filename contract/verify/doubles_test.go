package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// forge returns the message with another signature.
func forge(t *testing.T, m block.Message) block.Message {
	encoded := m.Encode()
	encoded[len(encoded)-1] ^= 1
	forged, err := block.DecodeMessage(encoded, 1<<20)
	require.NoError(t, err)
	return forged
}

func TestOnlyTwoSignedReportsOfTheEpochConvict(t *testing.T) {
	d := contracttest.Description(4, 3)
	honest := contracttest.Messages(d, 1, 2, 3, 4)
	another := contracttest.Report(d, 2)
	another.Values[0]++
	second := contracttest.Message(d, 2, another)
	about, stranger := epochNumber(2), contracttest.Report(d, 9)
	changed := stranger
	changed.Values = append(changed.Values[:0:0], changed.Values...)
	changed.Values[0]++

	pairs := verify.DoubleReports(d, append(honest, second, second))
	require.Len(t, pairs, 1)
	require.Equal(t, [2]block.MessageID{honest[1].ID(), second.ID()}, [2]block.MessageID{pairs[0][0].ID(), pairs[0][1].ID()})
	for name, messages := range map[string][]block.Message{
		"one of each":        honest,
		"the same twice":     {honest[1], honest[1]},
		"signed twice":       {honest[1], forge(t, honest[1])},
		"a forged one":       {honest[1], forge(t, second)},
		"forged ones":        {forge(t, honest[1]), second},
		"of another epoch":   {honest[1], contracttest.Messages(about, 2)[0]},
		"no report":          {honest[1], contracttest.Message(about, 2, contracttest.Report(about, 2))},
		"of somebody else":   {contracttest.Message(d, 9, stranger), contracttest.Message(d, 9, changed)},
		"nothing":            nil,
		"many forged before": append(forgedReports(t, 2, 16), honest[1], second),
	} {
		require.Empty(t, verify.DoubleReports(d, messages), name)
	}
}

// forgedReports returns different reports in a member's name that it did not sign.
func forgedReports(t *testing.T, number, count int) (forged []block.Message) {
	d := contracttest.Description(4, 3)
	for i := range count {
		r := contracttest.Report(d, number)
		r.Values[2] -= metrics.Uptime(i + 1)
		forged = append(forged, forge(t, contracttest.Message(d, number, r)))
	}
	return forged
}

func TestOnlyTwoSignedHeadersOfASlotConvict(t *testing.T) {
	d := contracttest.Description(4, 3)
	signed := func(creator int, height uint64, numbers ...int) block.SignedHeader {
		b := block.New(d.Group, contracttest.Key(creator).Public(), height, block.ID{byte(min(1, height-1))}, 5, contracttest.Messages(d, numbers...))
		b.Signature = contracttest.Key(creator).Sign(b.Header.SigningBytes())
		return b.SignedHeader
	}
	a, b := signed(1, 1, 1), signed(1, 1, 2)
	pairs := verify.DoubleBlocks(d.Group, []block.SignedHeader{a, signed(2, 1), signed(1, 2), b, b})
	require.Equal(t, [][2]block.SignedHeader{{a, b}}, pairs)
	forged := b
	forged.Signature = keys.Signature{}
	foreign := contracttest.Block(contracttest.Description(5, 3), 1, nil).SignedHeader
	for name, headers := range map[string][]block.SignedHeader{
		"the same twice":       {a, a},
		"of two heights":       {a, signed(1, 2, 2)},
		"of two creators":      {a, signed(2, 1, 2)},
		"a forged one":         {a, forged},
		"of another group":     {a, foreign},
		"of somebody else":     {signed(9, 1, 1), signed(9, 1, 2)},
		"another group's only": {foreign, foreign},
	} {
		require.Empty(t, verify.DoubleBlocks(d.Group, headers), name)
	}
}

func TestLateSubmissionOfAFullBlockIsKept(t *testing.T) {
	for _, n := range []int{1, 4, 10} {
		d := contracttest.Description(n, 240)
		require.LessOrEqual(t, len(contracttest.Submission(d, 1).Encode()), verify.MaxLateBytes(d))
	}
}
