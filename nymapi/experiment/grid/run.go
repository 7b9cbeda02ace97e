package grid

import (
	"context"
	"runtime"
	"sync"
)

// result is what a worker made of a run.
type result struct {
	record record
	err    error
}

// Run plays all runs that have no results yet on all cores, and adds their results to the journal.
// After each, it calls progress, which may be nil, with the number of runs that have results. It
// returns the error of the context as soon as the runs in progress have ended.
func (p *Plan) Run(ctx context.Context, j *Journal, progress func(done int)) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	results := p.start(inner, p.remaining(j))
	var first error
	for r := range results {
		err := r.err
		if err == nil {
			err = j.add(r.record)
		}
		if err != nil && first == nil {
			first = err
			cancel()
		}
		if err == nil && progress != nil {
			progress(j.Done())
		}
	}
	if first != nil {
		return first
	}
	if j.Done() < p.Runs() {
		return ctx.Err()
	}
	return nil
}

// remaining returns the runs without results, ascending.
func (p *Plan) remaining(j *Journal) []int {
	var runs []int
	for run := range p.Runs() {
		if _, done := j.records[run]; !done {
			runs = append(runs, run)
		}
	}
	return runs
}

// start plays runs on all cores until the context ends, and closes the channel after the last
// result. The channel must be read to its end.
func (p *Plan) start(ctx context.Context, runs []int) <-chan result {
	next, results := make(chan int), make(chan result)
	go func() {
		defer close(next)
		for _, run := range runs {
			select {
			case next <- run:
			case <-ctx.Done():
				return
			}
		}
	}()
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for run := range next {
				r, err := p.play(run)
				results <- result{r, err}
			}
		})
	}
	go func() {
		workers.Wait()
		close(results)
	}()
	return results
}
