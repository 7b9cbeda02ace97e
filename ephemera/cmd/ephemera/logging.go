package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	golog "github.com/ipfs/go-log/v2"
	"github.com/libp2p/go-libp2p/gologshim"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
)

// newLogger returns a logger with one event a line: JSON, or text on a terminal.
func newLogger(w io.Writer, s settings.Log) (*slog.Logger, error) {
	base, parts, err := s.Levels()
	if err != nil {
		return nil, usage("log.level: %w", err)
	}
	least := base
	for _, level := range parts {
		least = min(least, level)
	}
	options := &slog.HandlerOptions{Level: least, ReplaceAttr: conventional}
	var handler slog.Handler = slog.NewTextHandler(w, options)
	if s.Format == "json" || s.Format == "auto" && !isTerminal(w) {
		handler = slog.NewJSONHandler(w, options)
	}
	return slog.New(levels{Handler: handler, base: base, parts: parts, least: base}), nil
}

// conventional gives times in UTC with milliseconds and levels in small letters, under the keys
// that collectors expect.
func conventional(groups []string, a slog.Attr) slog.Attr {
	switch {
	case len(groups) > 0:
	case a.Key == slog.TimeKey:
		return slog.String("ts", a.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	case a.Key == slog.LevelKey:
		return slog.String("level", strings.ToLower(a.Value.String()))
	}
	if d, ok := a.Value.Any().(time.Duration); ok {
		return slog.String(a.Key, d.String())
	}
	return a
}

// levels lets parts of the program, known by their attribute "logger", have a level of their own.
type levels struct {
	slog.Handler
	base  slog.Level
	parts map[string]slog.Level
	least slog.Level // of this logger
}

func (l levels) Enabled(_ context.Context, level slog.Level) bool { return level >= l.least }

func (l levels) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key != "logger" {
			continue
		}
		l.least = l.base
		if level, own := l.parts[a.Value.String()]; own {
			l.least = level
		}
	}
	l.Handler = l.Handler.WithAttrs(attrs)
	return l
}

func (l levels) WithGroup(name string) slog.Handler {
	l.Handler = l.Handler.WithGroup(name)
	return l
}

// quietLibraries puts the libraries' own lines, errors only, beside ours: libp2p warns of every
// peer that comes and goes. kad-dht logs through go-log.
func quietLibraries(logger *slog.Logger) {
	gologshim.SetDefaultHandler(onlyErrors{logger.With("logger", "libp2p").Handler()})
	golog.SetupLogging(golog.Config{Format: golog.JSONOutput, Stderr: true, Level: golog.LevelError})
}

// onlyErrors drops what is below an error, unless everything is asked for.
type onlyErrors struct{ slog.Handler }

func (h onlyErrors) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(ctx, level) && (level >= slog.LevelError || h.Handler.Enabled(ctx, slog.LevelDebug))
}

func (h onlyErrors) WithAttrs(attrs []slog.Attr) slog.Handler {
	return onlyErrors{h.Handler.WithAttrs(attrs)}
}

func (h onlyErrors) WithGroup(name string) slog.Handler { return onlyErrors{h.Handler.WithGroup(name)} }

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
