package compare

import (
	"fmt"
	"io"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/nymapi/bars"
)

// Progress shows the progress of a run. Its methods are not called concurrently.
type Progress interface {
	// Settled shows that the contract of a mode has settled an epoch.
	Settled(mode Mode, epoch int, record Record)
	// Close ends the display. Nothing is written afterwards.
	Close()
}

// NewProgress returns progress bars for a terminal, otherwise one line for each settled epoch.
func NewProgress(w io.Writer, terminal bool, p *Plan) Progress {
	if terminal {
		return newBars(w, p)
	}
	return lines{w: w, plan: p}
}

type lines struct {
	w    io.Writer
	plan *Plan
}

func (l lines) Settled(mode Mode, epoch int, record Record) {
	// A failure to show progress does not end a run.
	_, _ = fmt.Fprintf(l.w, "%-*s epoch %d of %d %s\n", l.width(), mode.Short(), epoch, l.plan.Epochs, outcome(record))
}

// width returns the length of the longest mode.
func (l lines) width() int { return longest(l.plan.Modes()) }

func longest(modes []Mode) int {
	width := 0
	for _, mode := range modes {
		width = max(width, len(mode.Short()))
	}
	return width
}

func (l lines) Close() {}

// outcome returns the outcome of an epoch in words.
func outcome(record Record) string {
	if after, ok := record.acceptedAfter(); ok {
		return fmt.Sprintf("rewarded by %s after %d ms", record.Detail.Winner.Name, after.Milliseconds())
	}
	return string(contract.StatusMissed) + ": " + record.Detail.Reason
}

// modeBars shows a bar per mode.
type modeBars struct {
	*bars.Bars
	trackers map[Mode]*bars.Tracker
}

func newBars(w io.Writer, p *Plan) modeBars {
	b := modeBars{trackers: map[Mode]*bars.Tracker{}}
	var all []*bars.Tracker
	for _, mode := range p.Modes() {
		tracker := &bars.Tracker{Message: fmt.Sprintf("%s, epoch 1 of %d", mode.Short(), p.Epochs), Total: int64(p.Epochs)}
		b.trackers[mode], all = tracker, append(all, tracker)
	}
	b.Bars = bars.Start(w, longest(p.Modes())+len(fmt.Sprintf(", epoch %d of %d", p.Epochs, p.Epochs)), all...)
	return b
}

func (b modeBars) Settled(mode Mode, epoch int, _ Record) {
	tracker := b.trackers[mode]
	tracker.UpdateMessage(fmt.Sprintf("%s, epoch %d of %d", mode.Short(), min(int64(epoch)+1, tracker.Total), tracker.Total))
	tracker.SetValue(int64(epoch))
}
