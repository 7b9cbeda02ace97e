package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// A file and standard input are read up to the limit, and are refused above it.
func TestInputHasALimit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("four"), 0o600))
	for _, name := range []string{file, "-"} {
		cmd := &cobra.Command{}
		cmd.SetIn(strings.NewReader("four"))
		data, err := readInput(cmd, name, 4)
		require.NoError(t, err)
		require.Equal(t, "four", string(data))
		cmd.SetIn(strings.NewReader("four"))
		_, err = readInput(cmd, name, 3)
		require.ErrorContains(t, err, "more than 3 bytes")
	}
	_, err := readInput(&cobra.Command{}, file+"-missing", 4)
	require.ErrorIs(t, err, os.ErrNotExist)
}
