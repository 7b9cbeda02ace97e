package service

import "github.com/prometheus/client_golang/prometheus"

// Figures returns what a Nym-API shows to Prometheus about the contract. The node's own metrics are
// those of package telemetry.
func (s *Service) Figures() prometheus.Collector { return figures{s} }

type figures struct{ of *Service }

// Metrics of a Nym-API.
var (
	descReceipts = prometheus.NewDesc("nymapi_receipts",
		"Epochs whose receipt, signed by the contract, is kept.", nil, nil)
	descEquivocations = prometheus.NewDesc("nymapi_contract_equivocations",
		"Epochs for which the contract signed two different receipts. Proofs are in the Nym-API's folder.", nil, nil)
	descEvidence = prometheus.NewDesc("nymapi_evidence_files",
		"Files in the folder evidence, each with a proof against a Nym-API or the contract.", nil, nil)
	descWithdrawn = prometheus.NewDesc("nymapi_withdrawn_receipts",
		"Epochs whose receipt the contract did not have when it was asked again.", nil, nil)
	descCaught = prometheus.NewDesc("nymapi_caught",
		"Epochs, or heights of a chain, at which the member was caught. The status says which.", []string{"member", "offence"}, nil)
)

// Describe implements prometheus.Collector.
func (f figures) Describe(out chan<- *prometheus.Desc) {
	out <- descReceipts
	out <- descEquivocations
	out <- descWithdrawn
	out <- descCaught
	out <- descEvidence
}

// Collect implements prometheus.Collector.
func (f figures) Collect(out chan<- prometheus.Metric) {
	status := f.of.Status()
	gauge := func(desc *prometheus.Desc, value int) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value))
	}
	gauge(descReceipts, status.Receipts)
	gauge(descEquivocations, status.ContractEquivocations)
	gauge(descWithdrawn, status.WithdrawnReceipts)
	for _, c := range status.Caught {
		out <- prometheus.MustNewConstMetric(descCaught, prometheus.GaugeValue, float64(c.Count), c.Name, string(c.Offence))
	}
	gauge(descEvidence, status.Evidence)
}
