package simulation

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Round is one epoch's traffic in a group without faults: all members submit a report at the same
// time, and each creator broadcasts a block of all reports.
type Round struct {
	Members  int
	Creators int   // how many members make a block; 0: all
	Report   int   // length of a report in bytes
	Link     int64 // one-way delay in microseconds
	LinkRate int64 // see Schedule
	Costs    Costs // see Schedule
}

// Spent is what a round took. Frontiers, digests and what members send when they start (R6, R8) are
// left out: how many there are depends on the time, not on the blocks.
type Spent struct {
	BlockFrames  float64 // sent for a block, without its reports
	MemberFrames float64 // sent by a member if each makes a block, with reports
	MemberBytes  float64 // in them
	Delivery     int64   // microseconds until everybody has delivered all blocks
	Busy         int64   // microseconds for which the busiest processor worked, under Costs
	Dropped      int     // frames, under Costs or LinkRate
}

const (
	// roundAt is the millisecond at which a round begins. By then the members know each other.
	roundAt = 3000
	// roundDeadline is the millisecond at which a round must have ended.
	roundDeadline = 3_600_000
)

// Run runs the round. The error says what did not happen, or what went wrong.
func (r Round) Run() (Spent, error) {
	if r.Creators == 0 {
		r.Creators = r.Members
	}
	s := Schedule{
		Seed: 1, Nodes: r.Members, Link: r.Link, LinkRate: r.LinkRate, Costs: r.Costs, All: true, Batch: true,
		Heal: roundAt + 1, Deadline: roundDeadline,
	}
	for i := range r.Members {
		s.Members = append(s.Members, i)
		s.Submissions = append(s.Submissions, Submission{At: roundAt, Node: i, Label: "report", Size: r.Report})
	}
	if err := s.Validate(); err != nil {
		return Spent{}, err
	}
	last := &deliveries{missing: r.Members * r.Creators}
	w := newWorld(s, Options{
		Application: func(node int, _ keys.Public) Application {
			return reports{members: r.Members, creator: node < r.Creators}
		},
		Invariants: []Invariant{last}, Measure: true, Endless: true,
		Limits: membership.Limits{PayloadBytes: 8192, BlockMessages: uint32(r.Members), BlockBytes: 4 << 20},
		Pool:   mempool.Limits{Messages: 4096, Bytes: 32 << 20},
	})
	last.world = w
	result := w.run()
	switch {
	case len(result.Violations) > 0:
		return Spent{}, fmt.Errorf("round of %d members: %s", r.Members, result.Violations[0])
	case last.missing > 0:
		return Spent{}, fmt.Errorf("round of %d members: %d deliveries of %d are missing", r.Members, last.missing, r.Members*r.Creators)
	}
	return r.spent(result, w.now), nil
}

// aboutBlocks are the kinds of direct frames that members send for a block or its messages.
var aboutBlocks = []wire.Kind{
	wire.KindProposal, wire.KindEcho, wire.KindRejection, wire.KindCertificate, wire.KindGetMessages, wire.KindMessages,
	wire.KindGetBlock, wire.KindGetCertified, wire.KindBlocks, wire.KindGetEvidence, wire.KindEvidence, wire.KindClosed,
}

// spent sums up what was sent.
func (r Round) spent(result Result, last int64) Spent {
	direct := Traffic{}
	for _, kind := range aboutBlocks {
		t := result.Measured.Direct[kind]
		direct.Frames, direct.Bytes = direct.Frames+t.Frames, direct.Bytes+t.Bytes
	}
	gossip, members, creators := result.Measured.Gossip, float64(r.Members), float64(r.Creators)
	spent := Spent{
		BlockFrames:  float64(direct.Frames) / creators,
		MemberFrames: float64(direct.Frames)/creators + float64(gossip.Frames)/members,
		MemberBytes:  float64(direct.Bytes)/creators + float64(gossip.Bytes)/members,
		Delivery:     last - roundAt*1000, Dropped: result.Stats.Dropped,
	}
	for _, busy := range result.Stats.Busy {
		spent.Busy = max(spent.Busy, busy)
	}
	return spent
}

// reports is the application of a member in a round.
type reports struct {
	members int
	creator bool
}

func (reports) CheckMessage(int64, block.Message) verdict.Decision { return verdict.Accept() }

// NextBlock returns all reports once all are there.
func (r reports) NextBlock(_ int64, candidates []block.Message) (ids []block.MessageID) {
	if !r.creator || len(candidates) < r.members {
		return nil
	}
	for _, m := range candidates {
		ids = append(ids, m.ID())
	}
	return ids
}

func (reports) CheckBlock(int64, block.Block, bool) verdict.Decision { return verdict.Accept() }
func (reports) DeliverBlock(int64, store.Certified)                  {}

// deliveries ends a run at the last delivery.
type deliveries struct {
	world   *world
	missing int
}

func (*deliveries) Name() string { return "deliveries" }
func (*deliveries) End() error   { return nil }

// Observe counts deliveries.
func (d *deliveries) Observe(e Event) error {
	if e.Kind == Delivered {
		d.missing--
		d.world.done = d.missing == 0
	}
	return nil
}
