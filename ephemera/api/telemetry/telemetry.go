// Package telemetry tells a node's figures to Prometheus: where its chains are, what waits, who is
// there, what was sent. The API's own figures are registered by package server, libp2p's by whoever
// makes the host.
//
// The package is unstable: it is public only because the modules of this repository share it.
package telemetry

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// Config says what is told.
type Config struct {
	Node    *ephemera.Node
	Self    keys.Public
	Version string      // of the program
	Store   store.Store // the node's, whose equivocation proofs are counted
}

// collector asks the node each time that somebody looks.
type collector struct{ config Config }

// New returns the figures of a node, to be registered. Labels are those of members, of whom a group
// has a bounded number. While the node does not run only what needs no node is told.
func New(config Config) prometheus.Collector { return collector{config: config} }

// patience bounds how long a look may wait for the node.
const patience = 2 * time.Second

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("ephemera_"+name, help, labels, nil)
}

var (
	build      = describe("build_info", "The program; always 1.", "version", "go")
	running    = describe("running", "1 while the node runs.")
	online     = describe("members_online", "Members of the node's group that are connected, the node among them.")
	members    = describe("members", "Members of the node's group.")
	quorum     = describe("quorum_members", "How many members make a quorum in the node's group.")
	number     = describe("group_number", "Number of the newest group in which the node is a member.")
	muted      = describe("muted", "1 where the node signs no blocks because its vote store was lost.")
	open       = describe("block_open", "1 while a block of the node's own is under way.")
	certified  = describe("certified_height", "Highest contiguous certified height of a member's chain.", "member")
	delivered  = describe("delivered_height", "Highest height of a member's chain that the application has taken.", "member")
	pending    = describe("mempool_pending_messages", "Messages in the mempool.")
	bytes      = describe("mempool_pending_bytes", "Encoded messages in the mempool.")
	messages   = describe("mempool_messages_total", "What became of messages: taken or returned in; not taken; left.", "outcome")
	evidence   = describe("equivocations", "Members whose equivocation the node can prove.")
	sent       = describe("sent_bytes_total", "Bytes sent to members, direct and gossip.")
	sentFrames = describe("sent_frames_total", "Frames sent to members.")
	received   = describe("received_bytes_total", "Bytes received from members.")
	recvFrames = describe("received_frames_total", "Frames received from members.")
	gossip     = describe("gossip_sent_bytes_total", "The part of the bytes sent that is gossip.")
	dropped    = describe("dropped_frames_total", "Frames that were not queued because a queue was full or the member away.")
	throttled  = describe("throttled_frames_total", "Frames of members beyond their rate.")
	cuts       = describe("member_cuts_total", "Times that a member was cut off for a while because it flooded or sent garbage.")
	unanswered = describe("unanswered_pings_total", "Connections closed because the member did not answer a ping.")
)

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		build, running, online, members, quorum, number, muted, open, certified, delivered, pending, bytes, messages, evidence,
		sent, sentFrames, received, recvFrames, gossip, dropped, throttled, cuts, unanswered,
	} {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	gauge(build, 1, c.config.Version, runtime.Version())
	select {
	case <-c.config.Node.Running():
	default:
		gauge(running, 0)
		return
	}
	traffic(c.config.Node.Traffic(), out)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if held, err := c.config.Store.Equivocations(ctx); err == nil {
		gauge(evidence, float64(len(held)))
	}
	group := c.config.Node.Group()
	for _, known := range c.config.Node.Groups() {
		if known.Group.Contains(c.config.Self) {
			group = known.Group // the newest comes last
		}
	}
	there := 1
	for _, key := range c.config.Node.Online() {
		if group.Contains(key) {
			there++
		}
	}
	gauge(online, float64(there))
	gauge(members, float64(group.N()))
	gauge(quorum, float64(group.Q()))
	gauge(number, float64(group.Number()))
	status, err := c.config.Node.StatusIn(ctx, group)
	gauge(running, flag(err == nil))
	if err != nil {
		return // it stops just now
	}
	gauge(muted, flag(status.Muted))
	gauge(open, flag(status.Open))
	gauge(pending, float64(status.Messages))
	gauge(bytes, float64(status.Bytes))
	outcomes(status, out)
	for i, key := range group.Members() {
		gauge(certified, float64(status.Heights[i]), key.PeerID())
		gauge(delivered, float64(status.Delivered[i]), key.PeerID())
	}
}

func flag(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// outcomes tells what became of messages since the start.
func outcomes(status ephemera.Status, out chan<- prometheus.Metric) {
	c := status.Counts
	for outcome, count := range map[string]uint64{
		"taken": c.Taken, "returned": c.Returned,
		"duplicate": c.Duplicate, "full": c.Full, "quota": c.Quota, "expired": c.Expired, "future": c.Future,
		"unknown_sender": status.Strangers, "refused": status.Refused,
		"included": c.Included, "dropped": c.Dropped, "timed_out": c.TimedOut,
	} {
		out <- prometheus.MustNewConstMetric(messages, prometheus.CounterValue, float64(count), outcome)
	}
}

// traffic tells what was sent and received since the start.
func traffic(t transport.Traffic, out chan<- prometheus.Metric) {
	for desc, count := range map[*prometheus.Desc]uint64{
		sent: t.SentBytes, sentFrames: t.SentFrames, received: t.ReceivedBytes, recvFrames: t.ReceivedFrames, gossip: t.GossipSentBytes,
		dropped: t.Dropped, throttled: t.Throttled, cuts: t.Cuts, unanswered: t.Unanswered,
	} {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(count))
	}
}
