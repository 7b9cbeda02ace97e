package daemon

import (
	"github.com/libp2p/go-libp2p"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ephemera-go/nym-rewarding/ephemera/api/telemetry"
)

// register adds the metrics of the node, the Go runtime and the process to the registry. libp2p and
// the API's server add their own.
func (d *daemon) register() error {
	node := telemetry.New(telemetry.Config{Node: d.node, Version: d.Version})
	for _, c := range []prometheus.Collector{node, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := d.registry.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// libp2pMetrics makes libp2p register its own metrics. libp2p keeps one set of them per process, so
// each of several nodes in one process reports their sum.
func libp2pMetrics(registry prometheus.Registerer) libp2p.Option {
	return func(c *libp2p.Config) error {
		c.DisableMetrics, c.PrometheusRegisterer = false, registry
		return nil
	}
}
