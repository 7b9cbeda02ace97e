package compare

import (
	"context"
	"errors"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// isBusy reports whether a request may be made again: the contract refused it because it has too
// many at the moment, as those of many Nym-APIs on a busy machine, or did not respond in time. A
// contract that has stopped is noticed elsewhere.
func isBusy(err error) bool {
	return errors.Is(err, contract.Unavailable) || errors.Is(err, client.ErrAway)
}

// busyPause is the pause before a request that was refused is made again.
const busyPause = 250 * time.Millisecond

// onceFree makes a request of the contract until it is answered and not refused for being busy, or
// ctx is done.
func onceFree[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	for {
		answer, err := ask()
		if !isBusy(err) || !wait.For(ctx, busyPause) {
			return answer, err
		}
	}
}
