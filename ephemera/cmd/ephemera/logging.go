package main

import (
	"io"
	"log/slog"

	golog "github.com/ipfs/go-log/v2"
	"github.com/libp2p/go-libp2p/gologshim"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
)

// newLogger returns the logger of a node's settings.
func newLogger(w io.Writer, s settings.Log) (*slog.Logger, error) {
	levels, err := logging.ParseLevels(s.Level)
	if err != nil {
		return nil, command.Usage("log.level %q: %w", s.Level, err)
	}
	format, err := logging.ParseFormat(s.Format)
	if err != nil {
		return nil, command.Usage("log.format %q: %w", s.Format, err)
	}
	return logging.New(w, format, levels), nil
}

// quietLibraries has the libraries log through the program's logger, and errors only: libp2p warns
// of every peer that comes and goes. kad-dht logs through go-log.
func quietLibraries(logger *slog.Logger) {
	gologshim.SetDefaultHandler(logging.Quiet(logger.With("logger", "libp2p").Handler()))
	golog.SetupLogging(golog.Config{Format: golog.JSONOutput, Stderr: true, Level: golog.LevelError})
}
