package simulation

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Schedule decides everything in a simulation: two runs of one schedule are the same, event by
// event. Times are in virtual milliseconds since the beginning.
type Schedule struct {
	Seed      uint64  // of all random choices: delays, losses, answers
	Nodes     int     // how many exist; each has one key for good
	Members   []int   // nodes in the first group
	Latency   Latency // "" is Constant
	Link      int64   `json:",omitempty"` // one-way delay of Constant in microseconds; 0: 50 ms
	Loss      int     `json:",omitempty"` // frames lost per thousand, until Heal
	Duplicate int     `json:",omitempty"` // frames that arrive twice per thousand, until Heal
	Drift     int     `json:",omitempty"` // greatest drift of a clock in parts per million
	Offset    int64   `json:",omitempty"` // greatest difference of a clock in milliseconds
	Real      bool    `json:",omitempty"` // Ed25519 signatures, and every frame travels as bytes
	All       bool    `json:",omitempty"` // mempool.All
	Batch     bool    `json:",omitempty"` // a step's persists are one commit, before its other effects
	Linger    int64   `json:",omitempty"` // events wait for others to share a commit; needs Batch
	NoGossip  bool    `json:",omitempty"` // every gossip frame is lost (R7)
	Connect   bool    `json:",omitempty"` // members notice when another is reachable again
	AppDelay  int64   // the longest time until the application answers
	AppFails  int     `json:",omitempty"` // deliveries that fail per thousand, until Heal
	Later     int     `json:",omitempty"` // messages postponed per thousand answers, until Heal
	Exchange  int64   `json:",omitempty"` // between two frontiers; 0: the engine's default
	HandOver  int64   `json:",omitempty"` // longest life of an old group; 0: the engine's default
	PerBlock  int     `json:",omitempty"` // most messages in its own block; 0: 8
	// Fork says that enough members sign double for two certificates. Validity is not judged then:
	// more than f members may answer nobody.
	Fork  bool  `json:",omitempty"`
	Known int   `json:",omitempty"` // messages that a mempool remembers; 0: plenty
	Rate  int64 `json:",omitempty"` // bytes a second that a chain may add to a store; 0: any
	Burst int64 `json:",omitempty"` // bytes that it may add at once

	Idle     bool  `json:",omitempty"` // continue after the end, to judge what an idle group sends
	Costs    Costs `json:",omitzero"`  // of work at nodes that are not Byzantine
	LinkRate int64 `json:",omitempty"` // bytes a second on each link; 0: a frame takes no time on it

	// Skips are nodes whose provider knows only the newest group: while they are down, they skip
	// groups.
	Skips []int `json:",omitempty"`

	Byzantine   []Placement  `json:",omitempty"`
	Submissions []Submission `json:",omitempty"`
	Faults      []Fault      `json:",omitempty"`

	Heal     int64 // all faults end, except Byzantine members
	Deadline int64 // everything promised must have happened
}

// Placement makes a node Byzantine.
type Placement struct {
	Node      int
	Adversary string // a name in Adversaries or of an attack
}

// Submission is a client's message.
type Submission struct {
	At    int64
	Node  int
	Label string `json:",omitempty"`
	Size  int    // payload in bytes, at least 8
	Time  int64  `json:",omitempty"` // as signed; 0: the time of the node's clock
	Again int    `json:",omitempty"` // submit the message of this submission, from 1, once more
}

// FaultKind names a fault. At, For, Node, Nodes and Step are fields of Fault.
type FaultKind string

const (
	Crash     FaultKind = "crash"     // at At, Node stops for For
	CrashStep FaultKind = "crashstep" // after its Step-th effect, Node stops for For
	DiskFails FaultKind = "disk"      // as the next commit after At fails, Node stops for For
	LoseStore FaultKind = "lose"      // at At, Node stops for For; it restarts with an empty store
	Restore   FaultKind = "restore"   // as LoseStore, with a copy from before its last start
	Revert    FaultKind = "revert"    // as LoseStore, with the store of Step commits ago
	RevertAll FaultKind = "revertall" // as Revert, and marker and counter with it: nobody notices
	Partition FaultKind = "partition" // from At on, Nodes are cut off from the others for For
	NewGroup  FaultKind = "group"     // Nodes are the next group; a node hears between At and At+For
	CloseOld  FaultKind = "close"     // at At, Node's application closes all groups but the newest
	WakeAll   FaultKind = "wake"      // at At, the state of every application changes
	Prune     FaultKind = "prune"     // at At, Node's retention keeps Step blocks' messages per chain
	Rot       FaultKind = "rot"       // at At, messages of a certified block of Node are damaged
	PruneAge  FaultKind = "pruneage"  // at At, Node's retention removes messages older than Age
	FillDisk  FaultKind = "space"     // from At on, Node's disk has Free bytes left for For
	StepClock FaultKind = "clock"     // at At, Node's wall clock is set forward by Ahead
	Pile      FaultKind = "pile"      // at At, Step messages that no block holds come to Node
	Hang      FaultKind = "hang"      // from At on, Node's application answers nothing for For
)

// Fault is something that goes wrong or changes.
type Fault struct {
	Kind  FaultKind
	At    int64 `json:",omitempty"`
	For   int64 `json:",omitempty"`
	Node  int   `json:",omitempty"`
	Step  int   `json:",omitempty"`
	Nodes []int `json:",omitempty"`
	Free  int64 `json:",omitempty"` // below lowSpace, the first threshold
	Age   int64 `json:",omitempty"` // in milliseconds of running time
	Ahead int64 `json:",omitempty"` // in milliseconds; negative: back
}

// String returns the schedule as one line of JSON for Parse.
func (s Schedule) String() string {
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Parse returns the schedule that String wrote as this line.
func Parse(text string) (Schedule, error) {
	var s Schedule
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return Schedule{}, fmt.Errorf("read schedule: %w", err)
	}
	return s, s.Validate()
}

// Validate returns an error that names everything that is wrong with the schedule.
func (s Schedule) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("schedule: "+format, args...)) }
	if s.Nodes < 1 || s.Nodes > maxNodes {
		return fmt.Errorf("schedule: %d nodes, expected 1..%d", s.Nodes, maxNodes)
	}
	node := func(what string, i int) {
		if i < 0 || i >= s.Nodes {
			bad("%s names node %d of %d", what, i, s.Nodes)
		}
	}
	group := func(nodes []int) {
		sorted := slices.Sorted(slices.Values(nodes))
		if len(nodes) == 0 || len(slices.Compact(sorted)) != len(nodes) {
			bad("a group is empty or names a node twice")
		}
	}
	group(s.Members)
	for _, i := range s.Members {
		node("the first group", i)
	}
	for _, i := range s.Skips {
		node("a provider", i)
	}
	for _, p := range s.Byzantine {
		node("an adversary", p.Node)
		if constructor(p.Adversary) == nil {
			bad("adversary %q is unknown, expected one of %v or %v", p.Adversary, Adversaries(), attackNames())
		}
	}
	for _, m := range s.Submissions {
		node("a submission", m.Node)
		if m.Size < 0 || m.Size > maxPayload || len(m.Label) > 64 {
			bad("submission of %d bytes, expected 0..%d with a label of at most 64 bytes", m.Size, maxPayload)
		}
		if m.Again < 0 || m.Again > len(s.Submissions) || m.Again > 0 && s.Submissions[m.Again-1].Node != m.Node {
			bad("submission repeats number %d of %d, expected one of the same node", m.Again, len(s.Submissions))
		}
	}
	for _, f := range s.Faults {
		node(string(f.Kind), f.Node)
		for _, i := range f.Nodes {
			node(string(f.Kind), i)
		}
		if f.Kind == NewGroup {
			group(f.Nodes)
		}
		errs = append(errs, f.check())
	}
	if s.Rate < 0 || s.Burst < 0 || s.Rate > maxRate || s.Burst > maxRate || (s.Rate == 0) != (s.Burst == 0) {
		bad("chains may add %d bytes a second and %d at once, expected both in 1..%d, or neither", s.Rate, s.Burst, maxRate)
	}
	if s.Heal < 0 || s.Deadline < s.Heal || s.Deadline > maxTime {
		bad("heals at %d ms and ends at %d ms, expected 0 <= heal <= end <= %d", s.Heal, s.Deadline, maxTime)
	}
	if err := s.checkBatches(); err != nil {
		errs = append(errs, err)
	}
	if s.AppDelay < 0 || s.Exchange < 0 || s.HandOver < 0 || s.Known < 0 || s.Later < 0 || s.Drift < 0 || s.Drift > 100_000 || s.Offset < 0 {
		bad("a time is negative, or clocks drift by more than a tenth")
	}
	if s.LinkRate < 0 || s.LinkRate > maxRate {
		bad("links of %d bytes a second, expected 0..%d", s.LinkRate, maxRate)
	}
	return errors.Join(append(errs, s.Costs.validate())...)
}

// check returns an error that names everything that is wrong with the values of the fault.
func (f Fault) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("schedule: "+format, args...)) }
	if f.At < 0 || f.For < 0 || f.At > maxTime || f.For > maxTime {
		bad("%s at %d for %d ms, expected 0..%d", f.Kind, f.At, f.For, maxTime)
	}
	if f.Free < 0 || f.Free > lowSpace {
		bad("a disk has %d bytes left, expected 0..%d", f.Free, lowSpace)
	}
	if f.Kind == Pile && (f.Step < 1 || f.Step > maxPile) {
		bad("a pile of %d messages, expected 1..%d", f.Step, maxPile)
	}
	if f.Age < 0 || max(f.Ahead, -f.Ahead) > maxAhead {
		bad("%s of messages older than %d ms, or of a clock by %d ms, at most %d", f.Kind, f.Age, f.Ahead, maxAhead)
	}
	return errors.Join(errs...)
}

// checkBatches returns an error if blocks or commits have sizes that cannot be.
func (s Schedule) checkBatches() error {
	if s.PerBlock < 0 || s.PerBlock > int(limits.BlockMessages) {
		return fmt.Errorf("schedule: %d messages in a block, expected at most %d", s.PerBlock, limits.BlockMessages)
	}
	if s.Linger < 0 || s.Linger > 0 && !s.Batch {
		return fmt.Errorf("schedule: events linger for %d ms, expected 0, or more with Batch", s.Linger)
	}
	return nil
}

const (
	maxRate    = int64(1 << 40)
	maxNodes   = 1000
	maxTime    = int64(400 * 24 * 3600 * 1000)
	maxAhead   = int64(100 * 365 * 24 * 3600 * 1000)
	maxPayload = 4096
)

// delay returns the one-way delay of a link in microseconds.
func (s Schedule) delay(from, to int, bits uint64) int64 {
	if s.Link > 0 && (s.Latency == Constant || s.Latency == "") {
		return s.Link
	}
	return s.Latency.delay(from, to, bits)
}

// TypicalDelay returns the median one-way delay between members of the first group, in
// microseconds.
func (s Schedule) TypicalDelay() int64 {
	var delays []int64
	for _, from := range s.Members {
		for _, to := range s.Members {
			if from != to {
				delays = append(delays, s.delay(from, to, hash(s.Seed, uint64(from), uint64(to))&0xfffff))
			}
		}
	}
	if len(delays) == 0 {
		return 0
	}
	slices.Sort(delays)
	return delays[len(delays)/2]
}
