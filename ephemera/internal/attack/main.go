// Command attack runs a group of four with the real daemon: three honest members, and one that
// attacks them with a valid key while messages are submitted. Under an attack of strangers, who
// have no key, the fourth is absent. The command prints how the honest members fared under each
// attack, and ends with status 1 if a bound was exceeded, and with 130 after SIGINT or SIGTERM.
// `make attack` runs it.
//
// Package attacker is the hostile member and the strangers, package honest runs and measures the
// others.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/attack/attacker"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// hostile is the first argument of the process that attacks: the program starts itself.
const hostile = "hostile"

func main() {
	command.Tool("attack", func(ctx context.Context, args []string, out io.Writer) error {
		if len(args) == 3 && args[0] == hostile {
			return beHostile(ctx, args[1], args[2])
		}
		return run(ctx, args, out)
	})
}

// beHostile attacks with the key in a folder until standard input is closed.
func beHostile(ctx context.Context, folder, name string) error {
	runtime.GOMAXPROCS(1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return attacker.Run(ctx, daemon.Folder{Dir: folder}, name, os.Stdout)
}

// errBounds reports attacks that did more harm than allowed.
var errBounds = errors.New("some attacks exceeded the bounds")

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("attack", flag.ContinueOnError)
	var (
		seconds = flags.Int("seconds", 30, "how long each attack lasts; latencies are those of its last two thirds")
		only    = flags.String("only", "", "comma-separated names of the attacks to run; default: all")
		list    = flags.Bool("list", false, "list the attacks and exit")
		program = flags.String("program", "bin/ephemera", "path of the daemon")
		every   = flags.Duration("every", time.Duration(settings.Default().Block.Every), "block.every of the honest members: how long a message waits for others")
		verbose = flags.Bool("v", false, "print what the attacker sent and got")
		keep    = flags.Bool("keep", false, "keep the nodes' folders and logs, and print where they are")
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
	if *seconds < 3 {
		return command.Usage("-seconds %d, expected at least 3", *seconds)
	}
	if _, err := os.Stat(*program); err != nil {
		return fmt.Errorf("find the daemon: %w (build it with make build, or set -program)", err)
	}
	return attackAll(ctx, attacks, planFor(*seconds, options{program: *program, every: *every, keep: *keep, verbose: *verbose}), out)
}

// choose returns the attacks with the given names, or all.
func choose(names string) ([]attacker.Attack, error) {
	if names == "" {
		return attacker.Attacks(), nil
	}
	var chosen []attacker.Attack
	for name := range strings.SplitSeq(names, ",") {
		attack, err := attacker.Find(name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, attack)
	}
	return chosen, nil
}

// attackAll runs the attacks one after the other, each against a group of its own.
func attackAll(ctx context.Context, attacks []attacker.Attack, p plan, out io.Writer) error {
	if err := printHead(out, p); err != nil {
		return err
	}
	within := 0
	for _, attack := range attacks {
		r, err := try(ctx, attack, p.forAttack(attack))
		if err != nil {
			return fmt.Errorf("attack %s: %w", attack.Name, err)
		}
		if len(r.excesses()) == 0 {
			within++
		}
		if err := printRow(out, r); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(out, "%d of %d attacks within bounds\n", within, len(attacks)); err != nil {
		return err
	}
	if within < len(attacks) {
		return errBounds
	}
	return nil
}

// options are those that do not depend on the length of an attack.
type options struct {
	program       string
	every         time.Duration // settings.Block.Every
	keep, verbose bool
}

// plan is how an attack is run.
type plan struct {
	options
	warm   time.Duration // load before anything is measured
	quiet  time.Duration // load before the attack
	attack time.Duration
	window time.Duration // the last part of the attack, in which latencies count
}

func planFor(seconds int, o options) plan {
	attack := time.Duration(seconds) * time.Second
	return plan{options: o, warm: 2 * time.Second, quiet: 6 * time.Second, attack: attack, window: attack * 2 / 3}
}

// strangerSeconds is how long an attack of strangers lasts at most: their connections are open
// after a few seconds.
const strangerSeconds = 20

// forAttack returns the plan for an attack.
func (p plan) forAttack(a attacker.Attack) plan {
	if a.Keyless() && p.attack > strangerSeconds*time.Second {
		return planFor(strangerSeconds, p.options)
	}
	return p
}
