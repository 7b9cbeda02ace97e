package compare

import (
	"context"
	"errors"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// isBusy reports whether the contract refused a request because it has too many at the moment, as
// those of many Nym-APIs on a busy machine.
func isBusy(err error) bool { return errors.Is(err, contract.Unavailable) }

// busyPause is the pause before a request that was refused is made again.
const busyPause = 250 * time.Millisecond

// onceFree makes a request of the contract until it is not refused for being busy, or ctx is done.
func onceFree[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	for {
		answer, err := ask()
		if !isBusy(err) || !wait.For(ctx, busyPause) {
			return answer, err
		}
	}
}
