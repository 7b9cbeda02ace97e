// Package logging is how the programs of this repository log: one event a line, in the keys and
// forms that log collectors expect. A line has ts (UTC, with milliseconds), level (debug, info,
// warn or error), msg and the event's attributes; durations are texts such as 1.5s. The attribute
// "logger" names the part of the program, and parts can have levels of their own.
//
// The package is unstable: it is public only because the modules of this repository share it.
package logging

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/terminal"
)

// Format is the form of a line.
type Format string

// The formats. Auto is Text on a terminal and JSON otherwise.
const (
	Auto Format = "auto"
	Text Format = "text"
	JSON Format = "json"
)

// ParseFormat returns the format of that name; an empty text is Auto.
func ParseFormat(text string) (Format, error) {
	switch f := Format(text); f {
	case "":
		return Auto, nil
	case Auto, Text, JSON:
		return f, nil
	}
	return "", errors.New("expected text, json or auto")
}

// Levels are the least levels that are logged: that of everything, and those of single parts.
type Levels struct {
	Base  slog.Level
	Parts map[string]slog.Level // by the attribute "logger"
}

// ParseLevels reads levels such as "info" or "info,p2p=debug".
func ParseLevels(text string) (Levels, error) {
	levels := Levels{Parts: map[string]slog.Level{}}
	for item := range strings.SplitSeq(text, ",") {
		part, name, split := strings.Cut(strings.TrimSpace(item), "=")
		if !split {
			name = part
		}
		var level slog.Level
		if err := level.UnmarshalText([]byte(name)); err != nil {
			return Levels{}, errors.New("expected debug, info, warn or error, then parts such as p2p=debug")
		}
		if split {
			levels.Parts[part] = level
		} else {
			levels.Base = level
		}
	}
	return levels, nil
}

// New returns a logger that writes to w.
func New(w io.Writer, format Format, levels Levels) *slog.Logger {
	options := &slog.HandlerOptions{ReplaceAttr: conventional} // perPart decides about levels
	var handler slog.Handler = slog.NewTextHandler(w, options)
	if format == JSON || format != Text && !terminal.Is(w) {
		handler = slog.NewJSONHandler(w, options)
	}
	return slog.New(perPart{Handler: handler, levels: levels, least: levels.Base})
}

// conventional gives times, levels and durations their form.
func conventional(groups []string, a slog.Attr) slog.Attr {
	switch {
	case len(groups) > 0:
	case a.Key == slog.TimeKey:
		return slog.String("ts", a.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	case a.Key == slog.LevelKey:
		return slog.String("level", strings.ToLower(a.Value.String()))
	}
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().String())
	}
	return a
}

// perPart gives every part of the program its level.
type perPart struct {
	slog.Handler
	levels Levels
	least  slog.Level // of this logger
}

func (p perPart) Enabled(_ context.Context, level slog.Level) bool { return level >= p.least }

func (p perPart) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key != "logger" {
			continue
		}
		p.least = p.levels.Base
		if level, own := p.levels.Parts[a.Value.String()]; own {
			p.least = level
		}
	}
	p.Handler = p.Handler.WithAttrs(attrs)
	return p
}

func (p perPart) WithGroup(name string) slog.Handler {
	p.Handler = p.Handler.WithGroup(name)
	return p
}

// Errors returns a handler that passes on errors and nothing else.
func Errors(h slog.Handler) slog.Handler { return quiet{Handler: h} }

// Quiet returns a handler that passes on errors only, unless h takes everything down to debug. It
// is for libraries such as libp2p, which warn of every peer that comes and goes.
func Quiet(h slog.Handler) slog.Handler { return quiet{Handler: h, unlessDebug: true} }

type quiet struct {
	slog.Handler
	unlessDebug bool
}

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	if !q.Handler.Enabled(ctx, level) {
		return false
	}
	return level >= slog.LevelError || q.unlessDebug && q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	q.Handler = q.Handler.WithAttrs(attrs)
	return q
}

func (q quiet) WithGroup(name string) slog.Handler {
	q.Handler = q.Handler.WithGroup(name)
	return q
}
