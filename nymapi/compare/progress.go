package compare

import (
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/ephemera-go/nym-rewarding/contract"
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
	_, _ = fmt.Fprintf(l.w, "%-8s epoch %d of %d %s\n", mode, epoch, l.plan.Epochs, outcome(record))
}

func (l lines) Close() {}

// outcome returns the outcome of an epoch in words.
func outcome(record Record) string {
	if after, ok := record.acceptedAfter(); ok {
		return fmt.Sprintf("rewarded by %s after %d ms", record.Detail.Winner.Name, after.Milliseconds())
	}
	return string(contract.StatusMissed) + ": " + record.Detail.Reason
}

// bars shows one progress bar for each mode.
type bars struct {
	writer   progress.Writer
	trackers map[Mode]*progress.Tracker
	rendered chan struct{} // closed after the last write
}

func newBars(w io.Writer, p *Plan) *bars {
	b := &bars{writer: progress.NewWriter(), trackers: map[Mode]*progress.Tracker{}, rendered: make(chan struct{})}
	b.writer.SetOutputWriter(w)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	// The terminal breaks lines that do not fit, and the bars would be drawn again below them. The
	// longest line has 80 columns.
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

// Close repeats Stop, because the writer ignores a Stop before it has begun to render.
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
