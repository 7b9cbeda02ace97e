// Package ledger is the contract's time: which epoch begins when, which are open, and which one may
// be settled now. It is a pure state machine: the clock is an argument, and nothing is stored or
// sent. The caller asks what is due, makes it durable, and applies it.
//
// An epoch begins, ends, stays open for some epochs more, and is settled once: by its winner or by
// the end of that time. Epochs are settled in order, so that a carried value is never taken from an
// epoch that is still undecided. Who may win: package verify. Where all of it is kept: package
// store.
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
	// Fixed: when this one ends, so that windows follow each other without gap.
	Fixed Advance = "fixed"
	// WhenDecided: when this one is settled. It is for replaying recorded measurements.
	WhenDecided Advance = "when-decided"
)

// MaxAcceptEpochs bounds Schedule.AcceptEpochs, and with it how many epochs are open at a time.
const MaxAcceptEpochs = 1000

// ErrInvalid reports a schedule or a state that cannot be.
var ErrInvalid = errors.New("invalid schedule")

// Schedule is the rule of time. It applies to epochs that begin from now on.
type Schedule struct {
	Duration     time.Duration // of an epoch, whole milliseconds
	AcceptEpochs int           // how many durations an epoch stays open after its end, at least 1
	Advance      Advance
}

// Validate returns an error that wraps ErrInvalid and says what was expected.
func (s Schedule) Validate() error {
	switch {
	case s.Duration < time.Millisecond || s.Duration%time.Millisecond != 0 || s.Duration > 366*24*time.Hour:
		return fmt.Errorf("%w: an epoch of %s, expected whole milliseconds up to a year", ErrInvalid, s.Duration)
	case s.AcceptEpochs < 1 || s.AcceptEpochs > MaxAcceptEpochs:
		return fmt.Errorf("%w: epochs accepted for %d epochs, expected 1..%d", ErrInvalid, s.AcceptEpochs, MaxAcceptEpochs)
	case s.Advance != Fixed && s.Advance != WhenDecided:
		return fmt.Errorf("%w: advance %.20q, expected %s or %s", ErrInvalid, s.Advance, Fixed, WhenDecided)
	}
	return nil
}

// Entry is an epoch in time: the half-open window [Start, End) of its samples, and the moment Close
// at which it is missed.
type Entry struct {
	ID         contract.Epoch
	Start, End contract.Millis
	Close      contract.Millis
}

// Event is something that is due: an epoch begins, or one is missed.
type Event struct {
	Begin Entry // zero unless an epoch begins
	// Skipped counts the windows before Begin that had ended too long ago for anybody to submit,
	// because the contract was away.
	Skipped int64
	Miss    contract.Epoch // zero unless an epoch is missed
}

// Ledger knows the newest epoch and the open ones. Not safe for concurrent use.
type Ledger struct {
	schedule Schedule
	newest   Entry
	open     []Entry // ascending
}

// New returns the ledger of a contract whose newest epoch is this one (zero: there is none) and
// whose unsettled epochs are these, in ascending order.
func New(schedule Schedule, newest Entry, open []Entry) (*Ledger, error) {
	if err := schedule.Validate(); err != nil {
		return nil, err
	}
	for i, e := range open {
		if e.ID == 0 || e.ID > newest.ID || (i > 0 && e.ID <= open[i-1].ID) {
			return nil, fmt.Errorf("%w: open epoch %d out of order, the newest is %d", ErrInvalid, e.ID, newest.ID)
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

// Due returns the next event that is due at now, if any. It changes nothing: make the event
// durable, call Apply, and ask again.
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

// unreachable counts the windows after the newest epoch that would be missed already at now.
// Windows that ended more recently begin late, and Nym-APIs that went on measuring still report on
// them.
func (l *Ledger) unreachable(now contract.Millis) int64 {
	late := now.Sub(l.newest.End) - time.Duration(1+l.schedule.AcceptEpochs)*l.schedule.Duration
	if late < 0 {
		return 0
	}
	return int64(late/l.schedule.Duration) + 1
}

// Apply makes an event that First or Due returned part of the state.
func (l *Ledger) Apply(e Event) {
	if e.Miss != 0 {
		l.Settle(e.Miss)
		return
	}
	l.newest = e.Begin
	l.open = append(l.open, e.Begin)
}

// Settle notes that an open epoch has a winner.
func (l *Ledger) Settle(epoch contract.Epoch) {
	for i, e := range l.open {
		if e.ID == epoch {
			l.open = append(l.open[:i], l.open[i+1:]...)
			return
		}
	}
}

// Next returns the moment at which something becomes due if nothing is settled before, and false
// while nothing is scheduled.
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

// Standing is where an epoch stands for one who submits.
type Standing uint8

const (
	NotOver Standing = iota // it has not ended, or not even begun
	Ready                   // the first valid submission wins
	Waiting                 // it has ended, but an earlier epoch is open
	Settled                 // it has its winner, or is missed
)

// Stand returns where an epoch stands at now, and for NotOver and Waiting when to ask again (0:
// nobody knows). Everything due at now must have been applied.
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

// patience is how often one who waits for another's submission asks again: a twentieth of an epoch,
// within 50 ms and 5 s.
func (l *Ledger) patience() time.Duration {
	return max(50*time.Millisecond, min(l.schedule.Duration/20, 5*time.Second))
}
