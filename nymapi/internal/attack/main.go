// Command attack runs the real contract and four real Nym-APIs, attacks them without a key, by a
// fifth member that enrols with bad addresses, and through the contract's database, and prints what
// honest callers got and how many epochs were rewarded meanwhile. It ends with status 1 if a bound
// was exceeded. `make attack` runs it after the attacks on daemons, of ephemera/internal/attack.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(1)
	}
}

// leastSeconds is the shortest attack: some epochs end, and are rewarded, while it lasts.
const leastSeconds = 10

// errBounds reports attacks that did more harm than allowed.
var errBounds = errors.New("some attacks exceeded the bounds")

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("attack", flag.ContinueOnError)
	var (
		seconds  = flags.Int("seconds", 20, "how long each attack lasts")
		only     = flags.String("only", "", "comma-separated names of the attacks to run; default: all")
		list     = flags.Bool("list", false, "list the attacks and exit")
		programs = flags.String("programs", "bin", "folder of the programs contract and nymapi")
		keep     = flags.Bool("keep", false, "keep the folders and logs, and print where they are")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *list {
		return printList(out)
	}
	attacks, err := choose(*only)
	if err != nil {
		return err
	}
	if *seconds < leastSeconds {
		return fmt.Errorf("-seconds %d, expected at least %d", *seconds, leastSeconds)
	}
	p := plan{programs: *programs, length: time.Duration(*seconds) * time.Second, keep: *keep}
	for _, name := range []string{theContract, theNymAPI} {
		if _, err := os.Stat(filepath.Join(p.programs, name)); err != nil {
			return fmt.Errorf("find the programs: %w (build them with make build, or set -programs)", err)
		}
	}
	return attackAll(ctx, attacks, p, out)
}

// plan is how an attack is run.
type plan struct {
	programs string // folder
	length   time.Duration
	keep     bool
}

// choose returns the attacks with the given names, or all.
func choose(names string) ([]attack, error) {
	if names == "" {
		return attacks(), nil
	}
	var chosen []attack
	for name := range strings.SplitSeq(names, ",") {
		a, err := find(name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, a)
	}
	return chosen, nil
}

// attackAll runs the attacks one after the other, each against a contract of its own.
func attackAll(ctx context.Context, chosen []attack, p plan, out io.Writer) error {
	if err := printHead(out, p); err != nil {
		return err
	}
	within := 0
	for _, a := range chosen {
		r, err := try(ctx, a, p)
		if err != nil {
			return fmt.Errorf("attack %s: %w", a.name, err)
		}
		if len(r.excesses()) == 0 {
			within++
		}
		if err := printRow(out, r); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(out, "%d of %d attacks within bounds\n", within, len(chosen)); err != nil {
		return err
	}
	if within < len(chosen) {
		return errBounds
	}
	return nil
}
