package command

import (
	"io"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
)

// Log is the flags that say what is logged, always to standard error.
type Log struct{ level, format string }

// Add adds the flags to a command's.
func (l *Log) Add(flags *pflag.FlagSet) {
	flags.StringVar(&l.level, "log-level", "info", "debug, info, warn or error; also per part: info,p2p=debug")
	flags.StringVar(&l.format, "log-format", string(logging.Auto), "text, json, or auto: text on a terminal")
}

// Logger returns a logger that writes to w. The error is a UsageError.
func (l *Log) Logger(w io.Writer) (*slog.Logger, error) {
	levels, err := logging.ParseLevels(l.level)
	if err != nil {
		return nil, Usage("--log-level %q: %w", l.level, err)
	}
	format, err := logging.ParseFormat(l.format)
	if err != nil {
		return nil, Usage("--log-format %q: %w", l.format, err)
	}
	return logging.New(w, format, levels), nil
}
