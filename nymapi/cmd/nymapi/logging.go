package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/libp2p/go-libp2p/gologshim"
	"github.com/spf13/pflag"

	"github.com/ephemera-go/nym-rewarding/contract/command"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// logFlags say what is logged, always to standard error.
type logFlags struct{ level, format string }

func (f *logFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&f.format, "log-format", "", "text or json (default: text on a terminal, else json)")
}

// logger returns the program's logger, and makes libp2p use it for errors.
func (f *logFlags) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return nil, command.Usage("--log-level %q, expected debug, info, warn or error", f.level)
	}
	format := f.format
	if format == "" {
		format = "json"
		if isTerminal(w) {
			format = "text"
		}
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler
	switch format {
	case "text":
		handler = slog.NewTextHandler(w, options)
	case "json":
		handler = slog.NewJSONHandler(w, options)
	default:
		return nil, command.Usage("--log-format %q, expected text or json", f.format)
	}
	gologshim.SetDefaultHandler(service.Quiet(handler))
	return slog.New(handler), nil
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
