package simulate

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
	"github.com/ephemera-go/nym-rewarding/nymapi/simulate/cost"
)

// Summary is the output of `nymapi simulate --json`. Times are milliseconds of virtual time.
type Summary struct {
	Seed      uint64            `json:"seed"`
	Flags     map[string]any    `json:"flags"`
	LinkMS    float64           `json:"link_ms"`        // median one-way delay
	Blocks    int               `json:"blocks"`         // certified, of honest creators
	CertMS    Spread            `json:"certificate_ms"` // from proposal to certificate at the creator
	DelivMS   Spread            `json:"delivery_ms"`    // from proposal to delivery at honest members
	RewardMS  Spread            `json:"rewarded_ms"`    // from the end of an epoch to its winner
	Messages  *float64          `json:"messages_per_block"`
	Bytes     int64             `json:"bytes_per_node_epoch"`
	Report    int               `json:"report_bytes"`
	Traffic   []Kind            `json:"traffic"`
	Costs     []cost.Scheme     `json:"costs"`
	Epochs    int               `json:"epochs"`
	Rewarded  int               `json:"rewarded"`
	Violated  int               `json:"violations"`
	Violation []ViolatedPromise `json:"violated"`
	Finished  bool              `json:"finished"`
	TraceHash string            `json:"trace_hash"`
}

// Kind is the traffic of one kind of frame.
type Kind struct {
	Name   string `json:"name"`
	Frames int    `json:"frames"`
	Bytes  int64  `json:"bytes"`
}

// ViolatedPromise is a violation of one invariant.
type ViolatedPromise struct {
	Promise string  `json:"promise"`
	AtMS    float64 `json:"at_ms"`
	Text    string  `json:"text"`
}

// Summary returns the summary of a day.
func (d Day) Summary() Summary {
	s := Summary{
		Seed: d.Config.Seed, Flags: d.Config.flags(), LinkMS: float64(d.link) / 1000, Blocks: d.Result.Stats.Blocks,
		CertMS: spread(d.certified, 1000), DelivMS: spread(d.delivered, 1000), Report: d.Report, Epochs: len(d.Outcomes),
		Violation: []ViolatedPromise{}, Finished: !d.Stopped, TraceHash: fmt.Sprintf("%016x", d.Result.Hash),
	}
	var after []int64
	for _, o := range d.Outcomes {
		if o.Rewarded {
			s.Rewarded++
			after = append(after, o.After)
		}
	}
	s.RewardMS = spread(after, 1)
	s.Violation = append(s.Violation, violated(d.Result)...)
	s.Violated = len(s.Violation)
	d.traffic(&s)
	direct := d.Result.Measured.Direct
	exchange := int64(0)
	for _, kind := range []wire.Kind{wire.KindFrontier, wire.KindPool, wire.KindGetListing, wire.KindListing} {
		exchange += direct[kind].Bytes
	}
	measured := cost.Scheme{Name: cost.Certified, BytesPerNodeEpoch: s.Bytes - exchange/int64(d.Config.Nodes*d.Config.Epochs)}
	if s.Messages != nil {
		measured.MessagesPerBlock = *s.Messages
	}
	if s.DelivMS.P50 != nil && d.link > 0 {
		measured.DeliveryLinks = *s.DelivMS.P50 / s.LinkMS
	}
	s.Costs = slices.Concat([]cost.Scheme{measured}, cost.Schemes(d.Config.Nodes, d.Report))
	return s
}

// violated returns the violations of a run.
func violated(r simulation.Result) []ViolatedPromise {
	var broken []ViolatedPromise
	for _, v := range r.Violations {
		broken = append(broken, ViolatedPromise{Promise: v.Promise, AtMS: float64(v.At) / 1000, Text: v.Text})
	}
	return broken
}

// traffic sums up what was sent.
func (d Day) traffic(s *Summary) {
	m := d.Result.Measured
	s.Traffic = []Kind{{Name: "gossip", Frames: m.Gossip.Frames, Bytes: m.Gossip.Bytes}}
	protocol := 0
	for kind, t := range m.Direct {
		if t.Frames == 0 {
			continue
		}
		s.Traffic = append(s.Traffic, Kind{Name: wire.Kind(kind).String(), Frames: t.Frames, Bytes: t.Bytes})
		switch wire.Kind(kind) {
		case wire.KindProposal, wire.KindEcho, wire.KindCertificate:
			protocol += t.Frames
		}
	}
	total := int64(0)
	for _, sent := range m.Sent {
		total += sent
	}
	s.Bytes = total / int64(d.Config.Nodes*d.Config.Epochs)
	if s.Blocks > 0 {
		perBlock := float64(protocol) / float64(s.Blocks)
		s.Messages = &perBlock
	}
}

func (c Config) flags() map[string]any {
	return map[string]any{
		"nodes": c.Nodes, "mixnodes": c.Mixnodes, "epochs": c.Epochs, "epoch": c.Epoch.String(), "latency": c.Latency.String(),
		"adversary": adversariesText(c.Adversaries), "exchange": c.Interval().String(), "seed": c.Seed,
	}
}

// WriteJSON writes the summary as JSON.
func (s Summary) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}
