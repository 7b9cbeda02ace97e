package rewards_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// office is a contract that answers with the receipt, or the error, that a test sets.
type office struct {
	mu      sync.Mutex
	receipt contract.Receipt
	err     error
	broken  contract.Epoch // about which it gives no usable answer
	asked   []time.Time
}

func (o *office) Receipt(_ context.Context, id contract.Epoch) (contract.Receipt, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, time.Now())
	if id == o.broken {
		return contract.Receipt{}, errors.New("not a response of a contract")
	}
	return o.receipt, o.err
}

func (o *office) answer(r contract.Receipt, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.receipt, o.err = r, err
}

func (o *office) times() []time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked
}

// receiptOf returns the receipt that the test contract signs for an epoch and a winner.
func receiptOf(id contract.Epoch, winner int) contract.Receipt {
	return contract.Receipt{Network: contracttest.Network, Epoch: id, Submitter: public(winner), AcceptedAt: 7}.Sign(contracttest.ContractKey())
}

// noReceipt is the contract's answer for an epoch without a winner.
func noReceipt(id contract.Epoch) error {
	p := contract.NewProblem(contract.NotFound, "no winner")
	p.Epoch = id
	return p
}

// kept is a Receipts with its folder, database and log.
type kept struct {
	*rewards.Receipts
	folder string
	store  *rewards.Store
	log    *bytes.Buffer
}

func keeping(t *testing.T, folder string, asked *office) kept {
	t.Helper()
	k := kept{folder: folder, store: openStore(t, folder), log: &bytes.Buffer{}}
	var err error
	k.Receipts, err = rewards.NewReceipts(t.Context(), rewards.ReceiptsConfig{
		Network: contracttest.Network, Key: contracttest.ContractKey().Public(), Contract: asked, Store: k.store, Folder: folder,
		Logger: slog.New(slog.NewTextHandler(k.log, nil)),
	})
	require.NoError(t, err)
	return k
}

// run runs it until the test ends.
func (k kept) run(t *testing.T, c *calendar) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx, c) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

// proof returns the proof in the file of an epoch.
func (k kept) proof(t *testing.T, id contract.Epoch) contract.Equivocation {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(k.folder, rewards.ProofFile(id)))
	require.NoError(t, err)
	var proof contract.Equivocation
	require.NoError(t, json.Unmarshal(content, &proof))
	return proof
}

func winner(number int) *contract.Winner {
	return &contract.Winner{Name: "nymapi", Key: public(number), AcceptedAt: 7}
}

// A contract that signs a second receipt for an epoch, as after an older copy of its database was
// restored, is convicted, also by a Nym-API that only read the first one.
func TestSecondReceiptOfAnEpochConvictsTheContract(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d, asked := describe(1, 4), &office{}
		asked.answer(receiptOf(1, 1), nil)
		calendar, k := newCalendar(d), keeping(t, folder, asked)
		calendar.settle(1, contract.StatusRewarded, winner(1))
		k.run(t, calendar)
		synctest.Wait()
		require.Equal(t, rewards.ReceiptCounts{Kept: 1}, k.Counts())
		require.NoError(t, k.Take(t.Context(), 1, receiptOf(1, 1)), "a retry of the winner")
		require.Equal(t, rewards.ReceiptCounts{Kept: 1}, k.Counts())

		asked.answer(receiptOf(1, 2), nil)
		time.Sleep(d.End.Sub(d.Start) + time.Second)
		synctest.Wait()
		require.Equal(t, rewards.ReceiptCounts{Kept: 1, Equivocations: 1}, k.Counts())
		require.NoError(t, k.Take(t.Context(), 1, receiptOf(1, 3)), "a third one is not new")
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, 1, strings.Count(k.log.String(), "level=ERROR"), k.log)
		require.Contains(t, k.log.String(), "epoch=1")
		require.Contains(t, k.log.String(), filepath.Join(folder, rewards.ProofFile(1)))
	})
	proof := kept{folder: folder}.proof(t, 1)
	require.Equal(t, contract.Equivocation{First: receiptOf(1, 1), Second: receiptOf(1, 2)}, proof)
	require.NoError(t, verify.Equivocation(contracttest.ContractKey().Public(), proof.First, proof.Second))

	require.NoError(t, os.Remove(filepath.Join(folder, rewards.ProofFile(1))))
	again := keeping(t, folder, &office{})
	require.Equal(t, proof, again.proof(t, 1), "the next start writes what is missing")
	require.Equal(t, 1, again.Counts().Equivocations)
	require.NotContains(t, again.log.String(), "level=ERROR", "once for each epoch")
	require.Contains(t, again.log.String(), "epochs=1")
}

func TestWithdrawnReceiptIsNoticed(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d, asked := describe(1, 4), &office{}
		calendar, k := newCalendar(d), keeping(t, folder, asked)
		duration := d.End.Sub(d.Start)
		calendar.settle(1, contract.StatusRewarded, winner(1))
		asked.answer(contract.Receipt{}, noReceipt(1))
		k.run(t, calendar)
		synctest.Wait()
		require.Zero(t, k.Counts(), "nothing was given yet")
		asked.answer(receiptOf(1, 1), nil)
		time.Sleep(duration)
		synctest.Wait()
		require.Equal(t, rewards.ReceiptCounts{Kept: 1}, k.Counts())
		asked.answer(contract.Receipt{}, contract.NewProblem(contract.NotFound, "no such path"))
		time.Sleep(2 * duration)
		synctest.Wait()
		require.Zero(t, k.Counts().Withdrawn, "an older contract does not know the path")
		asked.answer(contract.Receipt{}, noReceipt(1))
		time.Sleep(10 * duration)
		synctest.Wait()
		require.Equal(t, rewards.ReceiptCounts{Kept: 1, Withdrawn: 1}, k.Counts())
		require.Equal(t, 1, strings.Count(k.log.String(), "level=ERROR"), k.log)

		asked.answer(receiptOf(1, 2), nil)
		time.Sleep(duration)
		synctest.Wait()
		require.Equal(t, 1, k.Counts().Equivocations, "it is read every epoch until there is a receipt again")
	})
}

// The contract is asked six times about an epoch, with growing pauses, however often the calendar
// changes, and again after an error.
func TestReceiptsAreReadAgainWithGrowingPauses(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d, asked := describe(1, 4), &office{}
		calendar, k := newCalendar(d, describe(2, 4)), keeping(t, folder, asked)
		k.run(t, calendar)
		synctest.Wait()
		require.Empty(t, asked.times(), "the epoch is open")
		asked.answer(contract.Receipt{}, errors.New("connection refused"))
		calendar.settle(1, contract.StatusRewarded, winner(1))
		synctest.Wait()
		require.Len(t, asked.times(), 1)
		asked.answer(receiptOf(1, 1), nil)
		for range 3600 {
			calendar.set(d.End)
			time.Sleep(time.Second)
		}
		times := asked.times()[1:]
		require.Len(t, times, 6)
		for i := range times[1:] {
			require.Equal(t, d.End.Sub(d.Start)<<i, times[i+1].Sub(times[i]))
		}
		asked.answer(receiptOf(2, 1), nil)
		calendar.settle(2, contract.StatusRewarded, winner(1))
		synctest.Wait()
		require.Equal(t, rewards.ReceiptCounts{Kept: 2}, k.Counts())
	})
}

// A contract that gives no usable answer about one epoch does not keep a Nym-API from reading the
// receipts of others, although epochs are shorter than the pause after an error.
func TestUnusableAnswerDelaysOnlyItsEpoch(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		calendar, asked := newCalendar(), &office{broken: 1}
		for id := contract.Epoch(1); id <= 2; id++ {
			d := describe(id, 4)
			d.End = d.Start + 100
			calendar.learn(d)
			calendar.settle(id, contract.StatusRewarded, winner(1))
		}
		asked.answer(receiptOf(2, 1), nil)
		k := keeping(t, folder, asked)
		k.run(t, calendar)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, rewards.ReceiptCounts{Kept: 1}, k.Counts())
		require.Greater(t, len(asked.times()), 6+10, "epoch 2 is read again, and epoch 1 is tried all the time")
	})
}

func TestOnlyReceiptsOfTheContractForTheEpochAreKept(t *testing.T) {
	k := keeping(t, t.TempDir(), &office{})
	foreign, forged, elsewhere := receiptOf(1, 1).Sign(contracttest.Key(1)), receiptOf(1, 1), receiptOf(1, 1)
	forged.AcceptedAt++
	elsewhere.Network = "elsewhere"
	for name, given := range map[string]contract.Receipt{
		"another contract": foreign, "not signed": forged, "another epoch": receiptOf(2, 1), "another network": elsewhere.Sign(contracttest.ContractKey()),
	} {
		require.ErrorIs(t, k.Take(t.Context(), 1, given), rewards.ErrForeignReceipt, name)
	}
	require.Zero(t, k.Counts())
}

func TestKeptReceiptsAndProofsAreBounded(t *testing.T) {
	const proofs, epochs = 64, 100
	k := keeping(t, t.TempDir(), &office{})
	for id := contract.Epoch(1); id <= epochs; id++ {
		require.NoError(t, k.Take(t.Context(), id, receiptOf(id, 1)))
		if id > 10 {
			require.NoError(t, k.Take(t.Context(), id, receiptOf(id, 2)))
		}
	}
	require.Equal(t, rewards.ReceiptCounts{Kept: epochs, Equivocations: 90}, k.Counts())
	require.Equal(t, 90, strings.Count(k.log.String(), "level=ERROR"))
	files, err := filepath.Glob(filepath.Join(k.folder, "equivocation-*.json"))
	require.NoError(t, err)
	require.Len(t, files, proofs)
	require.NoError(t, k.store.Prune(t.Context(), 98))
	counts, err := k.store.ReceiptCounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, rewards.ReceiptCounts{Kept: proofs + 3, Equivocations: proofs + 3}, counts)
	stored, err := k.store.Equivocations(t.Context())
	require.NoError(t, err)
	require.Len(t, stored, proofs)
	require.EqualValues(t, 11, stored[0].First.Epoch, "the oldest stay, which have files")
}

// A database of an earlier version has receipts of submissions that won.
func TestReceiptsOfAnEarlierVersionAreKept(t *testing.T) {
	folder, earlier := t.TempDir(), t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(earlier, "migrations"), 0o700))
	for _, name := range []string{"00001_init.sql", "00002_followed.sql"} {
		content, err := os.ReadFile(filepath.Join("migrations", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(earlier, "migrations", name), content, 0o600))
	}
	db, err := database.Open(t.Context(), database.Config{Path: filepath.Join(folder, "nymapi.sqlite"), Migrations: os.DirFS(earlier)})
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO submissions (epoch, body, made_ms, receipt) VALUES (1, x'00', 1, ?), (2, x'00', 1, NULL)`, receiptOf(1, 1).Encode())
	require.NoError(t, err)
	require.NoError(t, db.Close())

	k := keeping(t, folder, &office{})
	require.Equal(t, 1, k.Counts().Kept)
	require.NoError(t, k.Take(t.Context(), 1, receiptOf(1, 2)))
	require.Equal(t, receiptOf(1, 1), k.proof(t, 1).First)
}
