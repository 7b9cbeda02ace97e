package attacker

import (
	"context"
	"sync"
	"syscall"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

const (
	// share is the part of a core that the attacker may use.
	share = 0.5
	// credit bounds the CPU time that the attacker may use at once after it has waited.
	credit = 50 * time.Millisecond
)

// pacer holds the process to its share of a core: every goroutine that sends or reads a frame waits
// first while the process has used more. It is safe for concurrent use.
type pacer struct {
	mu   sync.Mutex
	at   time.Time
	used time.Duration // CPU time of the process at that time
	left time.Duration // CPU time that may be used, negative if it was exceeded
}

func newPacer() *pacer { return &pacer{at: time.Now(), used: cpuTime()} }

// wait returns when the process may continue, or ctx is done.
func (p *pacer) wait(ctx context.Context) {
	for ctx.Err() == nil {
		excess := p.excess(time.Now(), cpuTime())
		if excess <= 0 {
			return
		}
		wait.For(ctx, time.Duration(float64(excess)/share))
	}
}

// excess returns how much more CPU time than its share the process has used.
func (p *pacer) excess(now time.Time, used time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.After(p.at) {
		p.left = min(credit, p.left+time.Duration(share*float64(now.Sub(p.at)))-(used-p.used))
		p.at, p.used = now, used
	}
	return -p.left
}

// cpuTime returns the CPU time that the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
