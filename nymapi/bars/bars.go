// Package bars shows progress bars on a terminal, one for each part of the work. It draws them with
// go-pretty and adds that they fit 80 columns and that Close ends the drawing.
package bars

import (
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// Tracker is a part of the work: its message and its progress. It is safe for concurrent use. Its
// field RemoveOnCompletion must stay false, because otherwise go-pretty v6.8.3 draws every bar
// below the last one.
type Tracker = progress.Tracker

// Bars draws trackers until Close.
type Bars struct {
	writer   progress.Writer
	rendered chan struct{} // closed after the last write
}

// Start draws trackers on w, which is a terminal. Messages are cut to messageLength columns; at
// most 30 leave room for the rest of the line.
func Start(w io.Writer, messageLength int, trackers ...*Tracker) *Bars {
	b := &Bars{writer: progress.NewWriter(), rendered: make(chan struct{})}
	b.writer.SetOutputWriter(w)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	// The terminal wraps a line that does not fit, and the line is then redrawn below itself.
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

// Close draws the bars a last time. Nothing is written after it returns.
func (b *Bars) Close() {
	// The writer ignores a Stop before it begins to render.
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
