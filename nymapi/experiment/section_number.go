package experiment

import (
	"fmt"
	"math"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
	"github.com/ephemera-go/nym-rewarding/nymapi/simulate/cost"
)

// Size is what a number of Nym-APIs costs, and how available it is. It is computed, not played. The
// fields about traffic and work are NaN where each Nym-API submits by itself.
type Size struct {
	Packets float64 // sent to each mixnode in an epoch, by all
	Bytes   float64 // sent by each Nym-API in an epoch: reports, blocks, echoes and certificates
	Checks  float64 // signatures verified by each Nym-API in an epoch
	// Share of epochs without enough reports, if each is up 99 % of the time. In the first case they
	// fail independently. In the others half of the failures are those of a hoster, among which they
	// are spread evenly.
	Lost, LostThree, LostFive float64
}

// probeFactor is the factor of the cells of this section: how many packets they send.
const (
	probeFactor = "packets"
	probesEach  = "each"  // as many for each Nym-API, so more in all
	probesTotal = "total" // as many in all, so fewer for each Nym-API

	// totalPackets is about what all send together to a mixnode in a tick, so that 20 send as many as
	// they do otherwise.
	totalPackets = 20 * world.DefaultPackets

	// up is the share of the time in which each Nym-API is up.
	up = 0.99
)

// numbers are the numbers of Nym-APIs. Tolerance grows at 4, 7, 10, 13 and 16.
var numbers = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 16, 17, 20}

// numberCells has nobody who lies, one, and as many as are tolerated.
func numberCells() []Cell {
	var cells []Cell
	for _, probes := range []string{probesEach, probesTotal} {
		for _, n := range numbers {
			f := quorum.Faulty(n)
			for liars := range max(1, f) + 1 {
				if liars > 1 && liars < f {
					continue
				}
				c := Base("number", Honest).with(probeFactor, probes)
				c.N, c.Liars, c.Mixnodes, c.Epochs = n, liars, 120, 24
				if liars > 0 {
					c.Lie = "zero"
				}
				if probes == probesTotal {
					c.Packets = int(math.Round(float64(totalPackets) / float64(n)))
				}
				cells = append(cells, c)
			}
		}
	}
	return cells
}

// playNumber plays a cell and adds what its number of Nym-APIs costs.
func playNumber(c Cell, o observe.Observations, seed uint64) ([]Outcome, error) {
	outcomes, err := Play(c, o, seed)
	if err != nil {
		return nil, err
	}
	group, err := sizeOf(c)
	if err != nil {
		return nil, fmt.Errorf("play %s: %w", c, err)
	}
	for i, way := range c.Ways() {
		size := group
		switch {
		case way.Name() == payout.Performance().Name():
			size = submitted(c.N, group)
		case payout.Alone(way):
			size = submitted(1, group)
			size.Packets /= float64(c.N)
		}
		outcomes[i].Size = &size
	}
	return outcomes, nil
}

// submitted returns the costs if each of n Nym-APIs submits by itself, and any report is enough.
func submitted(n int, group Size) Size {
	return Size{
		Packets: group.Packets, Bytes: math.NaN(), Checks: math.NaN(),
		Lost: lostWithHosters(n, n, 1), LostThree: lostWithHosters(n, 3, 1), LostFive: lostWithHosters(n, 5, 1),
	}
}

// sizeOf returns the costs of a group. Traffic is for as many mixnodes as Nym has.
func sizeOf(c Cell) (Size, error) {
	packets := c.Packets
	if packets == 0 {
		packets = world.DefaultPackets
	}
	source, err := world.New(world.Config{Mixnodes: worth.Nodes})
	if err != nil {
		return Size{}, err
	}
	report, err := rules.ReportBytes(source.Mixnodes())
	if err != nil {
		return Size{}, err
	}
	need := quorum.Correct(c.N)
	return Size{
		Packets: float64(packets * c.Ticks * c.N),
		Bytes:   float64(cost.Schemes(c.N, report)[0].BytesPerNodeEpoch),
		Checks:  float64(checks(c.N)),
		Lost:    lostWithHosters(c.N, c.N, need), LostThree: lostWithHosters(c.N, 3, need), LostFive: lostWithHosters(c.N, 5, need),
	}, nil
}

// checks returns how many signatures a member verifies in a round in which all n make a block of n
// reports: the headers and the reports of the others, and a quorum of echoes in each certificate.
func checks(n int) int { return 2*(n-1) + n*quorum.Size(n) }

// lostWithHosters returns the share of epochs in which fewer of n members are up than needed. They
// are spread evenly over hosters. A hoster and a member fail by themselves, equally often, so that
// each member is up for 99 % of the time. With a hoster for each, members fail independently.
func lostWithHosters(n, hosters, need int) float64 {
	each := math.Sqrt(up)
	running := []float64{1} // probability of each number of members that are up
	for h := range hosters {
		size := n / hosters
		if h < n%hosters {
			size++
		}
		of := make([]float64, size+1)
		for k := range of {
			of[k] = each * binomial(size, k) * math.Pow(each, float64(k)) * math.Pow(1-each, float64(size-k))
		}
		of[0] += 1 - each
		running = convolve(running, of)
	}
	lost := 0.0
	for k := range need {
		lost += running[k]
	}
	return lost
}

func binomial(n, k int) float64 {
	result := 1.0
	for i := range k {
		result = result * float64(n-i) / float64(i+1)
	}
	return result
}

// convolve returns the distribution of the sum of two independent numbers.
func convolve(a, b []float64) []float64 {
	sum := make([]float64, len(a)+len(b)-1)
	for i, p := range a {
		for j, q := range b {
			sum[i+j] += p * q
		}
	}
	return sum
}

func sizeMeasures() []Measure {
	of := func(value func(Size) float64) func(Figures) float64 {
		return part(func(f Figures) *Size { return f.Size }, value)
	}
	return []Measure{
		{"packets", "packets", "Sent to each mixnode in an epoch.", true, of(func(s Size) float64 { return s.Packets })},
		{"bytes", "bytes", "Sent by each Nym-API in an epoch.", true, of(func(s Size) float64 { return s.Bytes })},
		{"checks", "signatures", "Verified by each Nym-API in an epoch.", true, of(func(s Size) float64 { return s.Checks })},
		{"lost", "share", "Epochs lost, if each is up 99 % of the time.", true, of(func(s Size) float64 { return s.Lost })},
		{"lost_three", "share", "The same with three hosters.", true, of(func(s Size) float64 { return s.LostThree })},
		{"lost_five", "share", "The same with five hosters.", true, of(func(s Size) float64 { return s.LostFive })},
	}
}
