package daemon

import (
	"github.com/libp2p/go-libp2p"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ephemera-go/nym-rewarding/ephemera/api/telemetry"
)

// register puts the figures of the node, the Go runtime and the process into the registry. Those of
// the API and of libp2p are there.
func (d *daemon) register() error {
	node := telemetry.New(telemetry.Config{
		Node: d.node, Self: d.home.Key.Public(), Version: d.Version, Store: d.home.Store,
	})
	for _, c := range []prometheus.Collector{node, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := d.figures.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// measured has libp2p tell its own families to the registry. libp2p keeps one set of them a
// process: nodes that share a process each show the sum.
func measured(registry prometheus.Registerer) libp2p.Option {
	return func(c *libp2p.Config) error {
		c.DisableMetrics, c.PrometheusRegisterer = false, registry
		return nil
	}
}
