package service_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
	"github.com/ephemera-go/nym-rewarding/nymapi/collector"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

const (
	token    = "let-me-in"
	mixnodes = 12
	patience = 60 * time.Second // of every wait, long enough for a machine under load
	interval = 20 * time.Millisecond
)

// cluster is a contract and Nym-APIs on loopback, all real: HTTP, libp2p, SQLite.
type cluster struct {
	*testing.T
	folder  string
	epoch   time.Duration
	address string // of the contract, once it has listened
	config  server.Config
	asked   *client.Client
	members map[int]*running
	stopped func() // stops the contract
}

type running struct {
	*service.Service
	stop func()
}

// newCluster starts a contract that expects n members.
func newCluster(t *testing.T, n int, epoch time.Duration, change ...func(*server.Config)) *cluster {
	t.Helper()
	median, err := metrics.ParseEstimator("median")
	require.NoError(t, err)
	c := &cluster{T: t, folder: t.TempDir(), epoch: epoch, members: map[int]*running{}}
	c.config = server.Config{
		Database: filepath.Join(c.folder, "contract.sqlite"), Expected: n, Token: token, FirstEpochDelay: 300 * time.Millisecond,
		EpochDuration: epoch, AcceptEpochs: 20, Mixnodes: newWorld(t).Mixnodes(), Estimator: median, CarryLimit: 3, Logger: logger(),
	}
	for _, f := range change {
		f(&c.config)
	}
	c.startContract()
	t.Cleanup(func() {
		for number := range c.members {
			c.stop(number)
		}
		c.stopContract()
	})
	return c
}

func newWorld(t testing.TB) *world.World {
	t.Helper()
	w, err := world.New(world.Config{Seed: 7, Mixnodes: mixnodes})
	require.NoError(t, err)
	return w
}

// logger logs everything if NYMAPI_TEST_LOG is set.
func logger() *slog.Logger {
	if os.Getenv("NYMAPI_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// startContract starts the contract, the second time at the same address.
func (c *cluster) startContract() {
	c.Helper()
	c.config.Listen = c.address
	contract, err := server.New(c.config)
	require.NoError(c, err)
	if c.asked == nil {
		c.asked, err = client.New(contract.URL(), nil)
		require.NoError(c, err)
	}
	c.address = contract.URL()[len("http://"):]
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- contract.Run(ctx) }()
	c.stopped = func() {
		cancel()
		require.NoError(c, <-done)
		c.stopped = func() {}
	}
}

func (c *cluster) stopContract() {
	c.stopped()
	c.asked.Close()
}

func (c *cluster) home(number int) string { return filepath.Join(c.folder, strconv.Itoa(number)) }

// start starts a member, which enrols if it has not enrolled yet.
func (c *cluster) start(number int, change ...func(*service.Config)) *running {
	c.Helper()
	source, err := collector.Simulated(number, func(int) (collector.Simulation, error) {
		return world.New(world.Config{Seed: 7, Mixnodes: mixnodes})
	})
	require.NoError(c, err)
	config := service.Config{
		Number: number, Home: c.home(number), Contract: "http://" + c.address, Token: token, Source: source, Logger: logger(),
	}
	for _, f := range change {
		f(&config)
	}
	nymapi, err := service.New(config)
	require.NoError(c, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- nymapi.Run(ctx) }()
	r := &running{Service: nymapi, stop: func() {
		cancel()
		require.NoError(c, <-done)
	}}
	c.members[number] = r
	return r
}

func (c *cluster) startAll(change ...func(*service.Config)) {
	c.Helper()
	for number := 1; number <= c.config.Expected; number++ {
		c.start(number, change...)
	}
}

// stop stops a member. When it is started again, it continues with what is on its disk.
func (c *cluster) stop(number int) {
	c.Helper()
	r := c.members[number]
	delete(c.members, number)
	r.stop()
}

// eventually waits until f holds.
func (c *cluster) eventually(f func() bool, what string) {
	c.Helper()
	require.Eventually(c, f, patience, interval, what)
}

// now returns the newest epoch.
func (c *cluster) now() contract.Epoch {
	current, err := c.asked.Epoch(c.Context())
	if err != nil {
		return 0
	}
	return current.ID
}

// begun waits until an epoch has begun, and returns the number of the newest one.
func (c *cluster) begun(id contract.Epoch) contract.Epoch {
	c.Helper()
	c.eventually(func() bool { return c.now() >= id }, "epoch "+id.String()+" begins")
	return c.now()
}

// rewarded waits until the contract has a winner for an epoch, and returns the details.
func (c *cluster) rewarded(id contract.Epoch) contract.EpochDetail {
	c.Helper()
	var detail contract.EpochDetail
	c.eventually(func() bool {
		var err error
		detail, err = c.asked.EpochDetail(c.Context(), id)
		return err == nil && detail.Status != contract.StatusOpen
	}, "epoch "+id.String()+" is settled")
	require.Equal(c, contract.StatusRewarded, detail.Status, detail.Reason)
	return detail
}

// audited fetches the evidence of a rewarded epoch and audits it.
func (c *cluster) audited(id contract.Epoch) verify.Audited {
	c.Helper()
	core, err := c.asked.Core(c.Context(), id)
	require.NoError(c, err)
	audited, err := verify.Audit(core)
	require.NoError(c, err)
	require.True(c, audited.Proven())
	return audited
}

// keepsCore waits until a Nym-API has the contract's core of an epoch as a file.
func (c *cluster) keepsCore(number int, id contract.Epoch) {
	c.Helper()
	core, err := c.asked.Core(c.Context(), id)
	require.NoError(c, err)
	var kept []byte
	c.eventually(func() bool {
		kept, err = os.ReadFile(filepath.Join(c.home(number), "bundles", rewards.CoreFile(id)))
		return err == nil
	}, "the core is kept")
	require.Equal(c, core.Encode(), kept)
}

// keepsTrusted requires that the folder of a Nym-API has the group and the contract's key of an
// epoch.
func (c *cluster) keepsTrusted(number int, d contract.Description) {
	c.Helper()
	members, err := os.ReadFile(filepath.Join(c.home(number), service.GroupFile))
	require.NoError(c, err)
	list, err := provider.Decode(service.GroupFile, members)
	require.NoError(c, err)
	require.Equal(c, d.Group.ID(), list.Group.ID())
	text, err := os.ReadFile(filepath.Join(c.home(number), service.ContractKeyFile))
	require.NoError(c, err)
	key, err := keys.ParsePublic(strings.TrimSpace(string(text)))
	require.NoError(c, err)
	require.Equal(c, d.ContractKey, key)
}

// reported waits until an epoch that has not ended yet is rewarded with the reports of n members,
// and returns it. On a machine under load a report may miss the deadline of some epochs.
func (c *cluster) reported(n int) contract.EpochDetail {
	c.Helper()
	from := c.now()
	var detail contract.EpochDetail
	c.eventually(func() bool {
		for id := c.now(); id >= max(from, 1); id-- {
			var err error
			detail, err = c.asked.EpochDetail(c.Context(), id)
			if err == nil && detail.Status == contract.StatusRewarded && len(detail.Reporters) == n {
				return true
			}
		}
		return false
	}, "an epoch is rewarded with the reports of "+strconv.Itoa(n))
	return detail
}

func names(of []contract.Signatory) []string {
	var names []string
	for _, s := range of {
		names = append(names, s.Name)
	}
	return names
}
