// Package telemetry exports a node's metrics to Prometheus: the heights of chains, the mempool, the
// members that are online, and traffic. Package server registers the metrics of the API, the
// creator of the libp2p host those of libp2p.
//
// The package is unstable: it is public only because the modules of this repository share it.
package telemetry

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// Config describes the metrics. Both fields are required.
type Config struct {
	Node    *ephemera.Node
	Version string // of the program
}

// collector asks the node at every scrape.
type collector struct {
	node    *ephemera.Node
	version string
}

// New returns the metrics of a node, to be registered. The only label without fixed values is the
// member, and the members of a group are bounded. While the node is not running, only the program's
// version is exported.
func New(config Config) prometheus.Collector {
	return collector{node: config.Node, version: config.Version}
}

// scrapeTimeout bounds how long a scrape waits for the node.
const scrapeTimeout = 2 * time.Second

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("ephemera_"+name, help, labels, nil)
}

var (
	build      = describe("build_info", "The program; always 1.", "version", "go")
	running    = describe("running", "1 while the node runs.")
	online     = describe("members_online", "Members of the node's group that are connected, the node included.")
	sharing    = describe("members_sharing_group", "Connected members of the node's group that hold the same group, the node included.")
	wrong      = describe("members_in_wrong_group", "Connected members that hold another group than the node: see its log and status.")
	members    = describe("members", "Members of the node's group.")
	quorum     = describe("quorum_members", "How many members make a quorum in the node's group.")
	number     = describe("group_number", "Number of the newest group in which the node is a member.")
	muted      = describe("muted", "1 while the node signs no blocks because its vote store was lost.")
	open       = describe("block_open", "1 while a block of the node's own waits for its certificate.")
	certified  = describe("certified_height", "Highest contiguous certified height of a member's chain.", "member")
	delivered  = describe("delivered_height", "Highest height of a member's chain that the application has taken.", "member")
	pending    = describe("mempool_pending_messages", "Messages in the mempool.")
	bytes      = describe("mempool_pending_bytes", "Encoded messages in the mempool.")
	messages   = describe("mempool_messages_total", "Messages by outcome: admitted or returned to the mempool, not admitted, or removed from it.", "outcome")
	evidence   = describe("equivocations", "Members whose equivocation the node can prove.")
	forks      = describe("forks", "Chains that have stopped because two blocks of a slot are certified.")
	sent       = describe("sent_bytes_total", "Bytes sent to members, direct and gossip.")
	sentFrames = describe("sent_frames_total", "Frames sent to members.")
	received   = describe("received_bytes_total", "Bytes received from members.")
	recvFrames = describe("received_frames_total", "Frames received from members.")
	gossip     = describe("gossip_sent_bytes_total", "The part of the bytes sent that is gossip.")
	dropped    = describe("dropped_frames_total", "Frames that were not queued because a queue was full or the member offline.")
	throttled  = describe("throttled_frames_total", "Frames of members beyond their rate limit.")
	cuts       = describe("member_cuts_total", "Times that a member was disconnected for a while because it flooded or sent invalid frames.")
	damaged    = describe("damaged_blocks", "Stored blocks that were found damaged when they were read, and not fetched again yet.")
	damages    = describe("damaged_reads_total", "Reads of the store that found a damaged block.")
	repaired   = describe("repaired_blocks_total", "Damaged blocks that were fetched from other members and stored again.")
	paced      = describe("block_waiting", "1 while the node makes no block of its own because its chain has used up its rate, or the disk is nearly full.")
	free       = describe("disk_free_bytes", "Space left on the disk of the store; missing if it is not measured.")
	threshold  = describe("disk_threshold_bytes", "Below low, blocks of members wait that used most recently; below critical, all blocks.", "threshold")
	postponed  = describe("postponed_blocks_total", "Blocks of members that waited: their chain had used up its rate, or the disk was filling.", "reason")
	unanswered = describe("unanswered_pings_total", "Connections closed because the member did not answer a ping.")
)

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		build, running, online, sharing, wrong, members, quorum, number, muted, open, certified, delivered, pending, bytes, messages, evidence, forks,
		sent, sentFrames, received, recvFrames, gossip, dropped, throttled, cuts, unanswered,
		damaged, damages, repaired, paced, free, threshold, postponed,
	} {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	gauge(build, 1, c.version, runtime.Version())
	select {
	case <-c.node.Running():
	default:
		gauge(running, 0)
		return
	}
	traffic(c.node.Traffic(), out)
	d := c.node.Damage()
	gauge(damaged, float64(d.Blocks))
	out <- prometheus.MustNewConstMetric(damages, prometheus.CounterValue, float64(d.Reads))
	out <- prometheus.MustNewConstMetric(repaired, prometheus.CounterValue, float64(d.Repaired))
	growth(c.node, out)
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	if proofs, err := c.node.Config().Store.Equivocations(ctx); err == nil {
		gauge(evidence, float64(len(proofs)))
	}
	if proofs, err := c.node.Config().Store.Forks(ctx); err == nil {
		gauge(forks, float64(len(proofs)))
	}
	company := c.node.Company()
	group := company.Group
	gauge(online, float64(company.Online))
	gauge(sharing, float64(company.Sharing))
	gauge(wrong, float64(len(company.Wrong)))
	gauge(members, float64(group.N()))
	gauge(quorum, float64(group.Q()))
	gauge(number, float64(group.Number()))
	status, err := c.node.StatusIn(ctx, group)
	gauge(running, asGauge(err == nil))
	if err != nil {
		return // the node is stopping
	}
	gauge(muted, asGauge(status.Muted))
	gauge(open, asGauge(status.Open))
	gauge(paced, asGauge(status.Waits))
	gauge(pending, float64(status.Messages))
	gauge(bytes, float64(status.Bytes))
	outcomes(status, out)
	for i, key := range group.Members() {
		gauge(certified, float64(status.Heights[i]), key.PeerID())
		gauge(delivered, float64(status.Delivered[i]), key.PeerID())
	}
}

// growth exports what is left on the disk, and what had to wait for that reason or another.
func growth(node *ephemera.Node, out chan<- prometheus.Metric) {
	if d := node.DiskSpace(); d != (ephemera.DiskSpace{}) {
		out <- prometheus.MustNewConstMetric(free, prometheus.GaugeValue, float64(d.Free))
		out <- prometheus.MustNewConstMetric(threshold, prometheus.GaugeValue, float64(d.Low), "low")
		out <- prometheus.MustNewConstMetric(threshold, prometheus.GaugeValue, float64(d.Critical), "critical")
	}
	p := node.Postponed()
	out <- prometheus.MustNewConstMetric(postponed, prometheus.CounterValue, float64(p.Rate), "rate")
	out <- prometheus.MustNewConstMetric(postponed, prometheus.CounterValue, float64(p.Space), "space")
}

func asGauge(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// outcomes exports the messages since the start by outcome.
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

// traffic exports what was sent and received since the start.
func traffic(t transport.Traffic, out chan<- prometheus.Metric) {
	for desc, count := range map[*prometheus.Desc]uint64{
		sent: t.SentBytes, sentFrames: t.SentFrames, received: t.ReceivedBytes, recvFrames: t.ReceivedFrames, gossip: t.GossipSentBytes,
		dropped: t.Dropped, throttled: t.Throttled, cuts: t.Cuts, unanswered: t.Unanswered,
	} {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(count))
	}
}
