package compare

import (
	"context"
	"fmt"
	"time"
)

// task is something with a Run that was started.
type task struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{} // closed when it returned
	err    error         // what it returned, once done is closed
}

func start(ctx context.Context, name string, run func(context.Context) error) *task {
	ctx, cancel := context.WithCancel(ctx)
	t := &task{name: name, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		t.err = run(ctx)
	}()
	return t
}

// stop ends the task and returns what went wrong with it. A task that does not end in time is an
// error.
func (t *task) stop() error {
	t.cancel()
	limit := time.NewTimer(stopTime)
	defer limit.Stop()
	select {
	case <-t.done:
		return t.failure()
	case <-limit.C:
		return fmt.Errorf("%s did not stop within %s", t.name, stopTime)
	}
}

// failure returns what a task that is done returned.
func (t *task) failure() error {
	if t.err != nil {
		return fmt.Errorf("%s: %w", t.name, t.err)
	}
	return nil
}
