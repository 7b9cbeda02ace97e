package attacker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/stranger"
)

// keylessAttacks returns the attacks of strangers, who have addresses but no key.
func keylessAttacks() []Attack {
	const everything = api.PathBlocks + "?limit=100"
	elsewhere := []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"}
	everywhere := append([]string{"127.0.0.1"}, elsewhere...)
	return []Attack{
		{Name: "halfopen", Does: "handshakes that never end, without a key", keyless: &keyless{sources: everywhere, each: 250, p2p: true, speak: stranger.Silent}},
		{Name: "noise", Does: "random bytes on every port, without a key", keyless: &keyless{sources: elsewhere, each: 4, p2p: true, http: true, speak: stranger.Noise}},
		{Name: "slowbody", Does: "requests whose bodies never end", keyless: &keyless{sources: elsewhere, each: 200, http: true, speak: stranger.SlowBody(api.PathSubmit, "application/json", 300<<10)}},
		{Name: "slowread", Does: "requests whose answers are not read", keyless: &keyless{sources: elsewhere, each: 200, http: true, speak: stranger.SlowReader(everything)}},
		{Name: "idle", Does: "HTTP connections that stay open", keyless: &keyless{sources: elsewhere, each: 400, http: true, speak: stranger.Idle(api.PathConfig)}},
		{Name: "slots", Does: "WebSockets that read nothing", keyless: &keyless{sources: elsewhere, each: 400, http: true, speak: stranger.Subscriber(api.PathSubscribe)}},
	}
}

// keyless is an attack without a key: from every source, each connections to the ports of every
// node but the last, whose place the attacker has.
type keyless struct {
	sources   []string
	each      int
	p2p, http bool
	speak     stranger.Speech
}

// run attacks until ctx is done, and returns the number of connections made.
func (k *keyless) run(ctx context.Context, network testnet.Net) (int64, error) {
	var addresses []string
	for _, node := range network.Nodes[:len(network.Nodes)-1] {
		if k.http {
			addresses = append(addresses, node.HTTP)
		}
		if address, err := dialable(node.P2P); k.p2p && err != nil {
			return 0, err
		} else if k.p2p {
			addresses = append(addresses, address)
		}
	}
	var made int64
	var mu sync.Mutex
	var holding sync.WaitGroup
	for _, source := range k.sources {
		for _, address := range addresses {
			holding.Go(func() {
				n := stranger.Hold(ctx, source, address, k.each, k.speak)
				mu.Lock()
				defer mu.Unlock()
				made += n
			})
		}
	}
	holding.Wait()
	return made, nil
}

// dialable returns host:port of a multiaddr such as /ip4/127.0.0.1/tcp/3000.
func dialable(address string) (string, error) {
	parts := strings.Split(address, "/")
	if len(parts) < 5 || parts[1] != "ip4" || parts[3] != "tcp" {
		return "", fmt.Errorf("attack %s: expected /ip4/ADDRESS/tcp/PORT", address)
	}
	return net.JoinHostPort(parts[2], parts[4]), nil
}

// runKeyless does what Run does for an attack without a key.
func runKeyless(ctx context.Context, folder daemon.Folder, k *keyless, out io.Writer) error {
	network, err := testnet.Open(filepath.Dir(folder.Dir))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, Ready); err != nil {
		return err
	}
	made, err := k.run(ctx, network)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(Counts{Sent: made})
}
