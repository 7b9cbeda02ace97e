package ephemera

import "context"

// workers run functions for other goroutines. GossipSub starts a goroutine for every message, and
// the stack of a new goroutine is copied several times until it is as large as decoding and
// verifying need: that took a twelfth of the time of a busy node. The stacks of workers stay large.
//
// What a worker runs must not wait for anything, so one worker for each processor is enough.
type workers struct{ jobs chan job }

// job is a function and what is closed when it has returned.
type job struct {
	do   func()
	done chan struct{}
}

func newWorkers() workers { return workers{jobs: make(chan job)} }

// work runs functions until ctx is done.
func (w workers) work(ctx context.Context) error {
	for {
		select {
		case j := <-w.jobs:
			j.do()
			close(j.done)
		case <-ctx.Done():
			return nil
		}
	}
}

// run waits until a worker has run a function. If ctx is done before a worker is free, the function
// does not run. The workers must not end before ctx is done.
func (w workers) run(ctx context.Context, do func()) {
	j := job{do: do, done: make(chan struct{})}
	select {
	case w.jobs <- j:
		<-j.done
	case <-ctx.Done():
	}
}
