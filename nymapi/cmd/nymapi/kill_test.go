package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// seed repeats the kills of a run. Their exact moments depend on the machine.
var seed = flag.Uint64("seed", 0, "random seed of TestKilledProcesses; 0: shortSeed with -short, otherwise a random seed, which is printed")

// shortSeed is a seed whose ten strikes hit every process.
const shortSeed = 3

// TestKilledProcesses kills real processes at random moments and restarts them with their data.
// Then it reads their databases: no second block for a slot, no second report for an epoch, no
// certified block lost, all caught up. With -artifacts -outputdir DIR the databases and logs stay
// in DIR.
func TestKilledProcesses(t *testing.T) {
	start, strikes := *seed, 10
	if !testing.Short() {
		strikes = 80
	}
	switch {
	case start != 0:
	case testing.Short():
		start = shortSeed
	default:
		start = rand.Uint64()
	}
	again := ""
	if testing.Short() {
		again = " -short"
	}
	t.Logf("again: go test ./cmd/nymapi -run TestKilledProcesses%s -seed %d", again, start)
	p := buildPrograms(t)
	t.Run("WhileTheyStart", func(t *testing.T) {
		n := newNetwork(t, p)
		n.killWhileStarting(rand.New(rand.NewPCG(start, 1)))
		n.verify(n.finish())
	})
	t.Run("AtAnyMoment", func(t *testing.T) {
		n := newNetwork(t, p)
		for number := 1; number <= members; number++ {
			n.start(number)
		}
		for number := 1; number <= members; number++ {
			n.up(number)
		}
		random := rand.New(rand.NewPCG(start, 2))
		for i := range strikes {
			s := newStrike(random, i)
			t.Logf("strike %d: %s", i+1, s)
			n.strike(s)
		}
		n.verify(n.finish())
	})
}

// killWhileStarting kills each Nym-API several times before it enrols and once afterwards. It kills
// the contract while members are missing, when the group is complete, and before the first epoch.
func (n *network) killWhileStarting(random *rand.Rand) {
	complete := n.running[theContract].log.size()
	for number := 1; number <= members; number++ {
		for range 6 { // the Nym-API creates its databases and key, and enrols
			n.start(number)
			n.pass(time.Now().Add(upTo(random, 100*time.Millisecond)))
			n.kill(number)
		}
		n.start(number)
		n.logged(number, 0, logEnrolled, logWaiting, logMember)
		n.kill(number)
		if number == members/2 {
			n.kill(theContract)
			n.start(number) // the contract does not respond yet
			n.start(theContract)
			n.up(theContract)
			complete = 0
			continue
		}
		n.start(number)
	}
	n.logged(theContract, complete, logClosed)
	n.kill(theContract)
	victim := 1 + random.IntN(members)
	n.kill(victim)
	n.start(theContract)
	n.up(theContract)
	n.start(victim)
	n.logged(victim, 0, logMember)
	n.kill(victim)
	n.start(victim)
	for number := 1; number <= members; number++ {
		n.up(number)
	}
}

// strike is a kill and what follows.
type strike struct {
	victims []int
	// The kill is offset after the end of an epoch, or when the first victim logs trigger after that.
	offset  time.Duration
	trigger string
	down    time.Duration   // until the restart
	again   []time.Duration // after each restart, until another kill
}

func (s strike) String() string {
	text := fmt.Sprintf("%v killed %s from the end of an epoch", s.victims, s.offset)
	if s.trigger != "" {
		text += fmt.Sprintf(", after %q", s.trigger)
	}
	text += fmt.Sprintf(", down for %s", s.down)
	if len(s.again) > 0 {
		text += fmt.Sprintf(", and again after %v", s.again)
	}
	return text
}

// newStrike draws the i-th strike. Half of all strikes hit around the end of an epoch, when reports
// and blocks are created. One in ten hits the contract, and one in ten hits two Nym-APIs, which is
// more than f.
func newStrike(random *rand.Rand, i int) strike {
	s := strike{
		victims: []int{1 + random.IntN(members)},
		offset:  upTo(random, epochDuration),
		down:    upTo(random, 3*epochDuration/2),
	}
	if random.IntN(2) == 0 {
		s.offset = upTo(random, 200*time.Millisecond) - 50*time.Millisecond
	}
	if random.IntN(3) == 0 {
		s.trigger = []string{logReport, logCertified}[random.IntN(2)]
	}
	if random.IntN(3) == 0 {
		s.down = 0
	}
	for random.IntN(3) == 0 {
		s.again = append(s.again, upTo(random, 500*time.Millisecond))
	}
	switch i % 10 {
	case 4:
		s.victims, s.trigger = []int{theContract}, ""
	case 7:
		s.victims = append(s.victims, 1+s.victims[0]%members)
	}
	return s
}

func upTo(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(most))).Truncate(time.Millisecond)
}

// strike carries out a strike, and waits until the victims take part again.
func (n *network) strike(s strike) {
	n.Helper()
	current := n.epoch()
	at := current.Start.Add(epochDuration).Time().Add(s.offset)
	for at.Before(time.Now()) {
		at = at.Add(epochDuration)
	}
	mark := n.logSize(s.victims[0])
	n.pass(at)
	if s.trigger != "" {
		// Without the trigger, the kill is at the end of this wait.
		n.loggedWithin(2*epochDuration, s.victims[0], mark, s.trigger)
	}
	for _, victim := range s.victims {
		n.kill(victim)
	}
	n.pass(time.Now().Add(s.down))
	for _, victim := range s.victims {
		n.start(victim)
		for _, after := range s.again {
			n.pass(time.Now().Add(after))
			n.kill(victim)
			n.start(victim)
		}
	}
	for _, victim := range s.victims {
		n.up(victim)
	}
}

func (n *network) logSize(number int) int { return n.running[number].log.size() }
