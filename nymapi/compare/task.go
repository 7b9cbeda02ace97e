package compare

import (
	"context"
	"fmt"
	"time"
)

// task is a function that runs in a goroutine of its own.
type task struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{} // closed when the function has returned
	err    error         // that it returned, valid once done is closed
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

// stop cancels the task, waits for it and returns its error. A task that does not stop within
// stopTime is an error.
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

// failure returns the error of a task that is done.
func (t *task) failure() error {
	if t.err != nil {
		return fmt.Errorf("%s: %w", t.name, t.err)
	}
	return nil
}
