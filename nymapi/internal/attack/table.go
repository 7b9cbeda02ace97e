package main

import (
	"fmt"
	"io"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/stranger"
)

// maxResident bounds the memory of the contract, in bytes. Callers can make it use 48 MiB for the
// headers and buffers of 1024 connections, and 64 MiB for bodies and answers: see package
// webserver, and no body here is complete and decoded. The garbage collector may double that, and
// 32 MiB are for the program.
const maxResident = 256 << 20

// result is how contract and Nym-APIs fared under an attack.
type result struct {
	attack   attack
	answers  stranger.Answers // what honest callers got
	resident int64            // greatest resident size of the contract, in bytes
	epochs   int              // that ended during the attack
	missed   int              // of these, not rewarded within lag
	made     int64            // connections of the attackers
	ended    []string         // processes that ended
	failures []string         // other requests that failed
	notes    []string
}

// excesses says which bounds were exceeded.
func (r result) excesses() []string {
	found := append(r.answers.Excesses(), r.failures...)
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if r.resident > maxResident {
		add("the contract used %d MiB, at most %d", r.resident>>20, maxResident>>20)
	}
	if r.epochs == 0 {
		add("no epoch ended during the attack")
	}
	if r.missed > 0 {
		add("%d of %d epochs were not rewarded within %s after their end", r.missed, r.epochs, lag)
	}
	if len(r.ended) > 0 {
		add("ended: %v", r.ended)
	}
	return found
}

func printList(out io.Writer) error {
	for _, a := range attacks() {
		if _, err := fmt.Fprintf(out, "%-10s %s\n", a.name, a.does); err != nil {
			return err
		}
	}
	return nil
}

const (
	headFormat = "%-10s %6s %6s %6s %6s %6s %5s %6s %6s %6s  %s\n"
	rowFormat  = "%-10s %6d %6d %6d %6d %6d %5d %6d %6d %6d  %s\n"
	note       = "           %s\n"
)

func printHead(out io.Writer, p plan) error {
	_, err := fmt.Fprintf(out, `A contract and four Nym-APIs under attack, %.0f s for each attack.

p50, worst    ms until honest requests were answered, of asked; failed were not
rss           most MiB of memory that the contract used
epochs        epochs that ended meanwhile; missed were not rewarded in time
conns         connections that the attackers made

`, p.length.Seconds())
	if err == nil {
		_, err = fmt.Fprintf(out, headFormat, "attack", "p50", "p99", "worst", "asked", "failed", "rss", "epochs", "missed", "conns", "bounds")
	}
	return err
}

func printRow(out io.Writer, r result) error {
	verdict, notes := "ok", r.notes
	if found := r.excesses(); len(found) > 0 {
		verdict, notes = "OVER", append(found, notes...)
	}
	a := r.answers
	_, err := fmt.Fprintf(out, rowFormat, r.attack.name, a.P50.Milliseconds(), a.P99.Milliseconds(), a.Worst.Milliseconds(), a.Asked, a.Failed,
		r.resident>>20, r.epochs, r.missed, r.made, verdict)
	for _, text := range notes {
		if err == nil {
			_, err = fmt.Fprintf(out, note, text)
		}
	}
	return err
}
