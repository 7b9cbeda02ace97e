package service

import (
	"context"
	"log/slog"
)

// Quiet returns a handler that drops what is below an error, unless h takes everything: libp2p and
// its gossip tell of every peer that comes and goes.
func Quiet(h slog.Handler) slog.Handler { return quiet{h} }

type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	if !q.Handler.Enabled(ctx, level) {
		return false
	}
	return level >= slog.LevelError || q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
