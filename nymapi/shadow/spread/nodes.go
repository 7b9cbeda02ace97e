package spread

import (
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/window"
)

// Differences is how much the submitters disagree about a node, in points.
type Differences struct {
	// Difference is the mean absolute difference between two submitters' reports about the node in an
	// epoch, over all pairs of submitters. It does not depend on how many submitters there are, and
	// part of it is chance. It is nil if no two reported about the node in the same epoch.
	Difference *Estimate `json:"difference"`
	// Farthest is the submitter whose reports about the node differ most from the mean of all
	// others', on average over the epochs, and Deviation by how much: above 0, it reports more.
	// Chance cancels out in it. Farthest is -1 if Deviation is nil.
	Farthest  int       `json:"-"`
	Deviation *Estimate `json:"deviation"`
	StandOut  bool      `json:"stands_out"`
	Judged    int       `json:"judged"` // epochs with at least one report
	Alone     int       `json:"alone"`  // epochs with the report of one submitter only
}

// Nodes returns the figures of each node, in the order of the window, and how much two submitters
// differ about the median node of each epoch, in points.
func Nodes(w *window.Window, b *Bootstrap) (figures []Differences, typical []float64) {
	figures, judge := make([]Differences, len(w.Nodes)), newJudge(2*len(w.Nodes)*len(w.Submitters))
	pairs := make([][]float64, w.Epochs) // differences of all nodes by epoch
	for node := range w.Nodes {
		sums := newNodeSums(w)
		for epoch := range w.Epochs {
			column := reports(w, node, epoch, nil)
			figures[node].Judged += min(1, len(column))
			if len(column) < 2 {
				figures[node].Alone += len(column)
				continue
			}
			sums.add(epoch, column)
			pairs[epoch] = append(pairs[epoch], sums.pair[epoch])
		}
		figures[node].Difference = b.Ratio(sums.pair, sums.some)
		figures[node].Farthest = sums.farthest()
		if s := figures[node].Farthest; s >= 0 {
			figures[node].Deviation = b.Ratio(sums.deviation[s], sums.count[s])
			figures[node].StandOut = judge.standsOut(figures[node].Deviation.absolute())
		}
	}
	typical = make([]float64, w.Epochs)
	for e, differences := range pairs {
		if len(differences) > 0 {
			typical[e] = middle(differences)
		}
	}
	return figures, typical
}

// nodeSums are those of one node by epoch, or by submitter and epoch.
type nodeSums struct {
	pair, some       []float64   // difference of two submitters, and 1 where it is defined
	deviation, count [][]float64 // of a submitter from the mean of the others, and 1 likewise
}

func newNodeSums(w *window.Window) nodeSums {
	s := nodeSums{pair: make([]float64, w.Epochs), some: make([]float64, w.Epochs)}
	for range w.Submitters {
		s.deviation, s.count = append(s.deviation, make([]float64, w.Epochs)), append(s.count, make([]float64, w.Epochs))
	}
	return s
}

// add adds the reports of an epoch, at least two, ascending.
func (s nodeSums) add(epoch int, column []report) {
	s.pair[epoch], s.some[epoch] = pairDifference(column), 1
	sum := 0.0
	for _, r := range column {
		sum += points(r.value)
	}
	for _, r := range column {
		own := points(r.value)
		s.deviation[r.submitter][epoch] = own - (sum-own)/float64(len(column)-1)
		s.count[r.submitter][epoch] = 1
	}
}

// farthest returns the submitter with the largest absolute mean deviation, or -1 if none has one.
// Submitters that are compared in fewer than [LeastJudged] epochs are only taken if all are.
func (s nodeSums) farthest() int {
	found, least, most := -1, false, -1.0
	for submitter, deviations := range s.deviation {
		var sum, count float64
		for e, d := range deviations {
			sum, count = sum+d, count+s.count[submitter][e]
		}
		if count == 0 {
			continue
		}
		mean, enough := max(sum/count, -sum/count), count >= LeastJudged
		if enough && !least || enough == least && mean > most {
			found, least, most = submitter, enough, mean
		}
	}
	return found
}

// pairDifference returns the mean absolute difference between two of at least two ascending
// reports, in points.
func pairDifference(sorted []report) float64 {
	k := len(sorted)
	sum := 0.0
	for i, r := range sorted {
		sum += points(r.value) * float64(2*i+1-k)
	}
	return sum * 2 / float64(k*(k-1))
}

// OnePlace is a node that one submitter does not reach although the others do.
type OnePlace struct {
	Node, Submitter int
	Rows            int     // of the submitter about the node
	Unreachable     float64 // share of them to which the node did not answer
	Others          float64 // the same share of the rows of all others
}

// What makes a node unreachable from one place.
const (
	unreachedShare = 0.9 // of the rows of the one, at least
	reachedShare   = 0.1 // of the rows of all others, at most
	leastRows      = 4   // of the one, and of all others
)

// OnePlaces returns the nodes that one submitter does not reach in at least 90 % of its
// measurements, while all others together fail in at most 10 % of theirs. Each side needs four
// measurements.
func OnePlaces(w *window.Window) []OnePlace {
	var found []OnePlace
	for n := range w.Nodes {
		rows, unreachable := make([]float64, len(w.Submitters)), make([]float64, len(w.Submitters))
		var allRows, allUnreachable float64
		for s := range w.Submitters {
			for e := range w.Epochs {
				c := w.Cell(n, s, e)
				rows[s] += float64(c.Rows)
				unreachable[s] += float64(c.Unreachable)
			}
			allRows, allUnreachable = allRows+rows[s], allUnreachable+unreachable[s]
		}
		for s := range w.Submitters {
			others := allRows - rows[s]
			if rows[s] < leastRows || others < leastRows {
				continue
			}
			own, rest := unreachable[s]/rows[s], (allUnreachable-unreachable[s])/others
			if own >= unreachedShare && rest <= reachedShare {
				found = append(found, OnePlace{n, s, int(rows[s]), own, rest})
			}
		}
	}
	return found
}
