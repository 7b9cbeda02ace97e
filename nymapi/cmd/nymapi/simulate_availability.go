package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/nymapi/simulate/availability"
)

// `nymapi simulate --availability` covers N = 1 to mostNodes and draws drawnEpochs epochs each.
const (
	mostNodes   = 16
	drawnEpochs = 1_000_000
)

// computeAvailability prints the epochs lost for each N, and writes a figure if --out is given.
func (f *simulateFlags) computeAvailability(stdout io.Writer) error {
	shares := make([]availability.Share, len(f.availability))
	for i, text := range f.availability {
		var err error
		if shares[i], err = availability.ParseShare(text); err != nil {
			return command.Usage("--availability %s: expected decimals from 0 to 1, separated by commas; give --availability .95,.99,.999", text)
		}
	}
	if err := f.makeFolder(); err != nil {
		return err
	}
	table := availability.New(shares, mostNodes, drawnEpochs, f.config.Seed)
	if f.out != "" {
		var figure bytes.Buffer
		if err := table.Chart().WriteSVG(&figure); err != nil {
			return err
		}
		if err := writeFigure(f.out, "availability.svg", figure.Bytes()); err != nil {
			return err
		}
	}
	if f.json {
		return table.WriteJSON(stdout)
	}
	return table.WriteText(stdout)
}

// writeFigure writes a file into the folder of --out.
func writeFigure(folder, name string, content []byte) error {
	if err := files.Replace(filepath.Join(folder, name), 0o644, content); err != nil {
		return fmt.Errorf("--out: write a figure: %w; give a writable folder", err)
	}
	return nil
}
