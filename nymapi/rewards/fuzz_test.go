package rewards_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// For any message of a member: nothing panics, the verdict of CheckMessage is stable, and a block
// with that message alone is rejected.
func FuzzCheckMessage(f *testing.F) {
	d := describe(1, 4)
	report, err := contracttest.Report(d, 2).Encode()
	require.NoError(f, err)
	m := newMember(f, 1, 4, newCalendar(d))
	f.Add(d.Label(), report)
	f.Add("epoch/18446744073709551616", report)
	f.Add("epoch/1", report[:len(report)-1])
	f.Add("epoch/+1", []byte{0x83})
	f.Add("", []byte(nil))
	f.Fuzz(func(t *testing.T, label string, payload []byte) {
		message, err := block.NewMessage(contracttest.Key(2), contracttest.Network, label, payload, 1)
		if err != nil {
			t.Skipf("not a valid message: %v", err)
		}
		first := m.CheckMessage(t.Context(), message)
		require.Equal(t, first, m.CheckMessage(t.Context(), message))
		require.Equal(t, "reject", m.CheckBlock(t.Context(), contracttest.Block(d, 2, []block.Message{message})).Name())
		require.Empty(t, m.NextBlock(t.Context(), m.turn([]block.Message{message})))
	})
}
