package simulation

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Search says what to look for, and for how long. Zero fields take the defaults.
type Search struct {
	Seed      uint64        // of the first schedule; the following ones use the next seeds
	Schedules int           // how many to run; 0: as many as Time allows
	Time      time.Duration // how long to run; 0: as long as Schedules takes
	Workers   int           // how many run at once, one schedule each: all cores
	Range     Range
	Draw      func(seed uint64) Schedule // makes the schedules; nil: function Draw, within Range
	Options   func(Schedule) Options     // for each schedule, also while shrinking; nil: none
	Stop      int                        // ends after this many violations: 4
	NoShrink  bool                       // report violations as found
	Progress  func(done int)             // called every 50 schedules, by one worker at a time
}

// progressEvery is how many schedules pass between two calls of Progress.
const progressEvery = 50

// Found is a violation with everything that reproduces it.
type Found struct {
	Result Result
	Shrunk Schedule // the smallest schedule that still fails
	Tries  int      // how many runs shrinking took
}

// Report prints what happened, the shrunk schedule, and the command that replays it.
func (f Found) Report(out io.Writer) error {
	_, err := fmt.Fprintf(out, "violation of %s\nseed %d, %d nodes, shrunk in %d runs to:\n%s\nreplay: go run ./ephemera/simulation/cmd/search -replay '%s'\n",
		f.Result.Violations[0], f.Result.Schedule.Seed, f.Result.Schedule.Nodes, f.Tries, f.Shrunk, f.Shrunk)
	return err
}

// Summary is the result of a search.
type Summary struct {
	Schedules int
	Seed      uint64
	Found     []Found
	Events    int
	Crashes   int
	Blocks    int
	ByNodes   map[int]int // schedules by the size of the first group
}

// String returns the last line of a search.
func (s Summary) String() string {
	return fmt.Sprintf("schedules: %d, violations: %d, seed: %d", s.Schedules, len(s.Found), s.Seed)
}

// Run searches on all cores, one schedule per goroutine, until time or schedules run out, ctx is
// done, or Stop violations were found.
func (s Search) Run(ctx context.Context) Summary {
	if s.Stop == 0 {
		s.Stop = 4 // more of the same says no more
	}
	if s.Workers == 0 {
		s.Workers = runtime.GOMAXPROCS(0)
	}
	if s.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.Time)
		defer cancel()
	}
	var next atomic.Int64
	var mu sync.Mutex
	summary := Summary{Seed: s.Seed, ByNodes: map[int]int{}}
	var work sync.WaitGroup
	for range s.Workers {
		work.Go(func() {
			for ctx.Err() == nil {
				index := next.Add(1) - 1
				if s.Schedules > 0 && index >= int64(s.Schedules) {
					return
				}
				enough := s.one(s.Seed+uint64(index), &mu, &summary)
				if enough {
					return
				}
			}
		})
	}
	work.Wait()
	return summary
}

// one runs a schedule, and reports whether enough violations were found.
func (s Search) one(seed uint64, mu *sync.Mutex, summary *Summary) bool {
	schedule := s.draw(seed)
	result, err := Run(schedule, s.options(schedule))
	if err != nil {
		panic(fmt.Sprintf("simulation: drawn schedule %d: %v", seed, err))
	}
	var found *Found
	if len(result.Violations) > 0 {
		found = &Found{Result: result, Shrunk: schedule}
		if !s.NoShrink {
			found.Shrunk, found.Tries = shrink(schedule, result.Violations[0].Promise, s.options)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	summary.Schedules++
	summary.Events += result.Stats.Events
	summary.Crashes += result.Stats.Crashes
	summary.Blocks += result.Stats.Blocks
	summary.ByNodes[len(schedule.Members)]++
	if found != nil {
		summary.Found = append(summary.Found, *found)
	}
	if s.Progress != nil && summary.Schedules%progressEvery == 0 {
		s.Progress(summary.Schedules)
	}
	return len(summary.Found) >= s.Stop
}

func (s Search) draw(seed uint64) Schedule {
	if s.Draw == nil {
		return Draw(seed, s.Range)
	}
	return s.Draw(seed)
}

func (s Search) options(schedule Schedule) Options {
	if s.Options == nil {
		return Options{}
	}
	return s.Options(schedule)
}
