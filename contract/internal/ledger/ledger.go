// Package ledger is the contract's schedule: when each epoch begins, which epochs are open, and
// which one may be settled now. It is a pure state machine: the time is an argument, and nothing is
// stored or sent. The caller asks what is due, makes it durable, and applies it.
//
// An epoch begins, ends, stays open for a few epochs, and is settled once: by its winner or when
// that time is over. Epochs are settled in order, so a carried value never comes from an epoch that
// is still undecided. Package verify decides who may win, package store keeps the state.
package ledger

import (
	"errors"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// Advance says when the epoch after this one begins.
type Advance string

const (
	// Fixed begins it when this one ends, so that windows have no gaps between them.
	Fixed Advance = "fixed"
	// WhenDecided begins it when this one is settled. It is for replaying recorded measurements.
	WhenDecided Advance = "when-decided"
)

// MaxAcceptEpochs bounds Schedule.AcceptEpochs, and so the number of open epochs.
const MaxAcceptEpochs = 1000

// ErrInvalid reports an invalid schedule or state.
var ErrInvalid = errors.New("invalid schedule")

// Schedule says how long epochs last and stay open. It applies to epochs that begin from now on.
type Schedule struct {
	Duration     time.Duration // of an epoch, whole milliseconds
	AcceptEpochs int           // how many durations an epoch stays open after its end, at least 1
	Advance      Advance
}

// Validate returns an error that wraps ErrInvalid and says what was expected.
func (s Schedule) Validate() error {
	switch {
	case s.Duration < time.Millisecond || s.Duration%time.Millisecond != 0 || s.Duration > 366*24*time.Hour:
		return fmt.Errorf("%w: epochs of %s, expected whole milliseconds up to a year", ErrInvalid, s.Duration)
	case s.AcceptEpochs < 1 || s.AcceptEpochs > MaxAcceptEpochs:
		return fmt.Errorf("%w: epochs accepted for %d epochs, expected 1..%d", ErrInvalid, s.AcceptEpochs, MaxAcceptEpochs)
	case s.Advance != Fixed && s.Advance != WhenDecided:
		return fmt.Errorf("%w: advance %.20q, expected %s or %s", ErrInvalid, s.Advance, Fixed, WhenDecided)
	}
	return nil
}

// Entry is an epoch in the schedule: the half-open window [Start, End) of its samples, and the
// moment Close at which it is missed if nobody has won.
type Entry struct {
	ID         contract.Epoch
	Start, End contract.Millis
	Close      contract.Millis
}

// Event is something that is due: the begin of an epoch, or a missed one.
type Event struct {
	Begin Entry // zero unless an epoch begins
	// Skipped counts the windows before Begin that ended while the contract was down, too long ago to
	// submit anything for them.
	Skipped int64
	Miss    contract.Epoch // zero unless an epoch is missed
}

// Ledger holds the newest epoch and the open ones. It is not safe for concurrent use.
type Ledger struct {
	schedule Schedule
	newest   Entry
	open     []Entry // ascending
}

// New returns the ledger of a contract with that newest epoch, zero if there is no epoch yet, and
// those unsettled epochs in ascending order.
func New(schedule Schedule, newest Entry, open []Entry) (*Ledger, error) {
	if err := schedule.Validate(); err != nil {
		return nil, err
	}
	for i, e := range open {
		if e.ID == 0 || e.ID > newest.ID || (i > 0 && e.ID <= open[i-1].ID) {
			return nil, fmt.Errorf("%w: open epoch %d is out of order, the newest is %d", ErrInvalid, e.ID, newest.ID)
		}
	}
	return &Ledger{schedule: schedule, newest: newest, open: append([]Entry(nil), open...)}, nil
}

// First returns the event that schedules epoch 1 at start. The ledger must be empty.
func (l *Ledger) First(start contract.Millis) Event { return Event{Begin: l.entry(1, start)} }

func (l *Ledger) entry(id contract.Epoch, start contract.Millis) Entry {
	end := start.Add(l.schedule.Duration)
	return Entry{ID: id, Start: start, End: end, Close: end.Add(time.Duration(l.schedule.AcceptEpochs) * l.schedule.Duration)}
}

// Newest returns the newest epoch, zero before the first is scheduled.
func (l *Ledger) Newest() Entry { return l.newest }

// Open returns how many epochs are unsettled.
func (l *Ledger) Open() int { return len(l.open) }

// Oldest returns the oldest unsettled epoch, and false if all are settled.
func (l *Ledger) Oldest() (Entry, bool) {
	if len(l.open) == 0 {
		return Entry{}, false
	}
	return l.open[0], true
}

// Due returns the next event that is due at now, if any. It changes nothing: make the event
// durable, call Apply, and call Due again.
func (l *Ledger) Due(now contract.Millis) (Event, bool) {
	switch {
	case l.newest.ID == 0:
		return Event{}, false
	case len(l.open) > 0 && l.open[0].Close <= now:
		return Event{Miss: l.open[0].ID}, true
	case l.schedule.Advance == WhenDecided:
		if len(l.open) > 0 || now < l.newest.End {
			return Event{}, false
		}
		return Event{Begin: l.entry(l.newest.ID+1, now)}, true
	case now < l.newest.End:
		return Event{}, false
	}
	skipped := l.unreachable(now)
	start := l.newest.End.Add(time.Duration(skipped) * l.schedule.Duration)
	return Event{Begin: l.entry(l.newest.ID+1, start), Skipped: skipped}, true
}

// unreachable counts the windows after the newest epoch that would already be missed at now.
// Windows that ended more recently begin late: Nym-APIs that kept measuring can still report on
// them.
func (l *Ledger) unreachable(now contract.Millis) int64 {
	late := now.Sub(l.newest.End) - time.Duration(1+l.schedule.AcceptEpochs)*l.schedule.Duration
	if late < 0 {
		return 0
	}
	return int64(late/l.schedule.Duration) + 1
}

// Apply applies an event that First or Due returned.
func (l *Ledger) Apply(e Event) {
	if e.Miss != 0 {
		l.Settle(e.Miss)
		return
	}
	l.newest = e.Begin
	l.open = append(l.open, e.Begin)
}

// Settle records that an open epoch has a winner.
func (l *Ledger) Settle(epoch contract.Epoch) {
	for i, e := range l.open {
		if e.ID == epoch {
			l.open = append(l.open[:i], l.open[i+1:]...)
			return
		}
	}
}

// Next returns when the next event becomes due if nothing is settled before, and false while
// nothing is scheduled.
func (l *Ledger) Next() (contract.Millis, bool) {
	if l.newest.ID == 0 {
		return 0, false
	}
	next := l.newest.End
	if len(l.open) > 0 && (l.open[0].Close < next || l.schedule.Advance == WhenDecided) {
		next = l.open[0].Close
	}
	return next, true
}

// Standing says whether a submission for an epoch can win.
type Standing uint8

const (
	NotOver Standing = iota // the epoch has not ended or not begun
	Ready                   // the first valid submission wins
	Waiting                 // the epoch has ended, but an earlier one is open
	Settled                 // the epoch has a winner or is missed
)

// Stand returns the standing of an epoch at now. For NotOver and Waiting it also returns how long
// to wait before asking again, 0 if that is unknown. Everything that is due at now must have been
// applied.
func (l *Ledger) Stand(epoch contract.Epoch, now contract.Millis) (Standing, time.Duration) {
	if epoch > l.newest.ID {
		return NotOver, 0
	}
	for i, e := range l.open {
		switch {
		case e.ID != epoch:
		case now < e.End:
			return NotOver, e.End.Sub(now)
		case i > 0:
			return Waiting, min(l.patience(), max(time.Millisecond, l.open[0].Close.Sub(now)))
		default:
			return Ready, 0
		}
	}
	return Settled, 0
}

// patience is the time between two tries of a submission that waits for another epoch: a twentieth
// of an epoch, at least 50 ms and at most 5 s.
func (l *Ledger) patience() time.Duration {
	return max(50*time.Millisecond, min(l.schedule.Duration/20, 5*time.Second))
}
