package command

import (
	"context"
	"io"
)

// interruptible is a reader, such as standard input, whose Read also returns when ctx is done. What
// a Read that was interrupted gets afterwards is lost. It must not be used concurrently.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

func (r interruptible) Read(buffer []byte) (int, error) {
	type result struct {
		data []byte
		err  error
	}
	got := make(chan result, 1)
	go func() {
		data := make([]byte, min(len(buffer), 64<<10))
		n, err := r.from.Read(data)
		got <- result{data[:n], err}
	}()
	select {
	case read := <-got:
		return copy(buffer, read.data), read.err
	case <-r.ctx.Done():
		return 0, context.Cause(r.ctx)
	}
}
