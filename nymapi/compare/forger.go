package compare

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// forger posts lies as results, without block or certificate, as soon as an epoch ends. Only a
// contract that verifies nothing accepts them.
type forger struct {
	keyFile string
	address string
	http    *meter
	log     *slog.Logger

	ctx     context.Context // of the requests, which outlive the calls that start them
	cancel  context.CancelFunc
	posting sync.WaitGroup
}

func newForger(m *member, address string, log *slog.Logger) *forger {
	f := &forger{keyFile: filepath.Join(m.home, home.KeyFile), address: address, http: m.http, log: log}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// post posts a lie in the background until the contract has decided.
func (f *forger) post(d contract.Description, lie metrics.Report) {
	f.posting.Go(func() {
		if err := f.submit(d, lie); err != nil && f.ctx.Err() == nil {
			f.log.Warn("lie not posted", "epoch", d.Epoch, "err", err)
		}
	})
}

func (f *forger) wait() { f.posting.Wait() }

func (f *forger) submit(d contract.Description, lie metrics.Report) error {
	key, err := keys.Load(f.keyFile)
	if err != nil {
		return err
	}
	counts := make([]uint16, len(lie.Values))
	for i := range counts {
		counts[i] = 1
	}
	submission, err := contract.NewSubmission(key, d, metrics.Result{Mixnodes: lie.Mixnodes, Values: lie.Values, Reports: counts}, nil)
	if err != nil {
		return err
	}
	contract, err := client.New(f.address, f.http)
	if err != nil {
		return err
	}
	for {
		_, err := contract.Submit(f.ctx, submission)
		wait, again := comeBack(err)
		if !again {
			return err
		}
		select {
		case <-time.After(wait):
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
}

// comeBack reports whether a refused submission should be posted again, and after what time.
func comeBack(err error) (time.Duration, bool) {
	const soon = 5 * time.Millisecond
	var problem *contract.Problem
	switch {
	case err == nil:
		return 0, false
	case errors.Is(err, contract.NotOver):
		return soon, true
	case errors.As(err, &problem):
		return max(problem.RetryAfter(), soon), problem.Temporary()
	default:
		return 20 * soon, errors.Is(err, client.ErrAway)
	}
}
