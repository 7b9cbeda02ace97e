package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
)

// seed repeats the pauses between the kills of a run. What they hit depends on the machine.
var seed = flag.Uint64("seed", 0, "random seed of TestKilledContractKeepsWhatItSigned; 0: a random seed, which is printed")

const (
	killedMembers = 4
	killedToken   = "secret"
	killedEpoch   = 40 * time.Millisecond // most of it is spent on settling the one before
	patience      = time.Minute           // of every wait
)

// A contract that is killed at any moment, while all members submit, keeps every epoch that it has
// settled, shows every receipt that it ever gave, and starts again without being told to.
func TestKilledContractKeepsWhatItSigned(t *testing.T) {
	kills := 8
	if !testing.Short() {
		kills = 100
	}
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	t.Logf("again: go test ./cmd/contract -run %s -seed %d", t.Name(), start)
	random := rand.New(rand.NewPCG(start, 0))
	k := newKilled(t)
	submitting, ctx := errgroup.WithContext(t.Context())
	for number := 1; number <= killedMembers; number++ {
		submitting.Go(func() error { return k.submit(ctx, number) })
	}
	between := 0
	// On a busy machine it takes more kills to hit a settlement.
	for i := 0; i < kills || between == 0 && i < 10*kills; i++ {
		k.pass(ctx, time.Duration(random.Int64N(int64(10*killedEpoch))))
		if i%2 == 0 {
			k.awaitSettlement(time.Duration(random.Int64N(int64(time.Millisecond))))
		}
		k.kill()
		if k.settling() {
			between++
		}
		k.start()
		k.compare(ctx, 10)
	}
	newest, err := k.asked.Epoch(t.Context())
	require.NoError(t, err)
	k.last.Store(uint64(newest.ID))
	require.NoError(t, submitting.Wait())
	k.compare(t.Context(), len(k.receipts))
	require.Positive(t, between, "kills hit settlements")
	require.Greater(t, len(k.receipts), kills, "epochs were rewarded between the kills")
	t.Logf("%d kills, %d of them while an epoch was settled; %d epochs, %d rewarded", kills, between, newest.ID, len(k.receipts))
	k.stop()
	status, out, errs := call(t, "audit", "--db", k.db())
	require.Zero(t, status, "%s%s", out, errs)
	require.Contains(t, out, fmt.Sprintf(": %d proven by signed reports, 0 unproven", len(k.receipts)))
}

// killed is the contract's process, and what its callers have seen.
type killed struct {
	*testing.T
	home, program, address string
	asked                  *client.Client
	process                *exec.Cmd
	log                    *bytes.Buffer // of the process, read when it has ended
	ended                  chan struct{} // closed when the process has ended
	last                   atomic.Uint64 // epoch for which members submit, or 0

	mu       sync.Mutex // guards the fields below
	receipts map[contract.Epoch]contract.Receipt
	newest   contract.Epoch // with a receipt
}

// newKilled starts a contract whose group is closed.
func newKilled(t *testing.T) *killed {
	t.Helper()
	k := &killed{T: t, home: t.TempDir(), program: filepath.Join(t.TempDir(), "contract"), receipts: map[contract.Epoch]contract.Receipt{}}
	output, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", k.program, ".").CombinedOutput()
	require.NoError(t, err, "build: %s", output)
	k.address, err = freeport.Address()
	require.NoError(t, err)
	k.asked, err = client.New("http://"+k.address, nil)
	require.NoError(t, err)
	t.Cleanup(k.asked.Close)
	k.start()
	t.Cleanup(func() {
		_ = k.process.Process.Kill() // it may have ended
		<-k.ended
	})
	info, err := k.asked.PeerInfo(t.Context())
	require.NoError(t, err)
	for i, p := range contracttest.Peers(killedMembers) {
		enrolment := contract.Enrolment{Name: p.Name, Addresses: p.Addresses, Counter: 1}.Sign(contracttest.Key(i+1), info.Network, info.ContractKey)
		_, err := k.asked.Enrol(t.Context(), enrolment, killedToken)
		require.NoError(t, err)
	}
	return k
}

func (k *killed) db() string { return filepath.Join(k.home, databaseName) }

// start starts the contract on what its last run left, and waits until it answers.
func (k *killed) start() {
	k.Helper()
	k.log, k.ended = &bytes.Buffer{}, make(chan struct{})
	k.process = exec.Command(k.program, "serve", "--listen", k.address, "--home", k.home, "--expect", fmt.Sprint(killedMembers), "--token", killedToken,
		"--epoch", killedEpoch.String(), "--first-epoch", killedEpoch.String(), "--accept-epochs", "1000", "--mixnodes", "3")
	k.process.Stdout, k.process.Stderr = k.log, k.log
	require.NoError(k, k.process.Start())
	go func(process *exec.Cmd, ended chan struct{}) {
		defer close(ended)
		_ = process.Wait() // ProcessState has the result
	}(k.process, k.ended)
	for begin := time.Now(); k.asked.Ready(k.Context()) != nil; {
		k.pass(k.Context(), 5*time.Millisecond)
		require.Less(k, time.Since(begin), patience)
	}
}

// settling reports whether the contract is between the preparation of a marker, before it stores a
// settlement, and the publication of the marker, after which it gives the receipt.
func (k *killed) settling() bool {
	_, err := os.Stat(k.db() + ".marker.next")
	return err == nil
}

// awaitSettlement returns soon after a settlement has begun, or when none begins. It polls without
// a pause, because a settlement takes a millisecond or two.
func (k *killed) awaitSettlement(after time.Duration) {
	for begin := time.Now(); !k.settling() && time.Since(begin) < 10*killedEpoch; {
	}
	for begin := time.Now(); time.Since(begin) < after; {
	}
}

// kill sends SIGKILL to the contract, which must not have ended before.
func (k *killed) kill() {
	k.Helper()
	require.NoError(k, k.process.Process.Kill())
	<-k.ended
	status, ok := k.process.ProcessState.Sys().(syscall.WaitStatus)
	require.True(k, ok)
	require.True(k, status.Signaled() && status.Signal() == syscall.SIGKILL, "%s\n%s", k.process.ProcessState, k.log)
	k.asked.Close()
}

// stop ends the contract as an operator does.
func (k *killed) stop() {
	k.Helper()
	require.NoError(k, k.process.Process.Signal(syscall.SIGTERM))
	<-k.ended
	require.Zero(k, k.process.ProcessState.ExitCode(), "%s", k.log)
}

// pass waits while the contract runs, until ctx is done because a member failed.
func (k *killed) pass(ctx context.Context, d time.Duration) {
	k.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-k.ended:
		require.Fail(k, "the contract ended by itself", "%s\n%s", k.process.ProcessState, k.log)
	case <-ctx.Done():
	case <-timer.C:
	}
}

// submit submits a result for every epoch, as the Nym-API with that number, until the contract has
// decided the last one.
func (k *killed) submit(ctx context.Context, number int) error {
	for epoch := contract.Epoch(1); ; epoch++ {
		if last := k.last.Load(); last != 0 && uint64(epoch) > last {
			return nil
		}
		d, err := again(ctx, func() (contract.Description, error) { return k.asked.Description(ctx, epoch) })
		if err != nil {
			return err
		}
		if err := until(ctx, time.Until(d.End.Time())); err != nil {
			return err
		}
		submission := contracttest.Submission(d, number)
		receipt, err := again(ctx, func() (contract.Receipt, error) { return k.asked.Submit(ctx, submission) })
		if errors.Is(err, contract.Decided) {
			receipt, err = again(ctx, func() (contract.Receipt, error) { return k.asked.Receipt(ctx, epoch) })
		}
		if errors.Is(err, contract.Missed) {
			continue
		}
		if err == nil {
			err = k.saw(receipt)
		}
		if err != nil {
			return fmt.Errorf("epoch %d: %w", epoch, err)
		}
	}
}

// saw records a receipt. Every caller must see the same for an epoch.
func (k *killed) saw(r contract.Receipt) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if before, known := k.receipts[r.Epoch]; known && before != r {
		return fmt.Errorf("two receipts: %+v and %+v", before, r)
	}
	k.receipts[r.Epoch] = r
	k.newest = max(k.newest, r.Epoch)
	return nil
}

// compare checks that the contract still shows the newest receipts that it gave.
func (k *killed) compare(ctx context.Context, count int) {
	k.Helper()
	k.mu.Lock()
	newest := k.newest
	var given []contract.Receipt
	for epoch := newest; epoch > 0 && len(given) < count; epoch-- {
		if r, known := k.receipts[epoch]; known {
			given = append(given, r)
		}
	}
	k.mu.Unlock()
	for _, r := range given {
		shown, err := again(ctx, func() (contract.Receipt, error) { return k.asked.Receipt(ctx, r.Epoch) })
		require.NoError(k, err, "epoch %d", r.Epoch)
		require.Equal(k, r, shown)
	}
}

// again asks the contract until it answers. An epoch that has not begun is asked about again, too.
func again[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	for begin := time.Now(); ; {
		answer, err := ask()
		var problem *contract.Problem
		refused := errors.As(err, &problem)
		wait := 5 * time.Millisecond
		switch {
		case err == nil, time.Since(begin) > patience:
			return answer, err
		case refused && (problem.Temporary() || problem.Kind() == contract.NotOver):
			wait = max(wait, problem.RetryAfter())
		case refused && problem.Kind() == contract.NotFound && problem.Epoch == 0: // it has not begun
		case !refused && errors.Is(err, client.ErrAway):
		default:
			return answer, err
		}
		if err := until(ctx, wait); err != nil {
			return answer, err
		}
	}
}

// until waits for d, or until ctx is done.
func until(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
