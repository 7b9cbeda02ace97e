package window

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of a window. A cell takes 16 bytes.
const (
	MaxCells      = 12_000_000
	MaxSubmitters = 1000
)

// ErrTooLarge reports a window with more than [MaxCells] cells or [MaxSubmitters] submitters.
var ErrTooLarge = errors.New("the window is too large")

// Span says which part of the time a window covers: Epochs epochs of the same length, the first
// from Start on.
type Span struct {
	Start  time.Time
	Epoch  time.Duration // above 0
	Epochs int           // at least 1
}

// End returns the first instant after the window.
func (s Span) End() time.Time { return s.Start.Add(time.Duration(s.Epochs) * s.Epoch) }

// Begin returns when an epoch begins, from 0.
func (s Span) Begin(epoch int) time.Time { return s.Start.Add(time.Duration(epoch) * s.Epoch) }

// Cell is what one submitter measured of one node in one epoch.
type Cell struct {
	Sum         int64  // of the values, in millionths
	Rows        uint32 // measurements
	Unreachable uint32 // of them, those to which the node did not answer
}

// Tally counts measurements by what the builder did with them.
type Tally struct {
	Used      int `json:"used"`
	Duplicate int `json:"duplicate"` // of the node, time and submitter of an earlier one
	Before    int `json:"before"`    // the window
	After     int `json:"after"`     // the window
}

// quarters is the number of parts of an epoch in which outages are looked for.
const quarters = 4

// part counts the measurements of one submitter in a part of an epoch.
type part struct{ rows, zeros uint32 }

// identity is what identifies a measurement of the current node.
type identity struct {
	submitter int
	time      int64 // nanoseconds since 1970
}

// Builder folds measurements into a window. It must not be used concurrently.
type Builder struct {
	span       Span
	nodes      []Node
	cells      [][][]Cell // by node, submitter (nil: no row) and epoch
	submitters []Submitter
	parts      [][]part // by submitter and quarter of an epoch
	numbers    map[string]int
	seen       map[identity]struct{} // of the current node
	allocated  int                   // cells
	most       int                   // cells
	tally      Tally
}

// NewBuilder returns a builder for a window.
func NewBuilder(span Span) *Builder {
	return &Builder{span: span, most: MaxCells, numbers: map[string]int{}, seen: map[identity]struct{}{}}
}

// Add adds a measurement. All measurements of a node must be added one after the other. Of two
// with the same node, time and submitter the first counts. The error is [ErrTooLarge].
func (b *Builder) Add(m Measurement) error {
	epoch := int(m.Time.Sub(b.span.Start) / b.span.Epoch)
	switch {
	case m.Time.Before(b.span.Start):
		b.tally.Before++
		return nil
	case epoch >= b.span.Epochs:
		b.tally.After++
		return b.countAfter(m.Submitter)
	}
	number, err := b.number(m.Submitter)
	if err != nil {
		return err
	}
	if last := len(b.nodes) - 1; last < 0 || b.nodes[last] != m.Node {
		b.nodes, b.cells = append(b.nodes, m.Node), append(b.cells, nil)
		clear(b.seen)
	}
	id := identity{number, m.Time.UnixNano()}
	if _, twice := b.seen[id]; twice {
		b.tally.Duplicate++
		return nil
	}
	b.seen[id] = struct{}{}
	cell, err := b.cell(number, epoch)
	if err != nil {
		return err
	}
	b.tally.Used++
	b.submitters[number].count(m)
	cell.count(m)
	p := &b.parts[number][int(m.Time.Sub(b.span.Start)*quarters/b.span.Epoch)]
	p.rows++
	if m.Value == 0 {
		p.zeros++
	}
	return nil
}

func (b *Builder) countAfter(submitter string) error {
	number, err := b.number(submitter)
	if err == nil {
		b.submitters[number].After++
	}
	return err
}

// number returns the number of a submitter.
func (b *Builder) number(submitter string) (int, error) {
	number, known := b.numbers[submitter]
	if known {
		return number, nil
	}
	number = len(b.submitters)
	if number == MaxSubmitters {
		return 0, fmt.Errorf("%w: more than %d submitters (is submitter_pubkey the identity of an orchestrator?)", ErrTooLarge, MaxSubmitters)
	}
	b.numbers[submitter] = number
	b.submitters = append(b.submitters, Submitter{Name: submitter})
	b.parts = append(b.parts, make([]part, b.span.Epochs*quarters))
	return number, nil
}

// cell returns the cell of a submitter and epoch of the current node.
func (b *Builder) cell(submitter, epoch int) (*Cell, error) {
	node := &b.cells[len(b.cells)-1]
	for len(*node) <= submitter {
		*node = append(*node, nil)
	}
	if (*node)[submitter] == nil {
		if b.allocated += b.span.Epochs; b.allocated > b.most {
			return nil, fmt.Errorf("%w: more than %d cells of node, submitter and epoch (give a shorter --window or longer epochs with --epoch)",
				ErrTooLarge, b.most)
		}
		(*node)[submitter] = make([]Cell, b.span.Epochs)
	}
	return &(*node)[submitter][epoch], nil
}

func (c *Cell) count(m Measurement) {
	c.Sum += int64(m.Value)
	c.Rows++
	if !m.Reachable {
		c.Unreachable++
	}
}

func (s *Submitter) count(m Measurement) {
	if s.Rows == 0 || m.Time.Before(s.First) {
		s.First = m.Time
	}
	if m.Time.After(s.Last) {
		s.Last = m.Time
	}
	s.Rows++
	if !m.Reachable {
		s.Unreachable++
	}
}

// Window returns the window of all measurements added, without submitters and nodes that have none
// in it. The builder must not be used afterwards.
func (b *Builder) Window() *Window {
	order := make([]int, 0, len(b.submitters))
	for i, s := range b.submitters {
		if s.Rows > 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int { return strings.Compare(b.submitters[i].Name, b.submitters[j].Name) })
	w := &Window{Span: b.span, Tally: b.tally}
	for _, i := range order {
		w.Submitters = append(w.Submitters, b.submitters[i])
		w.parts = append(w.parts, b.parts[i])
	}
	for i, s := range b.submitters {
		if s.Rows == 0 {
			w.Outside = append(w.Outside, b.submitters[i])
		}
	}
	nodes := make([]int, len(b.nodes))
	for i := range nodes {
		nodes[i] = i
	}
	slices.SortFunc(nodes, func(i, j int) int { return b.nodes[i].compare(b.nodes[j]) })
	for _, i := range nodes {
		cells := make([][]Cell, len(order))
		for k, j := range order {
			if j < len(b.cells[i]) {
				cells[k] = b.cells[i][j]
			}
		}
		w.Nodes, w.cells = append(w.Nodes, b.nodes[i]), append(w.cells, cells)
	}
	return w
}

// compare orders node IDs by number, and other names as text.
func (n Node) compare(o Node) int {
	return cmp.Or(strings.Compare(n.Role, o.Role), cmp.Compare(len(n.digits()), len(o.digits())), strings.Compare(n.Name, o.Name))
}

// digits returns the name if it is a number.
func (n Node) digits() string {
	if strings.Trim(n.Name, "0123456789") == "" {
		return n.Name
	}
	return ""
}
