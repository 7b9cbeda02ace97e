package simulation

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Range bounds the schedules that Draw makes. The zero value allows everything, in groups of 4 to
// 13.
type Range struct {
	MinNodes, MaxNodes int      // of the first group: 4 and 13
	Adversaries        []string // to choose from; nil: all of them, and often none is present
	Beyond             int      // Byzantine members beyond f, to show where the protocol breaks
	Quiet              bool     // no crashes, partitions, lost stores or group changes
	RealEvery          int      // one schedule in this many uses Ed25519: 100; negative: none does
}

// WithDefaults returns the range with zero fields filled in.
func (r Range) WithDefaults() Range {
	if r.MinNodes == 0 {
		r.MinNodes = 4
	}
	if r.MaxNodes == 0 {
		r.MaxNodes = max(13, r.MinNodes)
	}
	if r.RealEvery == 0 {
		r.RealEvery = 100
	}
	return r
}

// Validate returns an error if no schedule can be drawn from the range.
func (r Range) Validate() error {
	r = r.WithDefaults()
	if r.MinNodes < 1 || r.MaxNodes < r.MinNodes || r.MaxNodes > maxNodes-3 {
		return fmt.Errorf("range: -min %d and -max %d members, expected 1 <= min <= max <= %d", r.MinNodes, r.MaxNodes, maxNodes-3)
	}
	for _, name := range r.Adversaries {
		if _, ok := adversaries[name]; !ok {
			return fmt.Errorf("range: adversary %q is unknown, expected one of %v", name, Adversaries())
		}
	}
	if r.Beyond < 0 {
		return fmt.Errorf("range: %d Byzantine members beyond f, expected 0 or more", r.Beyond)
	}
	return nil
}

// Times of drawn schedules in milliseconds.
const (
	drawnActive   = 3000    // submissions and faults begin before this time
	drawnHeal     = 4500    // faults end at this time
	drawnDeadline = 180_000 // everything promised must have happened; most end after six seconds
)

// Draw makes the schedule of a seed. The number of members is uniform; everything else is random,
// too. The schedule satisfies the precondition of every promise: in each group at most f members
// are Byzantine or lose their votes.
func Draw(seed uint64, r Range) Schedule {
	r = r.WithDefaults()
	rng := random{state: hash(seed, 31)}
	n := r.MinNodes + rng.below(r.MaxNodes-r.MinNodes+1)
	s := Schedule{Seed: seed, Nodes: n, Heal: drawnHeal, Deadline: drawnDeadline, HandOver: 2500}
	for i := range n {
		s.Members = append(s.Members, i)
	}
	drawNetwork(&rng, &s)
	s.Real = r.RealEvery > 0 && rng.below(r.RealEvery) == 0
	if r.Adversaries == nil && r.Beyond == 0 && rng.permille(drawnForks) && drawFork(&rng, &s) {
		return s
	}
	bad := drawAdversaries(&rng, &s, r)
	if !r.Quiet {
		drawFaults(&rng, &s, bad, r.Beyond > 0)
	}
	drawSubmissions(&rng, &s)
	if !r.Quiet {
		drawSize(&rng, &s)
		drawRetention(&rng, &s)
		drawClocks(&rng, &s)
	}
	if !r.Quiet && r.Beyond == 0 {
		drawRot(&rng, &s, bad)
	}
	if !r.Quiet {
		drawGrowth(&rng, &s, r.Adversaries == nil)
		drawPiles(&rng, &s)
		drawApplications(&rng, &s)
	}
	drawCosts(&s)
	return s
}

// drawApplications lets applications postpone messages, or answer nothing for a while.
func drawApplications(rng *random, s *Schedule) {
	if rng.permille(350) {
		s.Later = 1 + rng.below(1000)
	}
	if !rng.permille(250) {
		return
	}
	for range 1 + rng.below(3) {
		s.Faults = append(s.Faults, Fault{Kind: Hang, Node: rng.below(s.Nodes), At: int64(rng.below(drawnActive)), For: rng.between(100, 3000)})
	}
}

// drawCosts draws what is judged of the costs. Its choices change no others.
func drawCosts(s *Schedule) {
	rng := random{state: hash(s.Seed, 32)}
	// A clock that is wrong keeps its node asking for messages that it does not take.
	stepped := slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Kind == StepClock })
	// A chain that is held to its rate includes the messages of others long after their own chains.
	held := s.All && s.Rate > 0
	s.Idle = rng.permille(200) && len(s.Byzantine) == 0 && !stepped && !held
	if rng.permille(loadPermille) {
		drawLoad(&rng, s)
	}
}

// loadPermille is how many of a thousand schedules let work and sending take time.
const loadPermille = 3

// drawLoad lets work and sending take time. Byzantine members make as much work as the links carry
// then. The links are slow, because a flood on fast ones takes long to simulate.
func drawLoad(rng *random, s *Schedule) {
	s.Costs = measuredCosts(rng.between(1, 3))
	s.LinkRate = rng.between(30_000, 200_000)
	names := attackNames()
	for i := range s.Byzantine {
		s.Byzantine[i].Adversary = names[rng.below(len(names))]
	}
}

func drawNetwork(rng *random, s *Schedule) {
	s.Latency = latencies[rng.below(len(latencies))]
	if rng.permille(600) {
		s.Loss = rng.below(300)
	}
	if rng.permille(400) {
		s.Duplicate = rng.below(200)
	}
	if rng.permille(300) {
		s.Drift, s.Offset = rng.below(20_000), int64(rng.below(20_000))
	}
	s.All, s.Batch, s.NoGossip, s.Connect = rng.permille(400), rng.permille(500), rng.permille(200), rng.permille(300)
	if s.Batch && rng.permille(500) {
		s.Linger = rng.between(1, 20)
	}
	s.AppDelay = []int64{0, 1, 20, 400}[rng.below(4)]
	if rng.permille(300) {
		s.AppFails = rng.below(300)
	}
}

// drawAdversaries makes nodes Byzantine. It returns at most f nodes (plus r.Beyond): these, and
// those that may lose their votes.
func drawAdversaries(rng *random, s *Schedule, r Range) (bad []int) {
	names := r.Adversaries
	if names == nil {
		names = Adversaries()
	}
	f := quorum.Faulty(s.Nodes)
	count := rng.below(f+1) + r.Beyond
	if r.Adversaries != nil || r.Beyond > 0 {
		count = f + r.Beyond
	}
	if len(names) == 0 {
		count = 0
	}
	bad = rng.choose(s.Nodes, f+r.Beyond)
	for _, node := range bad[:min(count, len(bad))] {
		s.Byzantine = append(s.Byzantine, Placement{Node: node, Adversary: names[rng.below(len(names))]})
	}
	return bad
}

// drawnForks is how many of a thousand schedules have a fork.
const drawnForks = 25

// drawFork makes enough nodes sign double for two certificates of one slot, with half of the others
// each. It reports whether the group is large enough.
func drawFork(rng *random, s *Schedule) bool {
	liars := 2*quorum.Size(s.Nodes) - s.Nodes
	if s.Nodes-liars < 2 {
		return false
	}
	bad := rng.choose(s.Nodes, liars)
	for _, node := range bad {
		s.Byzantine = append(s.Byzantine, Placement{Node: node, Adversary: "doublesign"})
	}
	s.Fork = true
	drawFaults(rng, s, bad, true)
	if rng.permille(400) {
		drawGroups(rng, s, bad)
		s.Faults = slices.DeleteFunc(s.Faults, func(f Fault) bool { return f.Kind == NewGroup && len(f.Nodes) == 0 })
	}
	drawSubmissions(rng, s)
	return true
}

func drawFaults(rng *random, s *Schedule, bad []int, beyond bool) {
	at := func() int64 { return int64(rng.below(drawnActive)) }
	for range rng.below(4) {
		s.Faults = append(s.Faults, Fault{Kind: Crash, Node: rng.below(s.Nodes), At: at(), For: rng.between(1, 2000)})
	}
	for range rng.below(4) {
		s.Faults = append(s.Faults, Fault{Kind: CrashStep, Node: rng.below(s.Nodes), Step: 1 + rng.below(60*s.Nodes), For: rng.between(1, 2000)})
	}
	if rng.permille(250) {
		s.Faults = append(s.Faults, Fault{Kind: DiskFails, Node: rng.below(s.Nodes), At: at(), For: rng.between(1, 3000), Step: rng.below(2)})
	}
	for range rng.below(3) {
		s.Faults = append(s.Faults, Fault{Kind: Partition, Nodes: rng.choose(s.Nodes, 1+rng.below(s.Nodes/2)), At: at(), For: rng.between(100, 3000)})
	}
	if rng.permille(250) { // every echoer restarts while the creator is silent
		when := at()
		for i := range s.Nodes {
			s.Faults = append(s.Faults, Fault{Kind: Crash, Node: i, At: when + int64(rng.below(300)), For: rng.between(1, 1500)})
		}
	}
	for _, node := range bad[len(s.Byzantine):] {
		for range rng.below(3) {
			kind := []FaultKind{LoseStore, Restore, Revert, Revert, RevertAll}[rng.below(5)]
			s.Faults = append(s.Faults, Fault{Kind: kind, Node: node, At: at(), For: rng.between(1, 2000), Step: 1 + rng.below(6)})
		}
	}
	if rng.permille(300) {
		s.Faults = append(s.Faults, Fault{Kind: WakeAll, At: at()})
	}
	if rng.permille(450) && !beyond {
		drawGroups(rng, s, bad)
	}
}

// drawGroups adds one to eleven later groups. Members leave, return, and new ones join. If they are
// many, a member may be away for most of them.
func drawGroups(rng *random, s *Schedule, bad []int) {
	for range rng.below(3) {
		s.Nodes++ // nodes that are in no group yet
	}
	later := 1 + rng.below(3)
	if rng.permille(250) {
		later = 4 + rng.below(8)
		if rng.permille(700) {
			away := rng.below(s.Nodes)
			s.Faults = append(s.Faults, Fault{Kind: Crash, Node: away, At: int64(rng.below(1000)), For: rng.between(3000, 12_000)})
			if rng.permille(600) && !contains(bad, away) {
				s.Skips = []int{away}
			}
		}
	}
	for range later {
		members := rng.choose(s.Nodes, max(1, s.Nodes-rng.below(3)))
		for faulty(members, bad) > quorum.Faulty(len(members)) {
			i := slices.IndexFunc(members, func(n int) bool { return contains(bad, n) })
			members = slices.Delete(members, i, i+1)
		}
		if len(members) == 1 && contains(s.Skips, members[0]) {
			s.Skips = nil // nobody could tell it of the groups that follow
		}
		slices.Sort(members)
		s.Faults = append(s.Faults, Fault{Kind: NewGroup, Nodes: members, At: int64(rng.below(drawnActive)), For: rng.between(1, 3000)})
		if rng.permille(300) {
			s.Faults = append(s.Faults, Fault{Kind: CloseOld, Node: rng.below(s.Nodes), At: int64(rng.below(drawnHeal))})
		}
	}
	sortGroups(s)
}

// drawSize rarely makes blocks of as many messages as the group allows, or a chain of more blocks
// than one answer holds, which a member misses. Small groups only: both cost time.
func drawSize(rng *random, s *Schedule) {
	if len(s.Members) > 6 || !rng.permille(40) || slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Kind == NewGroup }) {
		return
	}
	if rng.permille(500) {
		s.All, s.PerBlock = true, int(limits.BlockMessages)
		start := rng.below(drawnActive - 500)
		for range 100 {
			s.Submissions = append(s.Submissions, Submission{At: int64(start + rng.below(400)), Node: rng.below(s.Nodes), Size: 8 + rng.below(100)})
		}
		return
	}
	s.Latency, s.Link, s.Loss, s.AppDelay, s.AppFails, s.PerBlock = Constant, 2000, 0, 0, 0, 1
	s.Faults, s.Skips = nil, nil
	correct := slices.DeleteFunc(slices.Clone(s.Members), func(n int) bool {
		return slices.ContainsFunc(s.Byzantine, func(p Placement) bool { return p.Node == n })
	})
	node, away := correct[rng.below(len(correct))], rng.below(s.Nodes)
	for i := range wire.MaxBlocks + 16 {
		s.Submissions = append(s.Submissions, Submission{At: int64(100 + 35*i), Node: node, Size: 8})
	}
	if away != node {
		s.Faults = append(s.Faults, Fault{Kind: Crash, Node: away, At: 100, For: 4000})
	}
}

// drawRetention lets some or all nodes remove old messages, also after the faults have ended, while
// others catch up.
func drawRetention(rng *random, s *Schedule) {
	if !rng.permille(300) {
		return
	}
	if rng.permille(500) { // everybody removes everything while somebody is down
		when := int64(rng.between(1000, drawnHeal))
		for node := range s.Nodes {
			s.Faults = append(s.Faults, Fault{Kind: Prune, Node: node, At: when + int64(rng.below(200))})
		}
		return
	}
	for _, node := range rng.choose(s.Nodes, 1+rng.below(s.Nodes)) {
		for range 1 + rng.below(3) {
			s.Faults = append(s.Faults, Fault{Kind: Prune, Node: node, At: int64(rng.below(drawnHeal)), Step: rng.below(3)})
		}
	}
}

// drawRot lets the disk of one node rot. Of the f+1 correct members that hold a block, one is left
// at least whose disk does not.
func drawRot(rng *random, s *Schedule, bad []int) {
	if !rng.permille(250) {
		return
	}
	node := rng.below(s.Nodes)
	if contains(bad, node) {
		return
	}
	for range 1 + rng.below(4) {
		s.Faults = append(s.Faults, Fault{Kind: Rot, Node: node, At: int64(rng.below(drawnHeal))})
	}
}

// drawClocks sets wall clocks of some nodes forward or back, by seconds to decades, and often right
// again. Their clients submit messages afterwards, and some repeat earlier ones. Retention by age
// runs meanwhile, and mempools remember few messages.
func drawClocks(rng *random, s *Schedule) {
	if !rng.permille(250) {
		return
	}
	// What a closed group gives back after a restart is left out if it may have been included and
	// forgotten. So that it can be awaited, nothing is forgotten while groups change.
	steps := []int64{1, 5, 90, 2 * 3600, 30 * 24 * 3600, 50 * 365 * 24 * 3600}
	if slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Kind == NewGroup }) {
		steps = steps[:3]
	} else if rng.permille(500) {
		s.Known = 1 + rng.below(12)
	}
	const second = 1000
	for _, node := range rng.choose(s.Nodes, 1+rng.below(3)) {
		for range 1 + rng.below(2) {
			at := int64(rng.below(drawnActive))
			ahead := steps[rng.below(len(steps))] * second
			if rng.permille(500) {
				ahead = -ahead
			}
			s.Faults = append(s.Faults, Fault{Kind: StepClock, Node: node, At: at, Ahead: ahead})
			later := at + int64(rng.below(3000))
			if rng.permille(600) {
				s.Faults = append(s.Faults, Fault{Kind: StepClock, Node: node, At: later, Ahead: -ahead})
			}
			again := 1 + len(s.Submissions)
			for range 1 + rng.below(3) {
				s.Submissions = append(s.Submissions, Submission{At: later + int64(rng.below(1000)), Node: node, Size: 8 + rng.below(200)})
			}
			for i, earlier := range s.Submissions {
				if earlier.Node == node && earlier.Again == 0 && rng.permille(300) {
					again = i + 1
				}
			}
			s.Submissions = append(s.Submissions, Submission{At: later + int64(rng.below(3000)), Node: node, Again: again})
			if rng.permille(300) {
				s.Faults = append(s.Faults, Fault{Kind: PruneAge, Node: node, At: at + int64(rng.below(drawnActive)), Age: int64(rng.below(3000))})
			}
		}
	}
}

// sortGroups sorts new groups by time, so that their numbers ascend as they come.
func sortGroups(s *Schedule) {
	slices.SortStableFunc(s.Faults, func(a, b Fault) int {
		if a.Kind != NewGroup || b.Kind != NewGroup {
			return 0
		}
		return int(a.At - b.At)
	})
}

func faulty(members, bad []int) int {
	count := 0
	for _, n := range members {
		if contains(bad, n) {
			count++
		}
	}
	return count
}

func drawSubmissions(rng *random, s *Schedule) {
	labels := []string{"", "", "", "", "", labelSlow, labelPoison}
	for range 1 + rng.below(s.Nodes+3) {
		s.Submissions = append(s.Submissions, Submission{
			At: int64(rng.below(drawnActive)), Node: rng.below(s.Nodes), Label: labels[rng.below(len(labels))], Size: 8 + rng.below(200),
		})
	}
}
