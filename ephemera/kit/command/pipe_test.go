package command_test

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// child is the environment variable that makes the test binary run logging.
const child = "COMMAND_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		logging().Main()
	}
	os.Exit(m.Run())
}

// logging is a program that logs a line before and after each byte of its input, until the input
// ends.
func logging() command.Program {
	run := &cobra.Command{Use: "run", RunE: func(cmd *cobra.Command, _ []string) error {
		for {
			fmt.Fprintln(cmd.ErrOrStderr(), "waiting")
			fmt.Fprintln(os.Stderr, "a library")
			log.Print("another one")
			if n, _ := cmd.InOrStdin().Read(make([]byte, 1)); n == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "stopping")
				return nil
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "read")
		}
	}}
	root := &cobra.Command{Use: "logging"}
	root.AddCommand(run)
	return command.Program{Root: root}
}

// A program continues and ends in order when the reader of its log has gone.
func TestClosedLogEndsNoProgram(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, "run")
	cmd.Env = append(os.Environ(), child+"=1")
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = log.Read(make([]byte, 1)) // it has begun
	require.NoError(t, err)
	require.NoError(t, log.Close())
	_, err = input.Write([]byte("abc"))
	require.NoError(t, err)
	require.NoError(t, input.Close())
	require.NoError(t, cmd.Wait())
}
