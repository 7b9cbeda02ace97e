package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/nymapi/simulate/availability"
)

// What `nymapi simulate --availability` computes: N = 1 .. mostNodes, and this many drawn epochs.
const (
	mostNodes   = 16
	drawnEpochs = 1_000_000
)

// computeAvailability prints the epochs lost against N, and draws them if --out names a folder.
func (f *simulateFlags) computeAvailability(stdout io.Writer) error {
	shares := make([]availability.Share, len(f.availability))
	for i, text := range f.availability {
		var err error
		if shares[i], err = availability.ParseShare(text); err != nil {
			return command.Usage("--availability %s: expected decimals from 0 to 1 with commas between; give --availability .95,.99,.999", text)
		}
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

// writeFigure writes a file into the folder of --out, and makes the folder if there is none.
func writeFigure(folder, name string, content []byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("--out: make the folder of the figures; give one that you may write to: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
		return fmt.Errorf("--out: write a figure; give a folder that you may write to: %w", err)
	}
	return nil
}
