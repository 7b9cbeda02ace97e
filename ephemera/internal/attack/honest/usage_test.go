package honest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

func TestUsageIsReadFromProc(t *testing.T) {
	stat := "77 (a (b) c) S 1 77 77 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 9 0 1 2 3"
	require.Equal(t, 2*time.Second, timeIn([]byte(stat)))
	require.Zero(t, timeIn([]byte("77 (x) S")))
	require.Equal(t, 1550*time.Millisecond, busyIn([]byte("cpu  100 10 20 4000 500 5 10 10 7 8\ncpu0 1 1 1 1\n")))
	value, err := metricIn(strings.NewReader("# HELP a b\nab 1\na 2.5e+06\n"), "a")
	require.NoError(t, err)
	require.InDelta(t, 2.5e6, value, 0)
	_, err = metricIn(strings.NewReader("ab 1\n"), "a")
	require.Error(t, err)
}

// A message counts once every node has delivered it, and one that was lost counts with the time
// that has passed.
func TestLatencyIsThatOfTheLastDelivery(t *testing.T) {
	nodes := []*Node{{Node: testnet.Node{Key: keys.Public{1}}}, {Node: testnet.Node{Key: keys.Public{2}}}}
	l := NewLoad(nodes, 1, 16)
	begin := time.Now().Add(-time.Minute)
	add := func(name byte) api.Block {
		l.messages[nonce{name}] = &message{due: begin, delivered: map[keys.Public]bool{}}
		id := nonce{name}
		return api.Block{Messages: []api.Message{{Payload: id[:]}}}
	}
	both, one := add(1), add(2)
	l.record(nodes[0], both)
	l.record(nodes[0], both)
	l.record(nodes[0], one)
	require.Equal(t, 2, l.Tally(begin, time.Now()).Missing)
	l.record(nodes[1], both)
	tally := l.Tally(begin, time.Now())
	require.Equal(t, 2, tally.Submitted)
	require.Equal(t, 1, tally.Missing)
	require.GreaterOrEqual(t, tally.P50, time.Minute)
	require.Zero(t, l.Tally(time.Now(), time.Now().Add(time.Hour)).Submitted)
	l.record(nodes[0], api.Block{Messages: []api.Message{{Payload: []byte("short")}, {Payload: make([]byte, 16)}}})
	require.Len(t, l.messages, 2, "messages of others are ignored")
}
