package rewards_test

import (
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// calendar is a rewards.Calendar that tests control.
type calendar struct {
	mu      sync.Mutex
	time    contract.Millis
	known   bool
	entries []epoch.Entry
	wanted  []contract.Epoch
	poked   int
	changed chan struct{}
}

// newCalendar returns a calendar with these epochs, at the end of the first one.
func newCalendar(descriptions ...contract.Description) *calendar {
	c := &calendar{changed: make(chan struct{}), known: true}
	for _, d := range descriptions {
		c.learn(d)
	}
	if len(descriptions) > 0 {
		c.set(descriptions[0].End)
	}
	return c
}

func (c *calendar) update(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *calendar) set(now contract.Millis) { c.update(func() { c.time = now }) }

func (c *calendar) learn(d contract.Description) {
	c.update(func() {
		c.entries = append(c.entries, epoch.Entry{Description: d, Hash: d.Hash(), Status: contract.StatusOpen})
	})
}

func (c *calendar) settle(id contract.Epoch, status contract.Status, winner *contract.Winner) {
	c.update(func() {
		for i := range c.entries {
			if c.entries[i].Description.Epoch == id {
				c.entries[i].Status, c.entries[i].Winner = status, winner
			}
		}
	})
}

func (c *calendar) Now() (contract.Millis, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time, c.known
}

func (c *calendar) Epochs() []epoch.Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]epoch.Entry(nil), c.entries...)
}

func (c *calendar) Description(hash contract.Hash) (contract.Description, bool) {
	for _, e := range c.Epochs() {
		if e.Hash == hash {
			return e.Description, true
		}
	}
	return contract.Description{}, false
}

func (c *calendar) Want(id contract.Epoch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted = append(c.wanted, id)
}

func (c *calendar) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *calendar) Poke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.poked++
}

func (c *calendar) pokes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.poked
}

// describe returns an epoch of n Nym-APIs and three mixnodes that lasts 20 seconds. Its deadline is
// 5 s after the end, and its grace period ends 2 s later.
func describe(id contract.Epoch, n int) contract.Description {
	d := contracttest.Description(n, 3)
	d.Epoch = id
	d.Start += contract.Millis(id) * 20_000
	d.End = d.Start + 20_000
	return d
}

func openStore(t testing.TB, dir string) *rewards.Store {
	t.Helper()
	store, err := rewards.OpenStore(t.Context(), filepath.Join(dir, "nymapi.sqlite"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// member is the application of one Nym-API, with its dependencies.
type member struct {
	*rewards.Application
	calendar *calendar
	store    *rewards.Store
	offences *rewards.Offences
	submits  int
	group    *membership.Group
}

// turn returns a turn with these candidates in the member's group.
func (m *member) turn(candidates []block.Message) ephemera.Turn {
	return ephemera.Turn{Group: m.group, Newest: true, Candidates: candidates}
}

func newMember(t testing.TB, number, n int, calendar *calendar, open ...block.Block) *member {
	t.Helper()
	return openMember(t, t.TempDir(), number, n, calendar, open...)
}

// openMember returns the member whose database is in dir.
func openMember(t testing.TB, dir string, number, n int, calendar *calendar, open ...block.Block) *member {
	t.Helper()
	m := &member{calendar: calendar, store: openStore(t, dir), group: contracttest.Group(n)}
	var err error
	m.offences, err = rewards.NewOffences(t.Context(), m.store, silent())
	require.NoError(t, err)
	m.Application, err = rewards.NewApplication(t.Context(), rewards.ApplicationConfig{
		Key: contracttest.Key(number), Group: contracttest.Group(n), Store: m.store, Calendar: calendar, Open: open,
		Submit: func() { m.submits++ }, Offences: m.offences, Logger: silent(),
	})
	require.NoError(t, err)
	return m
}

func public(number int) keys.Public { return contracttest.Key(number).Public() }

func ids(messages []block.Message) []block.MessageID {
	list := make([]block.MessageID, len(messages))
	for i, m := range messages {
		list[i] = m.ID()
	}
	return list
}
