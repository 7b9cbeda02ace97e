package service

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// errAgain is the answer of a question that must be asked again.
var errAgain = errors.New("ask again")

// retry asks until there is an answer, an error that backoff.Permanent marks, or ctx ends. The
// waits double from askFirst to most.
func retry[T any](ctx context.Context, most time.Duration, ask func() (T, error)) (T, error) {
	answer, err := backoff.Retry(ctx, ask, backoff.WithBackOff(waits(most)), backoff.WithMaxElapsedTime(0))
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // and not its cause
	}
	return answer, err
}

// waits returns waits that double from askFirst, jittered, and are at most most.
func waits(most time.Duration) *backoff.ExponentialBackOff {
	w := backoff.NewExponentialBackOff()
	w.InitialInterval, w.MaxInterval, w.Multiplier = askFirst, most*2/3, 2 // jitter adds up to a half
	return w
}
