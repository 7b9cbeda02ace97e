package lsm

import (
	"errors"
	"fmt"
	"math"
)

// version is the version of the layout of the keys. Since version 2, keyCounters holds the running
// time, and keyWhole holds the running time at which a block came here, in place of its header's
// time. Since version 3, keyVotes counts the commits that held votes.
const version = 3

// migrateEntries bounds one write of a migration.
const migrateEntries = 1024

// migrate brings the layout to this version, which it writes to a new database. A migration that
// was cut short is repeated at the next opening.
func (s *Store) migrate() error {
	have, err := s.db.Get([]byte{keyVersion})
	if err != nil {
		return fmt.Errorf("read layout version: %w", err)
	}
	switch {
	case have == nil:
	case len(have) == 1 && have[0] == version:
		return nil
	case len(have) == 1 && have[0] == 2: // nothing was counted
	case len(have) == 1 && have[0] == 1:
		if err := s.countFromNow(); err != nil {
			return fmt.Errorf("migrate layout version 1: %w", err)
		}
	default:
		return fmt.Errorf("layout has version %x, this program knows %d: use a newer program", have, version)
	}
	return s.db.Write([]Change{{Key: []byte{keyVersion}, Value: []byte{version}}})
}

// countFromNow lets the age of all blocks of a version 1 layout count from now, when the running
// time begins.
func (s *Store) countFromNow() error {
	// Running time 0, and -1: nothing was forgotten, as far as is known.
	old, err := s.db.Get([]byte{keyCounters})
	if err != nil {
		return err
	}
	if len(old) == 16 {
		if err := s.db.Write([]Change{{Key: []byte{keyCounters}, Value: append(append(old, number(0)...), number(math.MaxUint64)...)}}); err != nil {
			return err
		}
	}
	for from, end := []byte{keyWhole}, prefixEnd([]byte{keyWhole}); ; {
		var changes []Change
		err := s.db.Scan(from, end, func(key, value []byte) (bool, error) {
			if len(value) < 8 {
				return false, errors.New("decode index entry of a body: it is too short")
			}
			changes = append(changes, Change{Key: append([]byte(nil), key...), Value: append(number(0), value[8:]...)})
			return len(changes) < migrateEntries, nil
		})
		if err != nil || len(changes) == 0 {
			return err
		}
		if err := s.db.Write(changes); err != nil {
			return err
		}
		from = append(changes[len(changes)-1].Key, 0)
	}
}
