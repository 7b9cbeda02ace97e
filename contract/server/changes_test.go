package server_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// A start on the database of an earlier one names every setting that is not taken, or that changes
// the next epochs, and no other.
func TestLaterStartNamesOtherSettings(t *testing.T) {
	lines := func(change func(*server.Config)) string {
		w := start(t, configure(t, 4, 5))
		_, err := w.Epoch(t.Context())
		require.NoError(t, err)
		w.stop()
		log := &bytes.Buffer{}
		cfg := w.cfg
		cfg.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		change(&cfg)
		start(t, cfg).stop()
		return log.String()
	}
	require.Empty(t, lines(func(*server.Config) {}))
	for setting, change := range map[string]func(*server.Config){
		"expect":        func(c *server.Config) { c.Members, c.Expected = nil, 7 },
		"epoch":         func(c *server.Config) { c.EpochDuration += time.Second },
		"accept-epochs": func(c *server.Config) { c.AcceptEpochs += 2 },
		"estimator":     func(c *server.Config) { c.Estimator, _ = metrics.ParseEstimator("mean") },
		"carry":         func(c *server.Config) { c.CarryLimit++ },
		"mode":          func(c *server.Config) { c.Mode = contract.ModeNone },
		"advance":       func(c *server.Config) { c.Advance = server.WhenDecided },
		"first-epoch":   func(c *server.Config) { c.FirstEpochDelay += time.Second },
		"mixnodes":      func(c *server.Config) { c.Mixnodes = contracttest.Mixnodes(6) },
	} {
		log := lines(change)
		require.Contains(t, log, "setting="+setting)
		require.Equal(t, 1, strings.Count(log, "\n"), log)
	}
}
