package main

import (
	"fmt"
	"io"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/attack/attacker"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/stranger"
)

// The bounds on what an attack may do to the honest members.
const (
	maxSlowdown = 2                // median latency under attack, as a multiple of the one before
	maxResident = 768 << 20        // bytes
	minMeasured = 10               // messages that make a median
	maxStart    = 10 * time.Second // until a restarted member is ready
)

// result is how the honest members fared under an attack.
type result struct {
	attack    attacker.Attack
	quiet     time.Duration // median latency before the attack
	p50       time.Duration // and in the last part of it
	resident  int64         // greatest resident size of a node, in bytes
	grown     int64         // greatest growth of a node's folder during the attack, in bytes
	start     time.Duration // until the restarted member was ready
	submitted int
	measured  int     // messages by which p50 and quiet were measured, the smaller number
	missing   int     // messages that were not delivered by every honest member in the end
	cuts      float64 // how often the attacker was cut off, by all members together
	share     float64 // of a core, used by the attacker
	work      float64 // cores, used by an honest member on average
	counts    attacker.Counts
	answers   stranger.Answers // under an attack of strangers
	notes     []string
}

// ratio is the slowdown that the attack caused.
func (r result) ratio() float64 { return float64(r.p50) / float64(max(r.quiet, time.Millisecond)) }

// excesses says which bounds were exceeded.
func (r result) excesses() []string {
	var found []string
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if r.measured < minMeasured {
		add("%d messages are too few for a median, at least %d", r.measured, minMeasured)
	}
	if ratio := r.ratio(); ratio > maxSlowdown {
		add("the median is %.2f times the quiet one, at most %d", ratio, maxSlowdown)
	}
	if r.resident > maxResident {
		add("a member used %d MiB, at most %d", r.resident>>20, maxResident>>20)
	}
	if r.start > maxStart {
		add("a restarted member was not ready within %s", maxStart)
	}
	if r.missing > 0 {
		add("%d of %d messages were not delivered by every honest member", r.missing, r.submitted)
	}
	if r.attack.Keyless() {
		found = append(found, r.answers.Excesses()...)
	}
	return found
}

func printList(out io.Writer) error {
	for _, a := range attacker.Attacks() {
		if _, err := fmt.Fprintf(out, "%-10s %s\n", a.Name, a.Does); err != nil {
			return err
		}
	}
	return nil
}

const (
	headFormat = "%-10s %6s %6s %5s %5s %5s %5s %5s %4s %5s %5s  %s\n"
	rowFormat  = "%-10s %6d %6d %5.2f %5d %5d %5.1f %5d %4.0f %5.2f %5.2f  %s\n"
	note       = "           %s\n"
)

func printHead(out io.Writer, p plan) error {
	_, err := fmt.Fprintf(out, `Three honest members under attack by the fourth, %.0f s for each attack.

quiet, p50  median ms from submission to delivery at all of them: before the
            attack, and in its last %.0f s; ratio is p50 / quiet
rss, disk   most MiB of memory that one used, and that one stored meanwhile
start       seconds until a member that was restarted meanwhile was ready
lost        messages that were not delivered by all of them in the end
cuts        how often they cut the attacker off
own, att    cores that one of them used, and the attacker

`, p.attack.Seconds(), p.window.Seconds())
	if err == nil {
		_, err = fmt.Fprintf(out, headFormat, "attack", "quiet", "p50", "ratio", "rss", "disk", "start", "lost", "cuts", "own", "att", "bounds")
	}
	return err
}

func printRow(out io.Writer, r result) error {
	verdict, notes := "ok", r.notes
	if found := r.excesses(); len(found) > 0 {
		verdict, notes = "OVER", append(found, notes...)
	}
	if r.attack.Keyless() {
		notes = append([]string{r.answers.String()}, notes...)
	}
	_, err := fmt.Fprintf(out, rowFormat, r.attack.Name, r.quiet.Milliseconds(), r.p50.Milliseconds(), r.ratio(), r.resident>>20, r.grown>>20,
		r.start.Seconds(), r.missing, r.cuts, r.work, r.share, verdict)
	for _, text := range notes {
		if err == nil {
			_, err = fmt.Fprintf(out, note, text)
		}
	}
	return err
}
