package simulate

import (
	"fmt"
	"io"
	"time"

	"github.com/ephemera-go/nym-rewarding/nymapi/bars"
)

// Progress is a progress bar on a terminal. It is not safe for concurrent use.
type Progress struct {
	w       io.Writer // nil: not a terminal
	bars    *bars.Bars
	tracker *bars.Tracker
}

// NewProgress returns a bar that writes to w if that is a terminal, otherwise nothing.
func NewProgress(w io.Writer, terminal bool) *Progress {
	if !terminal {
		w = nil
	}
	return &Progress{w: w, tracker: &bars.Tracker{}}
}

// Advance shows the progress of a run.
func (p *Progress) Advance(done, of time.Duration) {
	p.show(done, of, fmt.Sprintf("%s of virtual time", of.Round(time.Minute)))
}

// Searched shows the elapsed time of a search and its number of schedules.
func (p *Progress) Searched(schedules int, done, of time.Duration) {
	p.show(done, of, fmt.Sprintf("%d schedules in %s", schedules, of))
}

func (p *Progress) show(done, of time.Duration, message string) {
	if p.w == nil || of <= 0 {
		return
	}
	p.tracker.UpdateMessage(message)
	if p.bars == nil {
		const length = 30
		p.tracker.UpdateTotal(int64(of))
		p.bars = bars.Start(p.w, length, p.tracker)
	}
	p.tracker.SetValue(int64(done))
}

// Close ends the display. Nothing is written after it.
func (p *Progress) Close() {
	if p.bars != nil {
		p.bars.Close()
	}
}
