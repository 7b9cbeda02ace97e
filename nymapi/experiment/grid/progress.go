package grid

import (
	"fmt"
	"io"

	"github.com/ephemera-go/nym-rewarding/nymapi/bars"
)

// Progress shows how many runs have results. It is not safe for concurrent use.
type Progress struct {
	plan    *Plan
	w       io.Writer
	bars    *bars.Bars // nil: not a terminal
	tracker *bars.Tracker
	tenths  int // that were shown as lines
}

// NewProgress returns a bar that writes to w if that is a terminal, otherwise a line for each tenth
// of the work.
func NewProgress(w io.Writer, terminal bool, p *Plan) *Progress {
	shown := &Progress{plan: p, w: w}
	if terminal {
		shown.tracker = &bars.Tracker{Message: shown.message(0), Total: int64(p.Runs())}
		shown.bars = bars.Start(w, len(shown.message(p.Runs())), shown.tracker)
	}
	return shown
}

func (p *Progress) message(done int) string { return fmt.Sprintf("%d of %d runs", done, p.plan.Runs()) }

// Show shows how many runs have results.
func (p *Progress) Show(done int) {
	if p.bars != nil {
		p.tracker.UpdateMessage(p.message(done))
		p.tracker.SetValue(int64(done))
		return
	}
	if tenths := 10 * done / p.plan.Runs(); tenths > p.tenths {
		p.tenths = tenths
		// A failure to show progress does not end a run.
		_, _ = fmt.Fprintln(p.w, p.message(done))
	}
}

// Close ends the display. Nothing is written after it.
func (p *Progress) Close() {
	if p.bars != nil {
		p.bars.Close()
	}
}
