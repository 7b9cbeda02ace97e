package command

import (
	"context"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestToolsEndWithTheStatusesOfPrograms(t *testing.T) {
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx    context.Context
		err    error
		status int
		errs   string
	}{
		{t.Context(), nil, 0, ""},
		{t.Context(), errors.New("broke"), ExitFailure, "tool: broke\n"},
		{t.Context(), Usage("-n %d", -1), ExitUsage, "tool: -n -1\n"},
		{t.Context(), &UsageError{flag.ErrHelp}, 0, ""},
		{stopped, nil, ExitInterrupted, "tool: interrupted\n"},
		{stopped, context.Canceled, ExitInterrupted, "tool: interrupted: context canceled\n"},
	} {
		var errs strings.Builder
		require.Equal(t, c.status, toolStatus(c.ctx, "tool", c.err, &errs), c)
		require.Equal(t, c.errs, errs.String())
	}
}

// A command that reads standard input can be interrupted, and says so.
func TestInterruptedCommandEndsWithItsOwnStatus(t *testing.T) {
	input, writer := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	root := &cobra.Command{Use: "tool"}
	root.AddCommand(&cobra.Command{Use: "read", RunE: func(cmd *cobra.Command, _ []string) error {
		first := make([]byte, 10)
		n, err := cmd.InOrStdin().Read(first)
		require.NoError(t, err)
		require.Equal(t, "text", string(first[:n]))
		cancel()
		_, err = io.ReadAll(cmd.InOrStdin())
		return err
	}})
	go func() { _, _ = writer.Write([]byte("text")) }()
	var errs strings.Builder
	explained := func(error) Outcome { return Outcome{Status: ExitHalted} }
	p := Program{Root: root, Explain: explained}
	require.Equal(t, ExitInterrupted, p.Run(ctx, []string{"read"}, interruptible{ctx, input}, io.Discard, &errs))
	require.Equal(t, "tool: interrupted: context canceled\n", errs.String())
	require.NoError(t, writer.Close())
}
