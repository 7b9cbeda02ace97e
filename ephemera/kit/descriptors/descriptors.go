// Package descriptors says how many files and connections a process may have open (the limit
// RLIMIT_NOFILE), and reports when it has nearly as many. Who gets how many of them is decided
// where a program is put together: by package limits for nodes, by the contract's server for the
// contract.
//
// Go raises the soft limit to the hard one when a program starts, so nothing here has to.
//
// The package is unstable: it is public only because the modules of this repository share it.
package descriptors

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"time"
)

// Process is how many descriptors a process needs that are neither listeners, connections, nor the
// files of a store: standard streams, the Go runtime, temporary files, lookups of names.
const Process = 14

// Listener is how many descriptors a listener needs: its own, and that of a connection that was
// accepted a moment ago and has no place yet, or has just lost it.
const Listener = 2

// Advice says what to do about a limit that is too low.
const Advice = "raise it with `ulimit -n`, LimitNOFILE= of systemd, or --ulimit nofile= of a container"

// Exhausted reports whether an error says that the process, or the system, has no descriptor left.
// What failed can be tried again.
func Exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// Intervals of Watch.
const (
	watchEvery  = 10 * time.Second
	reportEvery = 10 * time.Minute
)

// Watch logs a warning when fewer than a twentieth of the descriptors are left, at most once in ten
// minutes, until ctx is done. It does nothing on systems that do not tell.
func Watch(ctx context.Context, logger *slog.Logger) {
	watch(ctx, logger, Limit(), opened)
}

func watch(ctx context.Context, logger *slog.Logger, limit int, opened func() (int, bool)) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	var reported time.Time
	for {
		if open, known := opened(); known && open > limit-limit/20 && time.Since(reported) >= reportEvery {
			reported = time.Now()
			logger.Warn("nearly all files and connections that the process may have are open", "open", open, "limit", limit, "advice", Advice)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// opened returns how many descriptors the process has open, and whether that is known.
func opened() (int, bool) {
	entries, err := os.ReadDir("/proc/self/fd")
	if Exhausted(err) {
		return Limit(), true
	}
	return len(entries), err == nil
}
