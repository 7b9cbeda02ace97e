package p2p

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// holdOpen keeps connections open that say nothing, from a local address to a transport, and opens
// another one whenever one of them is closed. It returns how many were opened.
func holdOpen(t *testing.T, from string, count int, to *Transport) *atomic.Int64 {
	address, err := ma.NewMultiaddr(to.Addresses()[0])
	require.NoError(t, err)
	_, target, err := manet.DialArgs(address)
	require.NoError(t, err)
	opened := &atomic.Int64{}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	for range count {
		go func() {
			for t.Context().Err() == nil {
				conn, err := dialer.DialContext(t.Context(), "tcp", target)
				if err != nil {
					continue
				}
				opened.Add(1)
				_ = conn.SetReadDeadline(time.Now().Add(patience))
				_, _ = conn.Read(make([]byte, 1024)) // until the transport closes it
				_ = conn.Close()
				select {
				case <-t.Context().Done():
				case <-time.After(20 * time.Millisecond): // the pace of the stranger
				}
			}
		}()
	}
	return opened
}

// Strangers hold more half-open connections than there are places, from addresses of their own and
// from the member's. The member still connects, and is dialled.
func TestNoStrangerKeepsAMemberOut(t *testing.T) {
	for name, from := range map[string][]string{
		"from other addresses":         {"127.0.0.2", "127.0.0.3", "127.0.0.4"},
		"from the member's address":    {"127.0.0.1"},
		"from the member's and others": {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"},
	} {
		t.Run(name, func(t *testing.T) {
			made, receiver, _, evil := unconnected(t, func(c *Config) {
				c.Limits.Handshakes, c.Limits.AddressPerSecond, c.Limits.AddressBurst = 200, 50, 60
			})
			per := made.config.Limits.Handshakes/len(from) + 20
			for _, address := range from {
				opened := holdOpen(t, address, per, made)
				require.Eventually(t, func() bool { return opened.Load() >= int64(per) }, patience, time.Millisecond)
			}
			requireMember(t, made, receiver, evil)
		})
	}
}

// requireMember requires that a member with the second key connects.
func requireMember(t *testing.T, made *Transport, receiver *events, evil host.Host) {
	t.Helper()
	begin := time.Now()
	require.Eventually(t, func() bool {
		evil.Network().(*swarm.Swarm).Backoff().Clear(made.host.ID()) // as a member does
		_ = evil.Connect(t.Context(), infoOf(t, made))
		select {
		case key := <-receiver.connected:
			return key == testKey(2).Public()
		default:
			return false
		}
	}, patience, 50*time.Millisecond)
	t.Logf("the member connected after %s", time.Since(begin))
}

func remoteAt(t *testing.T, text string) ma.Multiaddr {
	t.Helper()
	remote, err := ma.NewMultiaddr(text)
	require.NoError(t, err)
	return remote
}

// closes returns a function that closes a connection, and whether it was called.
func closes() (closing func() error, closed *atomic.Bool) {
	closed = &atomic.Bool{}
	return func() error { closed.Store(true); return nil }, closed
}

var _, stranger32 = source(ma.StringCast("/ip4/10.0.0.1/tcp/1"))

func placesOf(count int) *handshakes {
	return newHandshakes(limits.Transport{Handshakes: count, AddressPerSecond: 1000, AddressBurst: 1000}, 5*time.Second)
}

func TestConnectionsOfAnAddressDisplaceOnlyItsOwn(t *testing.T) {
	h := placesOf(8)
	stranger, other := remoteAt(t, "/ip4/10.0.0.1/tcp/1"), remoteAt(t, "/ip4/10.0.0.2/tcp/1")
	closing, memberClosed := closes()
	member, err := h.enter(other, closing)
	require.NoError(t, err)
	closing, firstClosed := closes()
	_, err = h.enter(stranger, closing)
	require.NoError(t, err)
	for range 100 {
		closing, _ := closes()
		_, err = h.enter(stranger, closing)
		require.NoError(t, err)
	}
	require.True(t, firstClosed.Load(), "the stranger's oldest is displaced")
	require.False(t, memberClosed.Load())
	require.Less(t, h.taken, h.places, "a place is free for a further address")
	member.leave()
	member.leave() // only the first counts
	require.Equal(t, len(h.byAddress[stranger32]), h.taken)
}

func TestABusyAddressMakesRoomForANewOne(t *testing.T) {
	h := placesOf(4)
	closing, busyClosed := closes()
	_, err := h.enter(remoteAt(t, "/ip4/10.0.0.1/tcp/1"), closing)
	require.NoError(t, err)
	for _, remote := range []string{"/ip4/10.0.0.1/tcp/2", "/ip4/10.0.0.2/tcp/1", "/ip4/10.0.0.3/tcp/1"} {
		closing, _ := closes()
		_, err := h.enter(remoteAt(t, remote), closing)
		require.NoError(t, err)
	}
	require.Equal(t, h.places, h.taken)
	closing, _ = closes()
	_, err = h.enter(remoteAt(t, "/ip4/10.0.0.4/tcp/1"), closing)
	require.NoError(t, err)
	require.True(t, busyClosed.Load())
	require.Equal(t, h.places, h.taken)
}

func TestIPv6AddressesOfOneNetworkShareTheirPlaces(t *testing.T) {
	_, one := source(remoteAt(t, "/ip6/2001:db8::1/tcp/1"))
	_, same := source(remoteAt(t, "/ip6/2001:db8::ffff:1/tcp/1"))
	_, another := source(remoteAt(t, "/ip6/2001:db8:0:1::1/tcp/1"))
	_, mapped := source(remoteAt(t, "/ip6/::ffff:10.0.0.1/tcp/1"))
	require.Equal(t, one, same)
	require.NotEqual(t, one, another)
	require.Equal(t, stranger32, mapped)
}

// quic-go ends unfinished handshakes itself: nobody else can.
func TestConnectionsThatCannotBeClosedLeavePlacesForOthers(t *testing.T) {
	h := placesOf(8)
	stranger, member := remoteAt(t, "/ip4/10.0.0.1/udp/1/quic-v1"), remoteAt(t, "/ip4/10.0.0.2/udp/1/quic-v1")
	refused := 0
	for range 100 {
		if _, err := h.enter(stranger, nil); err != nil {
			require.ErrorIs(t, err, errNoPlace)
			refused++
		}
	}
	require.Equal(t, 96, refused)
	_, err := h.enter(member, nil)
	require.NoError(t, err)
}

func TestAHandshakeHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := placesOf(8)
		closing, closed := closes()
		_, err := h.enter(remoteAt(t, "/ip4/10.0.0.1/tcp/1"), closing)
		require.NoError(t, err)
		time.Sleep(h.timeout - time.Nanosecond)
		synctest.Wait()
		require.False(t, closed.Load())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.True(t, closed.Load())
		require.Zero(t, h.taken)
		require.Empty(t, h.byAddress)
	})
}

// However many addresses strangers have, and although nobody can close QUIC's handshakes, members
// find places at their addresses, and a stranger at a member's address takes only its share.
func TestPlacesAreReservedForTheAddressesOfMembers(t *testing.T) {
	for name, closable := range map[string]bool{"TCP": true, "QUIC": false} {
		t.Run(name, func(t *testing.T) {
			h := placesOf(64)
			at := func(i int) ma.Multiaddr { return remoteAt(t, fmt.Sprintf("/ip4/10.1.%d.%d/tcp/1", i/256, i%256)) }
			enter := func(remote ma.Multiaddr) (*atomic.Bool, error) {
				closing, closed := closes()
				if !closable {
					closing = nil
				}
				_, err := h.enter(remote, closing)
				return closed, err
			}
			addresses := map[netip.Prefix]bool{}
			for i := range 4 {
				_, address := source(at(i))
				addresses[address] = true
			}
			h.setMembers(addresses)
			for i := range 200 {
				_, _ = enter(at(0)) // a stranger at the first member's address
				_, _ = enter(at(100 + i))
			}
			var inPlace []*atomic.Bool
			for i := range 3 {
				for range 8 {
					closed, err := enter(at(1 + i))
					require.NoError(t, err)
					inPlace = append(inPlace, closed)
				}
			}
			require.LessOrEqual(t, h.taken, h.places)
			for i := range 200 {
				_, _ = enter(at(0))
				_, _ = enter(at(300 + i))
			}
			for _, closed := range inPlace {
				require.False(t, closed.Load(), "no stranger displaces a member's handshake")
			}
			require.LessOrEqual(t, h.taken, h.places)
		})
	}
}

// The form of TestNoStrangerKeepsAMemberOut with the limits that a group of four has.
func TestNoStrangerKeepsAMemberOutWithTheRealLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("opens thousands of connections")
	}
	derived, err := limits.For(limits.Config{Members: 4})
	require.NoError(t, err)
	for name, from := range map[string][]string{
		"from other addresses":      {"127.0.0.2", "127.0.0.3", "127.0.0.4"},
		"from the member's address": {"127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			made, receiver, _, evil := unconnected(t, func(c *Config) { c.Limits = derived.Transport })
			per := made.config.Limits.Handshakes/len(from) + 20
			for _, address := range from {
				opened := holdOpen(t, address, per, made)
				require.Eventually(t, func() bool { return opened.Load() >= int64(per) }, patience, time.Millisecond)
			}
			requireMember(t, made, receiver, evil)
		})
	}
}
