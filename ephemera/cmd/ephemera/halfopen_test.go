package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/stranger"
)

// While strangers without a key hold a thousand handshakes open at every member, from addresses of
// their own and from the members' one, a member that restarts is ready soon. The limits are those
// of a group of four.
func TestARestartedMemberIsReadyWhileStrangersHoldHandshakes(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	members, whole := group(t, "sqlite", 4096), t
	for name, sources := range map[string][]string{
		"from other addresses":         {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"},
		"from the members' and others": {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"},
	} {
		t.Run(name, func(t *testing.T) {
			attack(t, members, 250, p2pPort, stranger.Silent, sources...)
			var worst time.Duration
			for range 3 {
				restarted := members[3]
				restarted.stop(t)
				restarted.start(whole) // it outlives this part
				worst = max(worst, restarted.untilReady(t))
			}
			t.Logf("ready after at most %s", worst.Round(time.Millisecond))
			require.Less(t, worst, 10*time.Second)
		})
	}
}
