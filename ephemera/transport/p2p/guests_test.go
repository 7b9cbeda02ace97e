package p2p

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// A former member may connect and ask, is not among the members online, and becomes a member again.
func TestGuestsConnectAndAreNoMembers(t *testing.T) {
	all := connected(t, testConfig(0), testConfig(1), testConfig(2))
	first, second, third := testKey(0).Public(), testKey(1).Public(), testKey(2).Public()
	for i, peer := range map[int]keys.Public{0: third, 1: first, 2: first} {
		peers := []membership.Peer{{Key: peer}}
		if i > 0 {
			peers[0].Addresses = all[0].Addresses()
		}
		require.NoError(t, all[i].SetPeers(peers))
	}
	all[0].SetGuests([]keys.Public{second})
	zero, one := start(t, all[0]), start(t, all[1])
	require.Equal(t, second, next(t, zero.connected), "the guest dials")
	require.Equal(t, first, next(t, one.connected))
	require.Empty(t, all[0].Online())
	require.Eventually(t, func() bool { return all[1].Send(first, []byte("ask")) }, patience, time.Millisecond)
	require.Equal(t, "ask", string(next(t, zero.frames)))
	require.True(t, all[0].Send(second, []byte("answer")))
	require.Equal(t, "answer", string(next(t, one.frames)))

	all[0].SetGuests(nil)
	require.Equal(t, second, next(t, zero.disconnected))
	require.False(t, all[0].Send(second, []byte("x")))

	require.NoError(t, all[0].SetPeers([]membership.Peer{{Key: second}, {Key: third}}))
	require.Equal(t, second, next(t, zero.connected))
	require.Equal(t, []keys.Public{second}, all[0].Online())
	all[0].SetGuests([]keys.Public{second}) // a member is not a guest
	require.Equal(t, []keys.Public{second}, all[0].Online())
}

// Guests beyond a few are not admitted, and their frames share one rate.
func TestGuestsAreFewAndShareOneRate(t *testing.T) {
	all := connected(t, testConfig(0))
	start(t, all[0])
	require.Eventually(t, all[0].isRunning, patience, time.Millisecond)
	var guests []keys.Public
	for i := range maxGuests + 1 {
		guests = append(guests, testKey(10+i).Public())
	}
	all[0].SetGuests(guests)
	require.Nil(t, all[0].admitGuest(peerID(testKey(99).Public())), "a stranger")
	for _, key := range guests[:maxGuests] {
		r := all[0].admitGuest(peerID(key))
		require.NotNil(t, r)
		require.Equal(t, all[0].guestRate, r.direct)
		require.Same(t, r, all[0].admitGuest(peerID(key)))
	}
	require.Nil(t, all[0].admitGuest(peerID(guests[maxGuests])))
	require.NoError(t, all[0].SetPeers([]membership.Peer{{Key: guests[0]}}))
	require.NotNil(t, all[0].admitGuest(peerID(guests[maxGuests])), "there is room again")
}
