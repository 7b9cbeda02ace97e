package world

import "github.com/ephemera-go/nym-rewarding/metrics/draw"

// World is a simulated network. A mixnode that is on is reachable with a fixed probability p:
//
//	share  kind      p                    on
//	70 %   stable    .99                  always
//	20 %   mediocre  uniform in .6 … .98  always
//	 3 %   dead      0                    always
//	 7 %   flapping  .97                  up and down in turn, exponential, mean 60 and 15 ticks
//
// A sample is round(100 x received / packets), half up. Received is distributed as
// Binomial(packets, p x on x (1 - loss)): on is the share of the tick in which the mixnode was up,
// and loss is uniform in 0 … 2 %, fixed for each Nym-API and mixnode.
//
// The truth of a window ([World.Truth]) is what a perfect observer would measure through a path of
// average loss: the time average of p x on x (1 - 1 %). Every observer loses something on its path,
// so a lossless value would make all of them look too low. The mixnode does not cause the loss, so
// its own uptime ([World.Uptime]), the time average of p x on, is available as well.
type World struct {
	source
	packets int
	nodes   []node
}

// node is a mixnode. p is in units of 2^-32.
type node struct {
	kind kind
	p    uint64
}

type kind uint8

const (
	stable kind = iota
	mediocre
	dead
	flapping
)

const (
	stableP      = 99 * draw.One / 100
	flappingP    = 97 * draw.One / 100
	mediocreLow  = 60 * draw.One / 100
	mediocreHigh = 98 * draw.One / 100
	maxLoss      = 2 * draw.One / 100

	meanUp   = 60 // ticks
	meanDown = 15

	// subTicks is the resolution, per tick, of the moments at which a flapping mixnode changes.
	subTicks = 1 << 20
	// spanTicks is the length of a span. The history of a flapping mixnode is computed in spans, each
	// from its own hash, so that every tick costs the same, the first or the billionth. A span begins
	// in the stationary state: up in 60 of 75 cases, and the rest of an exponential time is
	// distributed like a new one. A change may fall on the boundary of two spans.
	spanTicks = 1024
)

// New returns the world that c describes, or an error that wraps [ErrConfig].
func New(c Config) (*World, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	w := &World{source: newSource(c), packets: c.Packets, nodes: make([]node, c.Mixnodes)}
	if w.packets == 0 {
		w.packets = DefaultPackets
	}
	for mix := range w.nodes {
		w.nodes[mix] = w.drawNode(uint64(mix))
	}
	return w, nil
}

func (w *World) drawNode(mix uint64) node {
	switch share := w.seed.With(drawKind).With(mix).Below(100); {
	case share < 70:
		return node{kind: stable, p: stableP}
	case share < 90:
		quality := w.seed.With(drawQuality).With(mix).Below(mediocreHigh - mediocreLow)
		return node{kind: mediocre, p: mediocreLow + quality}
	case share < 93:
		return node{kind: dead}
	default:
		return node{kind: flapping, p: flappingP}
	}
}

// Sample returns what a Nym-API (from 1) measures for a mixnode (by index) in a tick, in percent
// (0..100), and false if the sample is lost.
func (w *World) Sample(api, mix int, tick int64) (value uint8, ok bool) {
	at, ok := w.tick(drawSample, api, mix, tick)
	if !ok {
		return 0, false
	}
	return w.measure(at, api, mix, tick), true
}

// Repeat returns another measurement of the same Nym-API in the same tick, number 1, 2, …, and for
// number 0 that of Sample. Each is lost by itself, as those of different Nym-APIs are, and all take
// the same path. A negative number has no value.
func (w *World) Repeat(api, mix int, tick, number int64) (value uint8, ok bool) {
	if number == 0 {
		return w.Sample(api, mix, tick)
	}
	at, ok := w.draw(drawRepeat, api, mix, tick)
	if !ok || number < 0 {
		return 0, false
	}
	if at = at.With(uint64(number)); w.lost(at) {
		return 0, false
	}
	return w.measure(at, api, mix, tick), true
}

// measure draws what a Nym-API receives of the packets of one measurement.
func (w *World) measure(at draw.State, api, mix int, tick int64) uint8 {
	p := w.nodes[mix].p
	if w.nodes[mix].kind == flapping {
		p = p * uint64(w.upTime(mix, tick, tick+1)) / subTicks
	}
	loss := w.seed.With(drawLoss).With(uint64(api)).With(uint64(mix)).Below(maxLoss)
	p = p * (draw.One - loss) >> 32

	received := 0
	for sent := 0; sent < w.packets; sent += 2 {
		pair := uint64(at.With(uint64(1 + sent/2)))
		if pair>>32 < p {
			received++
		}
		if sent+1 < w.packets && pair%draw.One < p {
			received++
		}
	}
	return uint8((200*received + w.packets) / (2 * w.packets))
}

// Truth returns what a perfect observer would measure for a mixnode (by index) over the ticks
// [from, to) through a path of average loss, in percentage points (0..100). It returns false for a
// window that is empty, negative, longer than [MaxWindow] or after [MaxTick].
func (w *World) Truth(mix int, from, to int64) (points float64, ok bool) {
	points, ok = w.Uptime(mix, from, to)
	// Loss is uniform in 0 … maxLoss-1.
	return points * (2*draw.One - (maxLoss - 1)) / (2 * draw.One), ok
}

// Uptime returns a mixnode's own uptime over the ticks [from, to), without loss on any path. Units
// and windows are those of Truth.
func (w *World) Uptime(mix int, from, to int64) (points float64, ok bool) {
	if mix < 0 || mix >= len(w.nodes) || from < 0 || to <= from || to > MaxTick || to-from > MaxWindow {
		return 0, false
	}
	points = 100 * float64(w.nodes[mix].p) / draw.One
	if w.nodes[mix].kind == flapping {
		points *= float64(w.upTime(mix, from, to)) / float64((to-from)*subTicks)
	}
	return points, true
}

// upTime returns the number of sub-ticks in the ticks [from, to) in which a flapping mixnode is up.
func (w *World) upTime(mix int, from, to int64) int64 {
	history := w.seed.With(drawFlap).With(uint64(mix))
	total := int64(0)
	for from < to {
		span := from / spanTicks
		begin := span * spanTicks
		length := min(to-begin, spanTicks)
		total += upTimeOfSpan(history.With(uint64(span)), (from-begin)*subTicks, length*subTicks)
		from = begin + length
	}
	return total
}

// upTimeOfSpan returns the number of sub-ticks in [from, to) of a span in which a mixnode is up.
func upTimeOfSpan(span draw.State, from, to int64) int64 {
	up := span.With(0).Below(meanUp+meanDown) < meanUp
	total := int64(0)
	for begin, change := int64(0), uint64(1); begin < to; change++ {
		mean := int64(meanDown)
		if up {
			mean = meanUp
		}
		end := begin + max(1, mean*span.With(change).Exponential())
		if up {
			total += max(0, min(end, to)-max(begin, from))
		}
		begin, up = end, !up
	}
	return total
}
