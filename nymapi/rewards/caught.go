package rewards

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

// Offences are what this Nym-API has caught members at: two reports for one epoch, two blocks for
// one slot, and reports that do not count. It holds the newest contract.MaxCaughtEpochs of each
// kind and member. Its methods are safe for concurrent use.
type Offences struct {
	store *Store
	log   *slog.Logger

	mu   sync.Mutex
	held map[offender]map[int64]bool // by epoch or height
}

type offender struct {
	member  keys.Public
	offence contract.Offence
}

// NewOffences returns the offences in the database.
func NewOffences(ctx context.Context, held *Store, log *slog.Logger) (*Offences, error) {
	known, err := held.caught(ctx)
	if err != nil {
		return nil, err
	}
	return &Offences{store: held, log: log, held: known}, nil
}

// AddEvidence records the equivocations that a node holds.
func (o *Offences) AddEvidence(ctx context.Context, held []store.Evidence) {
	for _, proof := range held {
		slot := proof.A.Header.Slot()
		o.catch(ctx, slot.Creator, contract.TwoBlocks, int64(slot.Height), "")
	}
}

// catch records an offence. Recording it again does nothing, so a member that repeats it causes no
// writes.
func (o *Offences) catch(ctx context.Context, member keys.Public, offence contract.Offence, number int64, reason string) {
	who := offender{member, offence}
	if !o.add(who, number) {
		return
	}
	o.log.WarnContext(ctx, "a member was caught", "member", member.Short(), "offence", offence, "number", number, "reason", reason)
	if err := o.store.keepCaught(ctx, who, number, reason); err != nil {
		o.log.ErrorContext(ctx, "what a member was caught at was not stored", "err", err)
	}
}

// add reports whether the offence was not held.
func (o *Offences) add(who offender, number int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.held[who]
	if at[number] {
		return false
	}
	if at == nil {
		at = map[int64]bool{}
		o.held[who] = at
	}
	at[number] = true
	if len(at) > contract.MaxCaughtEpochs {
		delete(at, slices.Min(slices.Collect(maps.Keys(at))))
	}
	return true
}

// Caught returns the offences by name. Members without a name are called by their key.
func (o *Offences) Caught(names map[keys.Public]string) []contract.Caught {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := []contract.Caught{}
	for who, at := range o.held {
		c := contract.Caught{Name: cmp.Or(names[who.member], who.member.Short()), Offence: who.offence, Epochs: slices.Sorted(maps.Keys(at)), Count: len(at)}
		list = append(list, c.Told())
	}
	slices.SortFunc(list, func(a, b contract.Caught) int {
		return cmp.Or(contract.CompareNames(a.Name, b.Name), strings.Compare(string(a.Offence), string(b.Offence)))
	})
	return list
}

// Refused returns the epochs, in ascending order, for which members signed reports that do not
// count.
func (o *Offences) Refused() map[keys.Public][]contract.Epoch {
	o.mu.Lock()
	defer o.mu.Unlock()
	refused := map[keys.Public][]contract.Epoch{}
	for who, at := range o.held {
		if who.offence != contract.RefusedReport {
			continue
		}
		for _, number := range slices.Sorted(maps.Keys(at)) {
			refused[who.member] = append(refused[who.member], contract.Epoch(number))
		}
	}
	return refused
}

// refuse records a report that does not count for the epoch of its label, if that is one of the
// calendar. Err is why it is not a report, nil for a report.
func (a *Application) refuse(ctx context.Context, m block.Message, report rules.Report, err error) {
	id, labelled := contract.ParseLabel(m.Label())
	if a.config.Offences == nil || labelled != nil || !a.config.Group.Contains(m.Sender()) {
		return
	}
	for _, e := range a.config.Calendar.Epochs() {
		switch {
		case e.Description.Epoch != id:
			continue
		case err != nil:
		case report.Description != e.Hash:
			err = fmt.Errorf("it is about description %s, expected %s", report.Description.Short(), e.Hash.Short())
		case !a.cache.rule(e.Description, e.Hash).Counts(report.Reading):
			err = fmt.Errorf("it lists other mixnodes than the %d of the epoch", len(e.Description.Mixnodes))
		}
		if err != nil {
			a.config.Offences.catch(ctx, m.Sender(), contract.RefusedReport, int64(id), err.Error())
		}
		return
	}
}

// ObserveEquivocation records that a member signed two blocks for one slot.
func (a *Application) ObserveEquivocation(ctx context.Context, evidence store.Evidence) {
	if a.config.Offences != nil {
		a.config.Offences.AddEvidence(ctx, []store.Evidence{evidence})
	}
}

// caught returns what members were caught at.
func (s *Store) caught(ctx context.Context) (map[offender]map[int64]bool, error) {
	var rows []struct {
		Member  []byte `db:"member"`
		Offence string `db:"offence"`
		Number  int64  `db:"number"`
	}
	if err := s.db.SelectContext(ctx, &rows, `SELECT member, offence, number FROM caught`); err != nil {
		return nil, fmt.Errorf("load what members were caught at: %w", err)
	}
	held := map[offender]map[int64]bool{}
	for _, row := range rows {
		who := offender{keys.Public(row.Member), contract.Offence(row.Offence)}
		if held[who] == nil {
			held[who] = map[int64]bool{}
		}
		held[who][row.Number] = true
	}
	return held, nil
}

// maxReason bounds a stored reason, which quotes its culprit.
const maxReason = 200

// keepCaught stores an offence, and drops the oldest above contract.MaxCaughtEpochs.
func (s *Store) keepCaught(ctx context.Context, who offender, number int64, reason string) error {
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "")
	}
	err := s.db.Write(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO caught (member, offence, number, reason) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			who.member[:], string(who.offence), number, reason)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM caught WHERE member = ?1 AND offence = ?2 AND number <= (
			SELECT number FROM caught WHERE member = ?1 AND offence = ?2 ORDER BY number DESC LIMIT 1 OFFSET ?3)`,
			who.member[:], string(who.offence), contract.MaxCaughtEpochs)
		return err
	})
	if err != nil {
		return fmt.Errorf("store what %s was caught at: %w", who.member, err)
	}
	return nil
}
