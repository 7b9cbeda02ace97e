package service_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/collector"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

func singleMode(config *server.Config) { config.Mode = contract.ModeSingle }

type nothing struct{}

func (nothing) Measure(context.Context, []metrics.MixID, int64) ([]collector.Measurement, error) {
	return nil, nil
}

// run runs a Nym-API that is expected to stop by itself.
func (c *cluster) run(number int, change func(*service.Config)) error {
	c.Helper()
	config := service.Config{Number: number, Home: c.home(number), Contract: "http://" + c.address, Token: token, Source: nothing{}, Logger: logger()}
	change(&config)
	nymapi, err := service.New(config)
	require.NoError(c, err)
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	return nymapi.Run(ctx)
}

func TestRefusedEnrolmentsAreErrors(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, time.Second)
	err := c.run(5, func(config *service.Config) { config.Token = "wrong" })
	require.ErrorIs(t, err, service.ErrNotEnrolled)
	require.ErrorIs(t, err, contract.WrongToken)

	c.start(1)
	c.begun(1)
	err = c.run(2, func(*service.Config) {})
	require.ErrorIs(t, err, service.ErrNotEnrolled, "one too many")

	err = c.run(1, func(*service.Config) {})
	require.ErrorIs(t, err, service.ErrLocked)
}

func TestAFolderBelongsToOneContract(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, time.Second)
	c.start(1)
	c.begun(1)
	c.stop(1)
	other := newCluster(t, 1, time.Second)
	err := other.run(1, func(config *service.Config) { config.Home = c.home(1) })
	require.ErrorIs(t, err, rewards.ErrOtherContract)
}

// The databases of one member with the key of another are refused. Another name is not taken, and
// the log says so.
func TestAFolderBelongsToOneMember(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, time.Second)
	c.startAll()
	c.begun(1)
	c.stop(1)
	c.stop(2)
	data, err := os.ReadFile(filepath.Join(c.home(1), service.RewardsFile))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(c.home(2), service.RewardsFile), data, 0o600))
	require.ErrorIs(t, c.run(2, func(*service.Config) {}), rewards.ErrOtherMember)

	said := make(chan string, 1)
	c.start(1, func(config *service.Config) {
		config.Name, config.Logger = "other", slog.New(slog.NewTextHandler(warned{said}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	select {
	case line := <-said:
		require.Contains(t, line, "setting=name given=other kept=nymapi-1")
	case <-time.After(patience):
		require.Fail(t, "nothing was said about the name")
	}
}

// A start names each setting that changes what is measured, and no other. It applies.
func TestLaterStartNamesOtherMeasurements(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, time.Second)
	lines := func(number, ticks int, seed string) string {
		log := &bytes.Buffer{}
		r := c.start(1, func(config *service.Config) {
			config.Number, config.Ticks, config.Name, config.SourceSettings = number, ticks, "nymapi-1", map[string]string{"seed": seed}
			config.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		})
		c.eventually(func() bool { return r.Status().Ready }, "the Nym-API takes part")
		c.stop(1)
		return log.String()
	}
	require.Empty(t, lines(1, 4, "1"))
	require.Empty(t, lines(1, 4, "1"))
	changed := lines(2, 5, "7")
	require.Contains(t, changed, "setting=number given=2 before=1")
	require.Contains(t, changed, "setting=ticks given=5 before=4")
	require.Contains(t, changed, "setting=seed given=7 before=1")
	require.Equal(t, 3, strings.Count(changed, "\n"), changed)
	require.Empty(t, lines(2, 5, "7"))
}

// warned passes on the first line of a log.
type warned struct{ said chan string }

func (w warned) Write(line []byte) (int, error) {
	select {
	case w.said <- string(line):
	default:
	}
	return len(line), nil
}

func TestAConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	good := service.Config{Home: t.TempDir(), Contract: "http://127.0.0.1:1", Source: nothing{}}
	_, err := service.New(good)
	require.NoError(t, err)
	for name, change := range map[string]func(*service.Config){
		"no home":             func(c *service.Config) { c.Home = "" },
		"no contract":         func(c *service.Config) { c.Contract = "" },
		"bad address":         func(c *service.Config) { c.Contract = "contract:8080" },
		"no source":           func(c *service.Config) { c.Source = nil },
		"mode":                func(c *service.Config) { c.Mode = "both" },
		"order":               func(c *service.Config) { c.Submit = "last" },
		"ticks":               func(c *service.Config) { c.Ticks = -1 },
		"number":              func(c *service.Config) { c.Number = -1 },
		"name":                func(c *service.Config) { c.Name = "two words" },
		"bundles":             func(c *service.Config) { c.Bundles = -1 },
		"keep":                func(c *service.Config) { c.Keep = 1 },
		"listen":              func(c *service.Config) { c.Listen = []string{"localhost:3000"} },
		"announce":            func(c *service.Config) { c.Announce = []string{"host"} },
		"gossip":              func(c *service.Config) { c.Gossip = p2p.Off + 1 },
		"API":                 func(c *service.Config) { c.API = "3100" },
		"API with a newline":  func(c *service.Config) { c.API = "127.0.0.1:0\n" },
		"API with port 65536": func(c *service.Config) { c.API = "127.0.0.1:65536" },
		"two APIs":            func(c *service.Config) { c.API, c.Daemon.URL = "127.0.0.1:0", "http://127.0.0.1:3100" },
	} {
		t.Run(name, func(t *testing.T) {
			config := good
			change(&config)
			_, err := service.New(config)
			require.ErrorIs(t, err, service.ErrConfig)
		})
	}
}
