package simulation

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// The checker's own code and that of the members agree on every block, good or bad, and on its ID.
func TestFormTwinAgreesWithTheMembers(t *testing.T) {
	ring := newKeyring(false)
	member := ring.add(1)
	small := membership.Limits{PayloadBytes: 300, BlockMessages: 4, BlockBytes: 900}
	group, err := membership.NewGroup(network, 1, []keys.Public{member.Public()}, small)
	require.NoError(t, err)
	twin := formTwin{}
	rng, refused := random{state: 5}, 0
	number := func() int64 { return []int64{0, 1, 23, 24, 255, 256, 65535, 65536, 1 << 32, greatest}[rng.below(10)] }
	for range 3000 {
		var messages []block.Message
		for range rng.below(6) {
			m, err := block.NewMessage(member, network, strings.Repeat("é", rng.below(33)), make([]byte, rng.below(310)), number())
			require.NoError(t, err)
			messages = append(messages, m)
			if rng.permille(50) {
				messages = append(messages, m)
			}
		}
		parent := block.ID{byte(rng.below(2))}
		b := block.New(group, member.Public(), uint64(number()), parent, number(), messages)
		switch rng.below(20) {
		case 0:
			b.Header.Root[5] ^= 1
		case 1:
			b.Header.Count++
		case 2:
			b.Header.Network = "other"
		case 3:
			b.Header.Creator[0] ^= 1
		case 4:
			b.Header.Height = greatest + 1
		case 5:
			b.Header.Time = greatest + 1
		}
		refusal := b.Check(group)
		require.Equal(t, refusal == nil, twin.form(b, group) == "", "%v; the twin says %q", refusal, twin.form(b, group))
		if b.Header.Network == network { // the twin knows one network
			require.Equal(t, b.ID(), idTwin(b.Header))
		}
		if refusal != nil {
			refused++
		}
	}
	require.Greater(t, refused, 1000)
	require.Less(t, refused, 2900)
}
