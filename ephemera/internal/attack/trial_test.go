package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/attack/attacker"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
)

// The test binary also serves as the daemon and as the attacker.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 4 && os.Args[1] == "run":
		end(runDaemon(os.Args[3]))
	case len(os.Args) == 4 && os.Args[1] == hostile:
		end(beHostile(context.Background(), os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runDaemon(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	folder := daemon.Folder{Dir: dir}
	s, _, err := settings.Load(settings.Sources{File: folder.Config()})
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(int64(s.Limits.MemoryBytes))
	return daemon.Run(ctx, daemon.Config{Folder: folder, Settings: s, Version: "attack", Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
}

// The attacker takes part in the group, and all that is measured is measured. Latency is not
// judged here, because other tests run at the same time.
func TestAnAttackIsRunAndMeasured(t *testing.T) {
	names := []string{"blocks", "oldgroup"}
	if testing.Short() {
		names = names[:1]
	}
	for _, name := range names {
		attack, err := attacker.Find(name)
		require.NoError(t, err)
		p := plan{
			options: options{program: os.Args[0], every: 20 * time.Millisecond}, warm: time.Second, quiet: time.Second,
			attack: 3 * time.Second, window: time.Second,
		}
		r, err := try(t.Context(), attack, p)
		require.NoError(t, err)
		require.Zero(t, r.missing)
		require.Greater(t, r.submitted, 50)
		require.Positive(t, r.quiet)
		require.Positive(t, r.p50)
		require.Positive(t, r.start)
		require.Less(t, r.start, startTimeout)
		require.Greater(t, r.resident, int64(16<<20))
		require.Positive(t, r.work)
		require.Positive(t, r.counts.Sent)
		require.Less(t, r.share, 1.0)
		if name == "blocks" {
			require.Positive(t, r.counts.Blocks)
		}
	}
}
