// Package bars shows on a terminal how far work is, with a bar for each part of it. The bars are
// go-pretty's; this package fits them to 80 columns and ends them.
package bars

import (
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// Tracker is a part of the work: its message, and how far it is. It is safe for concurrent use. Its
// field RemoveOnCompletion must stay false: go-pretty v6.8.3 then draws every bar below the last
// one.
type Tracker = progress.Tracker

// Bars draws trackers until Close.
type Bars struct {
	writer   progress.Writer
	rendered chan struct{} // closed when nothing is written any more
}

// Start draws trackers on w, a terminal. Messages have at most messageLength columns; 30 of them
// leave room for the rest of the line.
func Start(w io.Writer, messageLength int, trackers ...*Tracker) *Bars {
	b := &Bars{writer: progress.NewWriter(), rendered: make(chan struct{})}
	b.writer.SetOutputWriter(w)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	// A line that does not fit is broken by the terminal, and then drawn again below itself.
	b.writer.SetTrackerLength(20)
	b.writer.SetMessageLength(messageLength)
	b.writer.SetTrackerPosition(progress.PositionRight)
	style := progress.StyleBlocks
	style.Visibility.Speed, style.Visibility.Value = false, false
	style.Options.TimeInProgressPrecision, style.Options.TimeDonePrecision = time.Second, time.Second
	b.writer.SetStyle(style)
	b.writer.AppendTrackers(trackers)
	go func() {
		defer close(b.rendered)
		b.writer.Render()
	}()
	return b
}

// Close draws the bars for the last time. Nothing is written after it.
func (b *Bars) Close() {
	// The writer forgets a Stop that comes before it begins to render.
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
