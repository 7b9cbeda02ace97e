package p2p

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/x/simlibp2p"
	"github.com/marcopolo/simnet"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Over QUIC on a simulated network in virtual time, direct frames and gossip take one link delay.
func TestFramesTakeOneLinkDelay(t *testing.T) {
	const delay = 50 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		link := simnet.LinkSettings{BitsPerSecond: 100 * simlibp2p.OneMbps}
		simulated := &simnet.Simnet{LatencyFunc: simnet.StaticLatency(delay)}
		var (
			all       []*Transport
			peers     []membership.Peer
			receivers []*events
			ended     = make(chan error, 3)
		)
		ctx, cancel := context.WithCancel(context.Background())
		for i := range 3 {
			config := testConfig(i)
			config.Listen = []string{fmt.Sprintf("/ip4/1.0.%d.1/udp/8000/quic-v1", i)}
			config.HostOptions = []libp2p.Option{simlibp2p.QUICSimnet(simulated, simnet.NodeBiDiLinkSettings{Downlink: link, Uplink: link})}
			made, err := New(config)
			require.NoError(t, err)
			all = append(all, made)
			peers = append(peers, membership.Peer{Key: config.Key.Public(), Addresses: config.Listen})
		}
		simulated.Start()
		for _, made := range all {
			require.NoError(t, made.SetPeers(peers))
			receiver := newEvents()
			receivers = append(receivers, receiver)
			go func() { ended <- made.Run(ctx, receiver) }()
		}
		<-time.After(time.Minute) // virtual time: by then all are connected and know each other's topics
		require.Len(t, all[0].Online(), 2)

		require.True(t, all[0].Send(peers[1].Key, []byte("opens the stream")))
		require.Equal(t, "opens the stream", string(<-receivers[1].frames))
		begin := time.Now()
		require.True(t, all[0].Send(peers[1].Key, []byte("direct")))
		require.Equal(t, "direct", string(<-receivers[1].frames))
		require.InDelta(t, delay, time.Since(begin), float64(2*time.Millisecond))
		begin = time.Now()
		require.True(t, all[0].Publish([]byte("gossip")))
		require.Equal(t, "gossip", string(<-receivers[2].gossip))
		require.InDelta(t, delay, time.Since(begin), float64(2*time.Millisecond))

		cancel()
		for range all {
			require.NoError(t, <-ended)
		}
		simulated.Close()
	})
}
