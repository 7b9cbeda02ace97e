package main

import (
	"io"
	"log/slog"

	"github.com/libp2p/go-libp2p/gologshim"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// newLogger returns the program's logger, and makes libp2p use it for errors.
func newLogger(w io.Writer, flags command.Log) (*slog.Logger, error) {
	handler, err := flags.Handler(w)
	if err != nil {
		return nil, err
	}
	gologshim.SetDefaultHandler(service.Quiet(handler))
	return slog.New(handler), nil
}
