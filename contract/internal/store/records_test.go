package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// forget makes a database one of an earlier version, without records.
const forget = `DROP VIEW reports; DROP VIEW reporters; DROP VIEW reporter_totals; DROP VIEW coverage; DROP VIEW spread; DROP VIEW caught;
	DROP TABLE batch; DROP TABLE batched; 
	DROP TABLE submitted; DROP TABLE offence; DROP TABLE reporter_sum; DROP INDEX attempt_invalid; DROP TABLE late; DROP TABLE annex; DROP TABLE record; DROP TABLE history; DROP TABLE report; DROP TABLE listing; ALTER TABLE winner DROP COLUMN list; DELETE FROM goose_db_version WHERE version_id >= 4`

// change runs statements on a closed database, as its owner could.
func change(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sqlx.Open("sqlite3", path)
	require.NoError(t, err)
	_, err = db.Exec(statements)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// filled closes a database with a rewarded, a missed and another rewarded epoch, and an open one.
func filled(t *testing.T, path string) {
	s := begin(t, path, 1, 2, 3, 4)
	settled(t, s, 1, 1)
	_, err := s.MissEpoch(context.Background(), 2, 9)
	require.NoError(t, err)
	settled(t, s, 3, 2)
	require.NoError(t, s.Close())
}

func records(t *testing.T, s *store.Store) (list []contract.Record) {
	epochs, err := s.Settled(context.Background())
	require.NoError(t, err)
	for _, epoch := range epochs {
		r, err := s.Record(context.Background(), epoch)
		require.NoError(t, err)
		require.True(t, r.Verify())
		require.Equal(t, contracttest.ContractKey().Public(), r.Contract)
		list = append(list, r)
	}
	return list
}

func TestEverySettledEpochHasARecordThatNamesTheOneBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	filled(t, path)
	s := open(t, path)
	list := records(t, s)
	require.Len(t, list, 3)
	for i, r := range list {
		require.Equal(t, contract.Epoch(i+1), r.Epoch)
		require.Equal(t, contract.OriginSettlement, r.Origin)
		require.Equal(t, epoch(r.Epoch).Hash(), r.Description)
		if i > 0 {
			require.Equal(t, list[i-1].Hash(), r.Previous)
		}
	}
	won, err := s.Winning(context.Background(), 3)
	require.NoError(t, err)
	require.Equal(t, []any{contract.StatusRewarded, won.Digest, won.Receipt.Rewards}, []any{list[2].Status, list[2].Submission, list[2].Rewards})
	require.Equal(t, []any{contract.StatusMissed, "nobody submitted a result in time"}, []any{list[1].Status, list[1].Reason})
	_, err = s.Record(context.Background(), 4)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// A database of an earlier version gets the records of its settled epochs, marked as signed later.
func TestRecordsOfAnEarlierVersionAreSignedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	filled(t, path)
	s := open(t, path)
	want := records(t, s)
	require.NoError(t, s.Close())
	change(t, path, forget)
	r, err := store.OpenReader(context.Background(), path)
	require.NoError(t, err)
	_, err = r.Settled(context.Background())
	require.ErrorIs(t, err, store.ErrNoRecords)
	require.NoError(t, r.Close())

	s = open(t, path)
	migrated := records(t, s)
	require.Len(t, migrated, len(want))
	for i, r := range migrated {
		require.Equal(t, contract.OriginMigration, r.Origin)
		want[i].Origin, want[i].Previous, want[i].Signature = r.Origin, r.Previous, r.Signature
	}
	require.Equal(t, want, migrated)
	settled(t, s, 4, 1)
	require.Equal(t, migrated[2].Hash(), records(t, s)[3].Previous)
	require.NoError(t, s.Close())
	s = open(t, path)
	require.Equal(t, migrated, records(t, s)[:3], "they are not signed again")
}

// A database that lost records is not continued: its next record would not follow.
func TestDatabaseThatLostRecordsIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	filled(t, path)
	change(t, path, `DELETE FROM record WHERE epoch = 3`)
	_, err := store.Open(context.Background(), path, owner(), 1, nil)
	require.ErrorContains(t, err, "the newest record is of epoch 2, and epoch 3 is settled")
}

// A reason that was too long for a record is shown as the record has it, so that an audit passes.
func TestLongReasonsOfAnEarlierVersionAreShownAsSigned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	filled(t, path)
	change(t, path, forget)
	change(t, path, `UPDATE epoch SET reason = printf('%.*c', 2000, 'r') WHERE id = 2`)
	s := open(t, path)
	detail, err := s.Epoch(context.Background(), 2)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("r", contract.MaxReasonBytes), detail.Reason)
	require.Equal(t, detail.Reason, records(t, s)[1].Reason)
}

// The reason of a missed epoch may quote a submitter at length.
func TestLongReasonsFitIntoARecord(t *testing.T) {
	ctx, s := context.Background(), begin(t, filepath.Join(t.TempDir(), "c.db"), 1)
	attempt := store.Attempt{
		Epoch: 1, Submitter: contracttest.Key(3).Public(), At: 5, Verdict: contract.VerdictInvalid, Type: contract.WrongResult.Type(),
		Reason: strings.Repeat("ä", contract.MaxReasonBytes), Submission: []byte{1},
	}
	require.NoError(t, s.PutAttempt(ctx, attempt))
	reason, err := s.MissEpoch(ctx, 1, 9)
	require.NoError(t, err)
	require.LessOrEqual(t, len(reason), contract.MaxReasonBytes)
	require.Equal(t, reason, records(t, s)[0].Reason)
}

// The history is folded from what the winners' blocks hold, and rebuilt from them by the migration.
func TestHistoryIsThatOfTheWinnersBlocks(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "c.db")
	s := begin(t, path, 1, 2, 3)
	state, err := s.State(ctx)
	require.NoError(t, err)
	require.Equal(t, contract.State{}, state)
	settled(t, s, 1, 1)
	_, err = s.MissEpoch(ctx, 2, 9)
	require.NoError(t, err)
	settled(t, s, 3, 2)

	history := metrics.History{}
	for _, number := range []contract.Epoch{1, 3} {
		matrix, _, err := verify.Matrix(contracttest.Evidence(epoch(number), 1).Block, epoch(number))
		require.NoError(t, err)
		history = history.Fold(matrix, epoch(number).Group.F())
	}
	require.Len(t, history, 4)
	state, err = s.State(ctx)
	require.NoError(t, err)
	require.Equal(t, history, state.Metrics())
	require.Equal(t, []any{contract.Epoch(3), records(t, s)[2].Hash()}, []any{state.Settled, state.Record})
	require.NoError(t, s.Close())

	change(t, path, forget)
	s = open(t, path)
	rebuilt, err := s.State(ctx)
	require.NoError(t, err)
	require.Equal(t, state.History, rebuilt.History)
}

// What reporters signed is in the database for plain SQL, and rebuilt by the migration.
func TestReportsAreKeptForQueries(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "c.db")
	s := begin(t, path, 1)
	for _, p := range contracttest.Peers(4) {
		require.NoError(t, s.PutMember(ctx, store.Member{Peer: p, Counter: 1}, 5))
	}
	settled(t, s, 1, 1)
	require.NoError(t, s.Close())
	query := func(into any, text string) {
		t.Helper()
		db, err := sqlx.Open("sqlite3", path)
		require.NoError(t, err)
		defer db.Close()
		require.NoError(t, db.Select(into, text))
	}
	type cell struct {
		NymAPI, Mixnode           string
		Percent, Paid, Difference float64
	}
	type distance struct {
		NymAPI         string
		Cells, Missing int
		Mean, RMS      float64
		V              int64
	}
	check := func() {
		t.Helper()
		var cells []cell
		query(&cells, `SELECT nymapi, mixnode, percent, paid, difference FROM reports WHERE epoch = 1 AND mixnode = 'm0002' ORDER BY nymapi`)
		require.Equal(t, []cell{
			{"nymapi-1", "m0002", 90.11, 90.26, -0.15}, {"nymapi-2", "m0002", 90.21, 90.26, -0.05}, {"nymapi-3", "m0002", 90.31, 90.26, 0.05}, {"nymapi-4", "m0002", 90.41, 90.26, 0.15},
		}, cells)
		var all []distance
		query(&all, `SELECT nymapi, cells, missing, mean_distance AS mean, rms_distance AS rms, v FROM reporters ORDER BY nymapi`)
		require.Len(t, all, 4)
		require.Equal(t, distance{"nymapi-1", 3, 0, 0.15, 0.15, 9023}, all[0])
		require.Equal(t, distance{"nymapi-3", 3, 0, 0.05, 0.05, 9003}, all[2])
		var totals []distance
		query(&totals, `SELECT nymapi, cells, missing, mean_distance AS mean, rms_distance AS rms, v FROM reporter_totals`)
		require.Equal(t, all, totals)
		var coverage []struct{ Epoch, Cells, Fresh, Carried, Unpaid int }
		query(&coverage, `SELECT * FROM coverage`)
		require.Equal(t, "[{1 3 3 0 0}]", fmt.Sprint(coverage))
	}
	check()
	change(t, path, forget)
	require.NoError(t, open(t, path).Close())
	check()
}

// Earlier databases hold percent where this version holds what is missing to 100.
func TestReportsOfAnEarlierVersionStayTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	s := begin(t, path, 1, 2)
	settled(t, s, 1, 1)
	settled(t, s, 2, 1)
	require.NoError(t, s.Close())
	change(t, path, `UPDATE report SET shortfalls = '[0,null,10000]' WHERE id = 1001`)
	const kept, shown = `SELECT shortfalls FROM report`, `SELECT epoch || nymapi || mixnode || coalesce(percent, '-') FROM reports`
	before, views := rows[string](t, path, kept), rows[string](t, path, shown)
	change(t, path, `DROP TABLE batch; DROP TABLE batched; 
		DROP VIEW reports; DROP VIEW reporters; ALTER TABLE report RENAME COLUMN shortfalls TO uptimes;
		UPDATE report SET uptimes = (SELECT json_group_array(CASE WHEN value IS NOT NULL THEN round(100 - value / 100.0, 2) END) FROM json_each(report.uptimes));
		CREATE VIEW reports AS SELECT uptimes FROM report; CREATE VIEW reporters AS SELECT uptimes FROM report; DELETE FROM goose_db_version WHERE version_id >= 7`)
	require.Equal(t, "[100.0,null,0.0]", rows[string](t, path, `SELECT uptimes FROM report`)[0])

	require.NoError(t, open(t, path).Close())
	require.Equal(t, before, rows[string](t, path, kept))
	require.Equal(t, views, rows[string](t, path, shown))
}
