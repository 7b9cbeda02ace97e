package p2p

import (
	"fmt"
	"testing"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	"github.com/stretchr/testify/require"
)

func TestSeatsAreBoundedAndFreedOnce(t *testing.T) {
	s := &seats{most: 3}
	take := func(reserved int) (*seat, bool) {
		one := &seat{in: s}
		return one, one.take(reserved)
	}
	first, ok := take(0)
	require.True(t, ok)
	require.True(t, first.take(0), "taking it again changes nothing")
	_, ok = take(2)
	require.False(t, ok, "two must stay free")
	_, ok = take(1)
	require.True(t, ok)
	_, ok = take(0)
	require.True(t, ok)
	refused, ok := take(0)
	require.False(t, ok)
	refused.leave()
	require.Equal(t, 3, s.taken, "one that was refused has none to leave")
	first.leave()
	first.leave()
	require.Equal(t, 2, s.taken)
}

// Incoming and outgoing connections with members take seats until they are closed, and a connection
// without a seat is refused.
func TestConnectionsWithMembersTakeSeats(t *testing.T) {
	made, _, _, _ := victim(t)
	taken := func() int {
		made.seats.mu.Lock()
		defer made.seats.mu.Unlock()
		return made.seats.taken
	}
	open := len(made.host.Network().Conns())
	require.NotZero(t, open)
	require.Eventually(t, func() bool { return taken() == len(made.host.Network().Conns()) }, patience, time.Millisecond)
	made.seats.mu.Lock()
	made.seats.most = 0
	made.seats.mu.Unlock()
	for _, conn := range made.host.Network().Conns() {
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool { return taken() == 0 && len(made.Online()) == 0 }, patience, time.Millisecond)
	require.Never(t, func() bool { return len(made.Online()) > 0 }, 300*time.Millisecond, 10*time.Millisecond, "without seats there are no connections")
	made.seats.mu.Lock()
	made.seats.most = 100
	made.seats.mu.Unlock()
	require.Eventually(t, func() bool { return len(made.Online()) > 0 }, patience, time.Millisecond)
}

// However many addresses a member has, each of them is dialled in one of a few attempts.
func TestAttemptsDialAllAddressesInTurn(t *testing.T) {
	r := &remote{t: &Transport{}}
	r.t.config.Limits.ConnectionsPerPeer = 2
	for count := range 9 {
		var addresses []ma.Multiaddr
		for i := range count {
			addresses = append(addresses, ma.StringCast(fmt.Sprintf("/ip4/10.0.0.%d/tcp/1", i)))
		}
		dialled := map[string]bool{}
		for attempt := range count {
			some := r.some(addresses, attempt)
			require.LessOrEqual(t, len(some), 2)
			for _, a := range some {
				dialled[a.String()] = true
			}
		}
		require.Len(t, dialled, count)
	}
}
