package simulate

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Progress is a progress bar on a terminal. It is not safe for concurrent use.
type Progress struct {
	w     io.Writer // nil without a terminal
	shown int       // percent, -1 for nothing
}

// NewProgress returns a bar that writes to w if that is a terminal, otherwise nothing.
func NewProgress(w io.Writer, terminal bool) *Progress {
	if !terminal {
		w = nil
	}
	return &Progress{w: w, shown: -1}
}

// Advance shows the progress of a run.
func (p *Progress) Advance(done, of time.Duration) {
	if p.w == nil || of <= 0 {
		return
	}
	percent := int(100 * done / of)
	if percent == p.shown {
		return
	}
	p.shown = percent
	// A failure to show progress does not end a run.
	_, _ = fmt.Fprintf(p.w, "\r%s %3d %% of %s of virtual time", bar(percent), percent, of.Round(time.Minute))
}

func bar(percent int) string {
	const width = 40
	full := percent * width / 100
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "]"
}

// Searched shows the elapsed time of a search and its number of schedules.
func (p *Progress) Searched(schedules int, done, of time.Duration) {
	if p.w == nil || of <= 0 {
		return
	}
	p.shown = int(min(100*done/of, 100))
	// A failure to show progress does not end a run.
	_, _ = fmt.Fprintf(p.w, "\r%s %3d %% of %s, %d schedules", bar(p.shown), p.shown, of, schedules)
}

// Close removes the bar.
func (p *Progress) Close() {
	if p.w != nil && p.shown >= 0 {
		_, _ = fmt.Fprint(p.w, "\r\033[K")
	}
}
