package performance

import (
	"slices"
	"sort"
)

// A Kind is what a monitor measures of a node.
type Kind uint8

// The kinds. Liveness and stress have a weight; config multiplies the weighted mean of the others.
const (
	Liveness Kind = iota
	Stress
	Config
)

// Kinds is the number of kinds.
const Kinds = 3

// String returns the name of the kind in queries.
func (k Kind) String() string {
	switch k {
	case Liveness:
		return "liveness"
	case Stress:
		return "stress"
	case Config:
		return "config"
	}
	return "unknown"
}

// Values has one percent for each kind, by [Kind], or [Absent]. It is what a monitor submits of one
// node, or the medians of a [Bundle].
type Values [Kinds]Percent

// NoValues returns values of which each is absent.
func NoValues() Values { return Values{Absent, Absent, Absent} }

// Empty reports whether all values are absent.
func (v Values) Empty() bool { return v == NoValues() }

// A Bundle has the values that all monitors submitted of one node in one epoch: for each kind its
// sorted percents. It keeps no names, so who submitted which value is not known. The zero Bundle is
// empty.
type Bundle [Kinds][]Percent

// Insert adds what one monitor submitted. Requirement "Storage holds one bundle per epoch and node,
// merged kind by kind".
func (b *Bundle) Insert(values Values) {
	for kind, value := range values {
		if value == Absent {
			continue
		}
		at := sort.Search(len(b[kind]), func(i int) bool { return b[kind][i] > value })
		b[kind] = slices.Insert(b[kind], at, value)
	}
}

// Medians returns the median of each kind that has values. It is the middle value, or the mean of
// the two in the middle, rounded half up. One value is enough.
func (b *Bundle) Medians() Values {
	medians := NoValues()
	for kind, sorted := range b {
		medians[kind] = median(sorted)
	}
	return medians
}

func median(sorted []Percent) Percent {
	n := len(sorted)
	switch {
	case n == 0:
		return Absent
	case n%2 == 1:
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2] + 1) / 2
}

// clone returns a copy that shares nothing with b.
func (b *Bundle) clone() Bundle {
	var copied Bundle
	for kind, sorted := range b {
		copied[kind] = slices.Clone(sorted)
	}
	return copied
}
