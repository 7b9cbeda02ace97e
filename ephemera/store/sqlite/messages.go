package sqlite

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// rowCounts are how many rows one statement inserts: several at a time take a third of the time
// that they take one by one.
var rowCounts = [...]int{32, 8, 1}

// retain counts one more body with the message, which is stored if it is not stored yet.
func (c *commit) retain(m block.Message) {
	id := m.ID()
	if c.counts[id] == 0 {
		c.messages = append(c.messages, m)
	}
	c.counts[id]++
}

// putMessages adds to the messages' counts of bodies, and stores those that are not stored yet. For
// a message that is known to be stored it skips the INSERT, which would change nothing.
func (c *commit) putMessages() error {
	var unknown []block.Message
	for _, m := range c.messages {
		id := m.ID()
		c.written = append(c.written, id)
		if c.known.messages.Contains(id) {
			if known, err := c.change(c.statements.retain, c.counts[id], id[:]); err != nil {
				return err
			} else if known {
				continue
			}
		}
		unknown = append(unknown, m)
	}
	if len(unknown) > 0 && c.number == 0 {
		if err := c.get(&c.number, c.statements.number); err != nil {
			return err
		}
	}
	for len(unknown) > 0 {
		i := slices.IndexFunc(rowCounts[:], func(rows int) bool { return rows <= len(unknown) })
		if err := c.putRows(i, unknown[:rowCounts[i]]); err != nil {
			return err
		}
		unknown = unknown[rowCounts[i]:]
	}
	c.messages = nil
	clear(c.counts)
	return nil
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
	const one = len(rowCounts) - 1
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
			err = c.exec(c.statements.retain, c.counts[id], id[:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
