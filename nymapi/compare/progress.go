package compare

import (
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// Progress tells a user how far a run is. Its methods are called by one goroutine at a time.
type Progress interface {
	// Settled tells of an epoch that a mode's contract settled.
	Settled(mode Mode, epoch int, record Record)
	// Close ends the display. Nothing is written after it.
	Close()
}

// NewProgress returns bars for a terminal, and otherwise one line for each settled epoch.
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
	// Progress that cannot be shown is no reason to end a run.
	_, _ = fmt.Fprintf(l.w, "%-8s epoch %d of %d %s\n", mode, epoch, l.plan.Epochs, outcome(record))
}

func (l lines) Close() {}

// outcome says what became of an epoch.
func outcome(record Record) string {
	if after, ok := record.acceptedAfter(); ok {
		return fmt.Sprintf("rewarded by %s after %d ms", record.Detail.Winner.Name, after.Milliseconds())
	}
	return string(contract.StatusMissed) + ": " + record.Detail.Reason
}

// bars shows a bar per mode.
type bars struct {
	writer   progress.Writer
	trackers map[Mode]*progress.Tracker
	rendered chan struct{} // closed when nothing is written any more
}

func newBars(w io.Writer, p *Plan) *bars {
	b := &bars{writer: progress.NewWriter(), trackers: map[Mode]*progress.Tracker{}, rendered: make(chan struct{})}
	b.writer.SetOutputWriter(w)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	// A line that does not fit is broken by the terminal, and then drawn again below itself: 80
	// columns are enough for the longest.
	b.writer.SetTrackerLength(20)
	b.writer.SetMessageLength(len(fmt.Sprintf("%s, epoch %d of %d", Ephemera, p.Epochs, p.Epochs)))
	b.writer.SetTrackerPosition(progress.PositionRight)
	style := progress.StyleBlocks
	style.Visibility.Speed, style.Visibility.Value = false, false
	style.Options.TimeInProgressPrecision, style.Options.TimeDonePrecision = time.Second, time.Second
	b.writer.SetStyle(style)
	for _, mode := range []Mode{Single, Ephemera} {
		tracker := &progress.Tracker{Message: fmt.Sprintf("%s, epoch 1 of %d", mode, p.Epochs), Total: int64(p.Epochs)}
		b.trackers[mode] = tracker
		b.writer.AppendTracker(tracker)
	}
	go func() {
		defer close(b.rendered)
		b.writer.Render()
	}()
	return b
}

func (b *bars) Settled(mode Mode, epoch int, _ Record) {
	tracker := b.trackers[mode]
	tracker.UpdateMessage(fmt.Sprintf("%s, epoch %d of %d", mode, min(int64(epoch)+1, tracker.Total), tracker.Total))
	tracker.SetValue(int64(epoch))
}

// Close repeats Stop, because the writer forgets one that comes before its rendering began.
func (b *bars) Close() {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		b.writer.Stop()
		select {
		case <-b.rendered:
			return
		case <-again.C:
		}
	}
}
