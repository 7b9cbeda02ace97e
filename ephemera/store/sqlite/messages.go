package sqlite

import (
	"database/sql"
	"errors"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// rowCounts are how many rows one statement writes: several at a time take a third of the time that
// they take one by one.
var rowCounts = [...]int{32, 8, 1}

const one = len(rowCounts) - 1 // the place of the statements for one row

// retain counts one more body with the message, which is stored if it is not stored yet.
func (c *commit) retain(m block.Message) {
	id := m.ID()
	if c.counts[id] == 0 {
		c.messages = append(c.messages, m)
	}
	c.counts[id]++
}

// putMessages adds to the messages' counts of bodies, and stores those that are not stored yet.
func (c *commit) putMessages() error {
	var known, unknown []block.Message
	for _, m := range c.messages {
		c.written = append(c.written, m.ID())
		if c.known.messages.Contains(m.ID()) {
			known = append(known, m)
		} else {
			unknown = append(unknown, m)
		}
	}
	removed, err := c.retainKnown(known)
	if err != nil {
		return err
	}
	if unknown = append(unknown, removed...); len(unknown) > 0 && c.number == 0 {
		if err := c.get(&c.number, c.statements.number); err != nil {
			return err
		}
	}
	for len(unknown) > 0 {
		i := rowsFor(len(unknown))
		if err := c.putRows(i, unknown[:rowCounts[i]]); err != nil {
			return err
		}
		unknown = unknown[rowCounts[i]:]
	}
	c.messages = nil
	clear(c.counts)
	return nil
}

// rowsFor returns the place in rowCounts of the most rows that one statement takes.
func rowsFor(count int) int {
	return slices.IndexFunc(rowCounts[:], func(rows int) bool { return rows <= count })
}

// retainKnown adds to the counts of messages that this run stored, without an INSERT that would
// change nothing. It returns those that were removed since. Most have the same count, for members
// put the same messages into their blocks.
func (c *commit) retainKnown(messages []block.Message) (removed []block.Message, err error) {
	countOf := func(m block.Message) int { return c.counts[m.ID()] }
	slices.SortStableFunc(messages, func(a, b block.Message) int { return countOf(a) - countOf(b) })
	for len(messages) > 0 {
		count := countOf(messages[0])
		same := slices.IndexFunc(messages, func(m block.Message) bool { return countOf(m) != count })
		if same < 0 {
			same = len(messages)
		}
		i := rowsFor(same)
		some := messages[:rowCounts[i]]
		messages = messages[rowCounts[i]:]
		gone, err := c.retainRows(i, count, some)
		if err != nil {
			return nil, err
		}
		removed = append(removed, gone...)
	}
	return removed, nil
}

// retainRows does what retainKnown does for rowCounts[i] messages of the same count.
func (c *commit) retainRows(i, count int, messages []block.Message) (removed []block.Message, err error) {
	args := make([]any, 0, 1+len(messages))
	args = append(args, count)
	for _, m := range messages {
		id := m.ID()
		args = append(args, id[:])
	}
	result, err := c.bind(c.statements.retains[i]).ExecContext(c.ctx, args...)
	if err != nil {
		return nil, err
	}
	retained, err := result.RowsAffected()
	if err != nil || retained == int64(len(messages)) {
		return nil, err
	}
	for _, m := range messages {
		id := m.ID()
		var number int64
		switch err := c.get(&number, c.statements.repairs.numberOf, id[:]); {
		case errors.Is(err, sql.ErrNoRows):
			removed = append(removed, m)
		case err != nil:
			return nil, err
		}
	}
	return removed, nil
}

// putRows does what putMessages does for rowCounts[i] messages, of which any may be stored.
func (c *commit) putRows(i int, messages []block.Message) error {
	first := c.number + 1
	ids := make([]any, 0, 3*len(messages))
	for _, m := range messages {
		c.number++
		id := m.ID()
		ids = append(ids, id[:], c.number, c.counts[id])
	}
	result, err := c.bind(c.statements.messageIDs[i]).ExecContext(c.ctx, ids...)
	if err != nil {
		return err
	}
	fresh, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if fresh < int64(len(messages)) {
		return c.putFresh(first, messages)
	}
	rows := make([]any, 0, 3*len(messages))
	for k, m := range messages {
		data := m.Encode()
		rows = append(rows, first+int64(k), data, checksum(data))
	}
	return c.exec(c.statements.messages[i], rows...)
}

// putFresh stores those messages whose IDs were just inserted, with numbers from first on, and adds
// to the counts of the others.
func (c *commit) putFresh(first int64, messages []block.Message) error {
	for _, m := range messages {
		id := m.ID()
		var number int64
		if err := c.get(&number, c.statements.repairs.numberOf, id[:]); err != nil {
			return err
		}
		var err error
		if number >= first {
			data := m.Encode()
			err = c.exec(c.statements.messages[one], number, data, checksum(data))
		} else {
			err = c.exec(c.statements.retains[one], c.counts[id], id[:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
