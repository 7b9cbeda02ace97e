package rewards_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// court is an Evidence with its folder, database and log.
type court struct {
	*rewards.Evidence
	folder string
	store  *rewards.Store
	node   atomic.Pointer[[]evidence.File] // what the node holds; nil: it does not tell
	log    *bytes.Buffer
}

func openCourt(t *testing.T, dir string, store *rewards.Store) *court {
	t.Helper()
	c := &court{folder: filepath.Join(dir, "evidence"), store: store, log: &bytes.Buffer{}}
	names := map[keys.Public]string{}
	for _, p := range contracttest.Peers(4) {
		names[p.Key] = p.Name
	}
	var err error
	c.Evidence, err = rewards.NewEvidence(rewards.EvidenceConfig{
		Folder: c.folder, Store: store, Names: names, Node: c.proofs,
		Accused: verify.Accused{Group: contracttest.Group(4), Contract: contracttest.ContractKey().Public()},
		Logger:  slog.New(slog.NewTextHandler(c.log, nil)),
	})
	require.NoError(t, err)
	return c
}

func (c *court) proofs(context.Context) ([]evidence.File, error) {
	if held := c.node.Load(); held != nil {
		return *held, nil
	}
	return nil, errors.New("away")
}

// run runs it until the function returned is called.
func (c *court) run(t *testing.T, known *calendar) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, known) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// files returns the names of the files in the folder.
func (c *court) files(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(c.folder)
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(t, err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// double stores two reports of a member for an epoch.
func (c *court) double(t *testing.T, id contract.Epoch, number int) {
	t.Helper()
	d := describe(id, 4)
	require.NoError(t, c.store.KeepDoubleReport(t.Context(), id, contracttest.Message(d, number, contracttest.Report(d, number)), second(d, number)))
}

func headers(number int) evidence.File {
	d := describe(1, 4)
	return evidence.OfHeaders(contracttest.Block(d, number, contracttest.Messages(d, 1, 2, 3)).SignedHeader, contracttest.Block(d, number, nil).SignedHeader)
}

// Whatever database and node hold against anybody is a file that convicts by itself, and is listed
// with the culprit's name, also after a restart and after the database has dropped it.
func TestEvidenceIsWrittenAsFiles(t *testing.T) {
	folder := t.TempDir()
	store := openStore(t, folder)
	synctest.Test(t, func(t *testing.T) {
		c, known := openCourt(t, folder, store), newCalendar(describe(1, 4))
		stop := c.run(t, known)
		synctest.Wait()
		require.Empty(t, c.files(t))
		require.NoDirExists(t, c.folder)

		c.double(t, 1, 3)
		_, err := store.KeepReceipt(t.Context(), receiptOf(1, 1))
		require.NoError(t, err)
		_, err = store.KeepReceipt(t.Context(), receiptOf(1, 2))
		require.NoError(t, err)
		c.node.Store(&[]evidence.File{headers(2), evidence.OfMessages(second(describe(1, 4), 1), second(describe(1, 4), 1))})
		time.Sleep(11 * time.Second) // virtual
		synctest.Wait()

		offences := map[string]bool{}
		for _, of := range c.Convictions() {
			offences[of.Offence] = true
			require.NotEmpty(t, of.Names)
			data, err := c.Read(of.File)
			require.NoError(t, err)
			file, err := evidence.Decode(data)
			require.NoError(t, err)
			accusation, err := verify.Accuse(file, verify.Accused{Group: contracttest.Group(4), Contract: contracttest.ContractKey().Public()})
			require.NoError(t, err)
			require.Equal(t, of.Culprits, accusation.Culprits)
			require.Contains(t, c.log.String(), filepath.Join(c.folder, of.File))
		}
		require.Equal(t, map[string]bool{
			"nymapi-3 signed two reports for epoch 1":              true,
			"nymapi-2 signed two headers at height 1 of its chain": true,
			"the contract signed two receipts for epoch 1":         true,
		}, offences)
		require.Len(t, c.files(t), 3)
		stop()
		require.NoError(t, store.Prune(t.Context(), 100))

		last := openCourt(t, folder, store)
		stop = last.run(t, known)
		synctest.Wait()
		last.double(t, 2, 4) // after it has looked
		stop()
		require.Len(t, c.files(t), 4)

		again := openCourt(t, folder, store)
		require.Equal(t, last.Convictions(), again.Convictions())
		require.Subset(t, again.Convictions(), c.Convictions())
		_, err = again.Read("../nymapi.sqlite")
		require.ErrorIs(t, err, rewards.ErrNotFound)
	})
}

// The folder is bounded for each culprit, so that nobody can fill it before another is convicted. A
// file that is damaged is written again.
func TestTheFolderOfEvidenceIsBounded(t *testing.T) {
	folder := t.TempDir()
	store := openStore(t, folder)
	synctest.Test(t, func(t *testing.T) {
		c, known := openCourt(t, folder, store), newCalendar(describe(1, 4))
		for id := contract.Epoch(1); id <= 40; id++ {
			c.double(t, id, 3)
		}
		c.double(t, 40, 4)
		stop := c.run(t, known)
		synctest.Wait()
		require.Len(t, c.files(t), 16+1)
		require.True(t, slices.ContainsFunc(c.Convictions(), func(of rewards.Conviction) bool { return of.Offence == "nymapi-4 signed two reports for epoch 40" }))
		stop()

		damaged := filepath.Join(c.folder, c.files(t)[0])
		before, err := os.ReadFile(damaged)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(damaged, before[:100], 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(c.folder, "notes.txt"), []byte("hello"), 0o600))
		again := openCourt(t, folder, store)
		require.Len(t, again.Convictions(), 16)
		stop = again.run(t, known)
		synctest.Wait()
		stop()
		require.Len(t, again.Convictions(), 17)
		after, err := os.ReadFile(damaged)
		require.NoError(t, err)
		require.Equal(t, before, after)
	})
}
