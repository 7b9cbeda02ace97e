package command

import (
	"cmp"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/pflag"
)

// Log is the flags that say what is logged, always to standard error.
type Log struct{ level, format string }

// Add adds the flags to a command's.
func (l *Log) Add(flags *pflag.FlagSet) {
	flags.StringVar(&l.level, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&l.format, "log-format", "", "text or json (default: text on a terminal, else json)")
}

// Handler returns what writes the program's log to w; a UsageError where a flag's value is unknown.
func (l *Log) Handler(w io.Writer) (slog.Handler, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, Usage("--log-level %q, expected debug, info, warn or error", l.level)
	}
	usual := "json"
	if IsTerminal(w) {
		usual = "text"
	}
	options := &slog.HandlerOptions{Level: level}
	switch cmp.Or(l.format, usual) {
	case "text":
		return slog.NewTextHandler(w, options), nil
	case "json":
		return slog.NewJSONHandler(w, options), nil
	default:
		return nil, Usage("--log-format %q, expected text or json", l.format)
	}
}

// IsTerminal tells whether somebody watches what is written.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
