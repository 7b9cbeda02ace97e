// Package waiting is a model of how long Nym-APIs wait for the reports of others before they make
// the block of an epoch, and sign those of others. It compares rules for it over situations in
// which members are late, silent or away. It is pure and deterministic.
//
// It knows when reports, blocks and echoes arrive, and nothing else of the protocol: every link
// delivers, and processing takes no time. Package simulate of nymapi runs the protocol itself with
// the one rule that Nym-APIs follow, which is that of package rules.
package waiting

import (
	"math"

	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// Ticks is a time since the end of an epoch, in millionths of the length of an epoch.
type Ticks int64

const (
	// Whole is an epoch.
	Whole Ticks = 1_000_000
	// Quarter is the longest for which any rule waits for more than n-f reports.
	Quarter = Whole / 4
	// Never is later than everything.
	Never Ticks = math.MaxInt64 / 4

	// link is the usual time of a link: 50 ms of an hour.
	link = 14
)

// Epoch is what the members do after an epoch.
type Epoch struct {
	// Sent is when each member sends its report, Never if it does not.
	Sent []Ticks
	// Up says which members make blocks and sign those of others.
	Up []bool
	// Reveals says which members open what they committed themselves to, where a rule has them commit.
	Reveals []bool
}

// Decision is the block that wins.
type Decision struct {
	At      Ticks  // when its creator has the certificate
	Reports []bool // by member: whether its report is in the block
	Missed  bool   // there is no certificate; At and Reports are zero
}

// kinds of draw, with the words that follow.
const (
	// drawLink, epoch, from, to, round: the time of a link.
	drawLink = iota + 1
	// drawLate, epoch, member: 0 how late it reports, 1 whether it is slow, 2 by how much.
	drawLate
	// drawOutage, epoch, member: whether it fails or comes back.
	drawOutage
)

// delays are the times of links in an epoch. They are between half and one and a half of the usual.
type delays struct{ at draw.State }

func (d delays) between(from, to int) Ticks {
	if from == to {
		return 0
	}
	return link/2 + Ticks(d.at.With(uint64(from)).With(uint64(to)).Below(link+1))
}
