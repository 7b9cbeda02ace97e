package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

type chainKey struct {
	group   membership.ID
	creator keys.Public
}

type chainRow struct {
	Chain     int64 `db:"chain"`
	Certified int64 `db:"certified"`
	Delivered int64 `db:"delivered"`
	Highest   int64 `db:"highest"` // height with a certificate, contiguous or not
	changed   bool  // it is in commit.changed
}

// changeChain has the row written when all writes are applied.
func (c *commit) changeChain(row *chainRow) {
	if !row.changed {
		row.changed = true
		c.changed = append(c.changed, row)
	}
}

// chainOf returns the row of the slot's chain, which it creates if it does not exist, and the
// slot's height as SQLite stores it.
func (c *commit) chainOf(slot block.Slot) (*chainRow, int64, error) {
	if slot.Height > math.MaxInt64 {
		return nil, 0, fmt.Errorf("height %d is too large for the store, at most %d", slot.Height, math.MaxInt64)
	}
	key := chainKey{slot.Group, slot.Creator}
	if row, ok := c.chains[key]; ok {
		return row, int64(slot.Height), nil
	}
	if known, ok := c.known.chains.Get(key); ok {
		row := &known
		c.chains[key] = row
		return row, int64(slot.Height), nil
	}
	row := new(chainRow)
	err := c.get(row, c.statements.chain, slot.Group[:], slot.Creator[:])
	if errors.Is(err, sql.ErrNoRows) {
		row.Chain, err = c.addChain(slot)
	}
	if err != nil {
		return nil, 0, err
	}
	c.chains[key] = row
	return row, int64(slot.Height), nil
}

func (c *commit) addChain(slot block.Slot) (int64, error) {
	result, err := c.bind(c.statements.addChain).ExecContext(c.ctx, slot.Group[:], slot.Creator[:])
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// advance raises the chain's contiguous certified height to that of the block before the first gap.
// height is that of the block that was just certified.
func (c *commit) advance(chain *chainRow, height int64) error {
	chain.Highest = max(chain.Highest, height)
	if height != chain.Certified+1 {
		return nil
	}
	c.changeChain(chain)
	for chain.Certified = height; chain.Certified < chain.Highest; chain.Certified++ {
		next, err := c.certifiedAt(chain, chain.Certified+1)
		if err != nil || next == (block.ID{}) {
			return err
		}
	}
	return nil
}

// certifiedAt returns the ID of the block certified at a height, or zero.
func (c *commit) certifiedAt(chain *chainRow, height int64) (block.ID, error) {
	var id []byte
	err := c.get(&id, c.statements.certified, chain.Chain, height)
	if errors.Is(err, sql.ErrNoRows) {
		return block.ID{}, nil
	}
	if err != nil {
		return block.ID{}, err
	}
	return block.ID(id), nil
}
