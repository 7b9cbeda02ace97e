// Package command is what the command-line programs of this repository have in common: signals,
// exit statuses, wrong command lines, flags from the environment, tokens from files, and the flags
// of the log.
//
// The package is unstable: it is public only because the modules of this repository share it.
package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
)

// Exit statuses.
const (
	ExitFailure = 1
	ExitUsage   = 2 // the command line or the configuration is wrong
	// ExitUnchecked means that nothing failed, and that not all could be checked.
	ExitUnchecked = 3
	// ExitHalted means that something was signed with the program's key that the program does not
	// know: it must not be restarted.
	ExitHalted      = 78
	ExitInterrupted = 130 // a signal ended the program before it was finished
)

// UsageError is a command line that cannot be carried out.
type UsageError struct{ Err error }

func (u *UsageError) Error() string { return u.Err.Error() }
func (u *UsageError) Unwrap() error { return u.Err }

// Usage returns a UsageError.
func Usage(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Program is a command-line program.
type Program struct {
	Root    *cobra.Command // with its subcommands
	Version string

	// Environment sets flags that are not given from variables named after the root, such as
	// NYMAPI_HOME_SLOTS for --home-slots of nymapi.
	Environment bool
	// Variables are further variables that the program reads. All begin with the name of the root. If
	// there are any, or with Environment, a variable that begins so and is not known is an error if
	// it looks like a known one, and is reported on standard error otherwise.
	Variables []string

	// Halts reports whether the program can end with ExitHalted. It is in the help.
	Halts bool
	// Unchecked reports whether the program can end with ExitUnchecked. It is in the help.
	Unchecked bool

	// Damaged says what to do about a damaged file or database of the program, in sentences.
	Damaged string

	// Explain says how the program ends with an error of its own. Without it, the exit status is
	// ExitFailure. It is not asked about a UsageError.
	Explain func(error) Outcome
}

// Outcome is how a program ends with an error.
type Outcome struct {
	Status int    // exit status; 0 means ExitFailure
	Help   bool   // refer to the command's help, as for a UsageError
	Text   string // printed instead of the error's text
	Advice string // what to do, in a line of its own under the error
}

// Main runs the program with the arguments of the process, and exits. SIGINT and SIGTERM cancel the
// context of the command; another one after that ends the process at once. The program continues
// without its log if nobody reads standard error any more.
func (p Program) Main() {
	signal.Ignore(syscall.SIGXFSZ) // a file that may not grow is an error with advice instead
	ctx := signalled()
	os.Exit(p.Run(ctx, os.Args[1:], interruptible{ctx, os.Stdin}, os.Stdout, standardError()))
}

// signalled returns a context that the first SIGINT or SIGTERM cancels. A later one ends the
// process.
func signalled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go watch(signals, cancel, os.Exit)
	return ctx
}

// standardError returns standard error under another descriptor. A write to descriptor 2 ends the
// process with SIGPIPE once nobody reads it any more, for example because the collector of a
// service's log has stopped. A write to any other descriptor fails, and the program continues
// without its log. Libraries that write to os.Stderr or to package log get the same descriptor.
// Standard output stays as it is: a command whose output nobody reads has nothing left to do.
func standardError() *os.File {
	fd, err := syscall.Dup(int(os.Stderr.Fd()))
	if err != nil {
		return os.Stderr // no descriptor is free
	}
	syscall.CloseOnExec(fd)
	os.Stderr = os.NewFile(uintptr(fd), os.Stderr.Name())
	log.SetOutput(os.Stderr)
	return os.Stderr
}

// watch cancels at the first signal, and exits at a later one. Some programs send the same signal
// to the process and to its group, so one that comes right after the first does not count.
func watch(signals <-chan os.Signal, cancel func(), exit func(int)) {
	const repeated = 200 * time.Millisecond
	var first time.Time
	for range signals {
		switch {
		case first.IsZero():
			first = time.Now()
			cancel()
		case time.Since(first) > repeated:
			exit(ExitInterrupted)
		}
	}
}

// Run carries out a command and returns the exit status. An error goes to stderr, with what to do
// about it. A command that returns context.Canceled because ctx is done was interrupted; one that
// runs until it is stopped returns nil then.
func (p Program) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p.prepare()
	p.Root.SetArgs(args)
	p.Root.SetIn(stdin)
	p.Root.SetOut(stdout)
	p.Root.SetErr(stderr)
	cmd, err := p.Root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	outcome := p.outcome(err)
	outcome.Advice = cmp.Or(outcome.Advice, p.advice(err))
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		outcome = Outcome{Status: ExitInterrupted, Text: interrupted(err)}
	}
	fmt.Fprintf(stderr, "%s: %s\n", p.Root.Name(), cmp.Or(outcome.Text, err.Error()))
	if outcome.Advice != "" {
		fmt.Fprintln(stderr, outcome.Advice)
	}
	if outcome.Help {
		fmt.Fprintf(stderr, "See: %s --help\n", cmd.CommandPath())
	}
	return cmp.Or(outcome.Status, ExitFailure)
}

// advice returns what to do about an error of a disk, or "" for any other.
func (p Program) advice(err error) string {
	if diskfault.Of(err) == diskfault.Damaged && p.Damaged != "" {
		return p.Damaged
	}
	return diskfault.Advice(err)
}

func (p Program) outcome(err error) Outcome {
	var usage *UsageError
	switch {
	case errors.As(err, &usage):
		return Outcome{Status: ExitUsage, Help: true}
	case p.Explain == nil:
		return Outcome{}
	}
	return p.Explain(err)
}
