package simulation

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Latency names a model of one-way delays. A model is a table of integers, so that it is the same
// on every machine.
type Latency string

const (
	Constant Latency = "constant" // 50 ms on every link
	Uniform  Latency = "uniform"  // 1 to 100 ms
	Heavy    Latency = "heavy"    // 10 ms in the median, seconds in the tail
	WAN      Latency = "wan"      // half the median of measured round trips between sites, ± a tenth
)

// latencies lists the models in the order in which schedules draw them.
var latencies = []Latency{Constant, Uniform, Heavy, WAN}

// ParseLatency returns the model with this name.
func ParseLatency(name string) (Latency, error) {
	for _, l := range latencies {
		if string(l) == name {
			return l, nil
		}
	}
	return "", fmt.Errorf("latency model %q is unknown, expected one of %v", name, latencies)
}

// heavyTail holds quantiles of a heavy-tailed delay in microseconds. All are equally likely.
var heavyTail = [...]int64{
	2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000, 11_000, 12_000, 13_000, 15_000, 17_000, 19_000, 22_000,
	25_000, 30_000, 35_000, 40_000, 50_000, 60_000, 75_000, 90_000, 120_000, 160_000, 220_000, 320_000, 500_000, 800_000, 1_500_000, 4_000_000,
}

//go:embed wan/medians.csv
var wanText string

// sites holds the measured medians of round trips in centiseconds, by observer and target.
var sites = sync.OnceValue(func() [][]int64 {
	var table [][]int64
	for _, line := range strings.Split(strings.TrimSpace(wanText), "\n")[1:] {
		var row []int64
		for _, cell := range strings.Split(line, ",")[1:] {
			value, err := strconv.ParseInt(cell, 10, 64)
			if err != nil {
				panic(fmt.Sprintf("simulation: embedded table of round trips: %v", err))
			}
			row = append(row, value)
		}
		table = append(table, row)
	}
	return table
})

// oneWay is half a centisecond in microseconds: it turns a round trip into a one-way delay.
const oneWay = 10_000 / 2

// delay returns the one-way delay of a link in microseconds. The random bits decide where the model
// leaves a choice.
func (l Latency) delay(from, to int, bits uint64) int64 {
	switch l {
	case Uniform:
		return 1000 + int64(bits%99_001)
	case Heavy:
		return heavyTail[bits%uint64(len(heavyTail))]
	case WAN:
		table := sites()
		a, b := min(from, to), max(from, to)
		row := table[a%len(table)]
		median := max(row[b%len(row)], 1) * oneWay
		return median*9/10 + int64(bits%uint64(median/5+1))
	default:
		return 50_000
	}
}
