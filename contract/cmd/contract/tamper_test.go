package main

import (
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// tamper changes a database as its owner could.
func tamper(t *testing.T, path, statement string) {
	db, err := sqlx.Open("sqlite3", path)
	require.NoError(t, err)
	_, err = db.Exec(statement)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// What people read about reporters in a database is what follows from their reports.
func TestVerifyComparesTheDistancesThatAreShown(t *testing.T) {
	for _, column := range []string{"present", "compared", "distance", "squared"} {
		v := newVerifiable(t)
		tamper(t, v.db, "UPDATE report SET "+column+" = "+column+" + 1 WHERE id = (SELECT min(id) FROM report)")
		status, out, _ := call(t, v.trusted("--db", v.db)...)
		require.Equal(t, command.ExitFailure, status, column)
		require.Regexp(t, `FAIL, epoch 1, check 37, tables: audit failed: the distances shown of`, out)
	}
}

func TestVerifyComparesTheTotalsThatAreShown(t *testing.T) {
	for _, change := range []string{"UPDATE reporter_sum SET squared = squared - 1", "DELETE FROM reporter_sum", "INSERT INTO reporter_sum VALUES ('00', 1, 1, 1, 1, 1, 1)"} {
		v := newVerifiable(t)
		tamper(t, v.db, change)
		status, out, _ := call(t, v.trusted("--db", v.db)...)
		require.Equal(t, command.ExitFailure, status, change)
		require.Regexp(t, `FAIL, epoch 3, check 37, tables: audit failed: the totals shown of`, out)
	}
}

// Nobody is shown as a culprit without a proof.
func TestVerifyComparesWhoIsShownAsCaught(t *testing.T) {
	db := newSealed(t)
	tamper(t, db, "INSERT INTO offence SELECT min(key), 1, 'two_reports', 0 FROM member")
	status, out, _ := call(t, "verify", "--db", db)
	require.Equal(t, command.ExitFailure, status)
	require.Regexp(t, `FAIL, epoch 1, check 37, tables: audit failed: shown as caught, without a\s+proof`, out)
}
