package window

import "time"

// Outage is a time in which one submitter saw almost all nodes at zero at once, which says more
// about the submitter than about the nodes.
type Outage struct {
	Submitter int
	Start     time.Time
	Length    time.Duration
	Zeros     int // measurements of 0
	Rows      int // all measurements
}

// What makes an outage: in a quarter of an epoch, at least leastRows measurements of which 90 %
// are 0.
const (
	leastRows  = 10
	zerosShare = 0.9
)

// Outages returns the outages of all submitters, in the order of submitters and time. Quarters of
// epochs that follow each other are one outage.
func (w *Window) Outages() []Outage {
	quarter := w.Epoch / quarters
	var found []Outage
	for s, parts := range w.parts {
		before := -2 // the last quarter of the newest outage of this submitter
		for i, p := range parts {
			if p.rows < leastRows || float64(p.zeros) < zerosShare*float64(p.rows) {
				continue
			}
			if i != before+1 {
				found = append(found, Outage{Submitter: s, Start: w.Start.Add(time.Duration(i) * quarter)})
			}
			last := &found[len(found)-1]
			last.Length += quarter
			last.Zeros += int(p.zeros)
			last.Rows += int(p.rows)
			before = i
		}
	}
	return found
}

// Gap is a time without any measurement of a submitter.
type Gap struct {
	Submitter int
	Start     time.Time
	Epochs    int // epochs that follow each other
}

// Gaps returns the epochs in which a submitter measured nothing at all, in the order of submitters
// and time.
func (w *Window) Gaps() []Gap {
	var found []Gap
	for s := range w.Submitters {
		before := -2
		for e := range w.Epochs {
			if w.RowsOf(s, e) > 0 {
				continue
			}
			if e != before+1 {
				found = append(found, Gap{Submitter: s, Start: w.Begin(e)})
			}
			found[len(found)-1].Epochs++
			before = e
		}
	}
	return found
}

// RowsOf returns the number of measurements of a submitter in an epoch.
func (w *Window) RowsOf(submitter, epoch int) int {
	rows := 0
	for i := range quarters {
		rows += int(w.parts[submitter][epoch*quarters+i].rows)
	}
	return rows
}
