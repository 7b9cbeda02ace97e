package main

import (
	"io"
	"log/slog"

	"github.com/libp2p/go-libp2p/gologshim"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
)

// newLogger returns the program's logger, and makes libp2p use it for errors.
func newLogger(w io.Writer, flags command.Log) (*slog.Logger, error) {
	logger, err := flags.Logger(w)
	if err != nil {
		return nil, err
	}
	gologshim.SetDefaultHandler(logging.Quiet(logger.With("logger", "libp2p").Handler()))
	return logger, nil
}
