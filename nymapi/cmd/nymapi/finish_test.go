package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// finish waits until all Nym-APIs have caught up, and stops them when no work is left. It returns
// the settled epochs in ascending order.
func (n *network) finish() []contract.EpochDetail {
	n.Helper()
	last := n.reported()
	settled := make([]contract.EpochDetail, 0, last)
	for id := contract.Epoch(1); id <= last; id++ {
		n.eventually("epoch "+id.String()+" is settled", func() bool {
			detail, err := n.asked.EpochDetail(n.Context(), id)
			if err != nil || detail.Status == contract.StatusOpen {
				return false
			}
			settled = append(settled, detail)
			return true
		})
	}
	final := n.quiet()
	n.eventually("all Nym-APIs hold all blocks up to epoch "+final.String(), func() bool { return n.converged(final) })
	for number := 1; number <= members; number++ {
		n.stop(number)
	}
	n.alive()
	return settled
}

// stop asks a process to stop, and waits until it has.
func (n *network) stop(number int) {
	n.Helper()
	n.alive()
	n.running[number].stop(n.T)
	delete(n.running, number)
}

// quiet stops the contract in an epoch that all Nym-APIs know, so that they finish that epoch and
// begin no other. It returns the epoch's number.
func (n *network) quiet() contract.Epoch {
	n.Helper()
	for {
		current := n.epoch().ID
		n.eventually("all Nym-APIs know epoch "+current.String(), func() bool {
			known := true
			for number := 1; number <= members; number++ {
				query(n.T, n.rewardsDB(number), func(db *sqlx.DB) {
					var newest contract.Epoch
					require.NoError(n, db.Get(&newest, `SELECT coalesce(max(epoch), 0) FROM descriptions`))
					known = known && newest >= current
				})
			}
			return known
		})
		n.stop(theContract)
		if n.newest() == current {
			return current
		}
		n.start(theContract) // the next epoch began before it stopped
		n.up(theContract)
	}
}

// newest returns the newest epoch in the contract's database.
func (n *network) newest() (epoch contract.Epoch) {
	n.Helper()
	query(n.T, n.contractDB(), func(db *sqlx.DB) {
		require.NoError(n, db.Get(&epoch, `SELECT max(id) FROM epoch`))
	})
	return epoch
}

func (n *network) contractDB() string { return filepath.Join(n.home(theContract), "contract.db") }

func (n *network) rewardsDB(number int) string {
	return filepath.Join(n.home(number), service.RewardsFile)
}

func (n *network) storeDB(number int) string { return filepath.Join(n.home(number), home.StoreFile) }

// reach is a chain's certified height at a Nym-API.
type reach struct {
	Creator   []byte `db:"creator"`
	Certified uint64 `db:"certified"`
}

// converged reports whether every Nym-API has delivered its own block for an epoch and holds the
// same chains as all others.
func (n *network) converged(final contract.Epoch) bool {
	n.Helper()
	var first []reach
	for number := 1; number <= members; number++ {
		var own int
		query(n.T, n.rewardsDB(number), func(db *sqlx.DB) {
			require.NoError(n, db.Get(&own, `SELECT count(*) FROM own_blocks WHERE epoch = ?`, final))
		})
		var chains []reach
		query(n.T, n.storeDB(number), func(db *sqlx.DB) {
			require.NoError(n, db.Select(&chains, `SELECT creator, certified FROM chains ORDER BY creator`))
		})
		if number == 1 {
			first = chains
		}
		same := slices.EqualFunc(first, chains, func(a, b reach) bool {
			return slices.Equal(a.Creator, b.Creator) && a.Certified == b.Certified
		})
		if own == 0 || !same {
			return false
		}
	}
	return true
}

// query runs f on a database that a process may be using. The connection is read-only.
func query(t *testing.T, path string, f func(db *sqlx.DB)) {
	t.Helper()
	db, err := sqlx.Open("sqlite3", "file:"+path+"?mode=rw&_query_only=1&_busy_timeout=5000")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	f(db)
}
