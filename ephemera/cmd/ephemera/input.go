package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

// openInput opens a file, or standard input if the name is "-".
func openInput(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	return os.Open(name)
}

// readInput reads at most that many bytes of a regular file, or of standard input if the name is
// "-". A pipe by name is refused, because it might never end.
func readInput(cmd *cobra.Command, name string, most int64) ([]byte, error) {
	if name != "-" {
		data, err := files.Read(name, most)
		if err != nil {
			return nil, fmt.Errorf("read input: %w", err)
		}
		return data, nil
	}
	data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), most+1))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("read standard input: more than %d bytes, which is too long", most)
	}
	return data, nil
}
