package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// openInput opens a file, or standard input if the name is "-".
func openInput(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	return os.Open(name)
}

// readInput reads at most that many bytes of a file, or of standard input if the name is "-".
func readInput(cmd *cobra.Command, name string, most int64) ([]byte, error) {
	in, err := openInput(cmd, name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("read %s: it has more than %d bytes", name, most)
	}
	return data, nil
}
