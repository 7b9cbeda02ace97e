package ephemera

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A caller waits until its function has returned, and not longer than the node runs.
func TestWorkersRunFunctionsUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkers()
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			go func() { _ = w.work(ctx) }()
		}
		ran := make([]bool, 10)
		done := make(chan struct{})
		for i := range ran {
			go func() {
				w.run(ctx, func() { ran[i] = true })
				done <- struct{}{}
			}()
		}
		for range ran {
			<-done
		}
		require.NotContains(t, ran, false)
		cancel()
		synctest.Wait()
		w.run(ctx, func() { t.Error("no worker is left") })
	})
}
