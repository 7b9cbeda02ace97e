package database_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
)

var schema = fstest.MapFS{"migrations/00001_notes.sql": {Data: []byte("-- +goose Up\nCREATE TABLE notes (text BLOB NOT NULL);\n")}}

// lines passes on log lines.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func newLog() (*slog.Logger, lines) {
	l := make(lines, 100)
	return slog.New(slog.NewTextHandler(l, nil)), l
}

// open opens a new database, whose log lines arrive in the returned channel.
func open(t *testing.T, path string, most time.Duration) (*database.DB, lines) {
	t.Helper()
	logger, log := newLog()
	db, err := database.Open(t.Context(), database.Config{Path: path, Migrations: schema, Wait: most, Log: logger})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, log
}

// lock holds the write lock of a file, as another program does, until release is called.
func lock(t *testing.T, path string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite3", database.Name(path, "?mode=rw&_txlock=immediate"))
	require.NoError(t, err)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	return func() {
		require.NoError(t, tx.Rollback())
		require.NoError(t, db.Close())
	}
}

func insert(ctx context.Context, db *database.DB, text []byte) error {
	return db.Write(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO notes VALUES (?)`, text)
		return err
	})
}

func count(t *testing.T, db *database.DB) (rows int) {
	t.Helper()
	require.NoError(t, db.Get(&rows, `SELECT count(*) FROM notes`))
	return rows
}

func TestWritesWaitForAnotherProgramsLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.sqlite")
	db, log := open(t, path, 0)
	for name, write := range map[string]func() error{
		"transaction": func() error { return insert(t.Context(), db, []byte("a")) },
		"statement": func() error {
			_, err := db.ExecContext(t.Context(), `INSERT INTO notes VALUES ('b')`)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := count(t, db)
			release := lock(t, path)
			written := make(chan error, 1)
			go func() { written <- write() }()
			require.Contains(t, <-log, "another program that has locked the database")
			require.Empty(t, written)
			release()
			require.NoError(t, <-written)
			require.Equal(t, before+1, count(t, db))
			require.Contains(t, <-log, "takes writes again")
		})
	}
}

func TestOpeningWaitsForAnotherProgramsLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.sqlite")
	first, err := database.Open(t.Context(), database.Config{Path: path, Migrations: schema})
	require.NoError(t, err)
	require.NoError(t, first.Close())
	release := lock(t, path)
	opened := make(chan error, 1)
	logger, log := newLog()
	go func() {
		db, err := database.Open(t.Context(), database.Config{
			Path: path, Log: logger, Migrations: fstest.MapFS{"migrations/00001_notes.sql": schema["migrations/00001_notes.sql"], "migrations/00002_more.sql": {Data: []byte("-- +goose Up\nCREATE TABLE more (text BLOB);\n")}},
		})
		if err == nil {
			err = db.Close()
		}
		opened <- err
	}()
	require.Contains(t, <-log, "another program that has locked the database")
	require.Empty(t, opened)
	release()
	require.NoError(t, <-opened)
}

func TestWaitEndsWithItsBoundOrContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.sqlite")
	bounded, log := open(t, path, time.Millisecond)
	patient, _ := open(t, path, 0)
	release := lock(t, path)
	defer release()
	for range 5 { // a caller that comes back at once
		err := insert(t.Context(), bounded, nil)
		require.Equal(t, diskfault.Locked, diskfault.Of(err), "%v", err)
	}
	require.Len(t, log, 1, "one line a minute")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.Error(t, insert(ctx, patient, nil))
	require.Zero(t, count(t, patient))
}

func TestWritesWaitForRoom(t *testing.T) {
	db, log := open(t, filepath.Join(t.TempDir(), "notes.sqlite"), 0)
	var pages int
	require.NoError(t, db.Get(&pages, `PRAGMA max_page_count = 1`)) // as many as there are
	written := make(chan error, 1)
	go func() { written <- insert(t.Context(), db, make([]byte, 1<<16)) }()
	require.Contains(t, <-log, "room on the disk")
	require.Empty(t, written)
	require.Zero(t, count(t, db))
	require.NoError(t, db.Get(&pages, `PRAGMA max_page_count = 1000000`))
	require.NoError(t, <-written)
	require.Equal(t, 1, count(t, db))
}

// Each path is that of its file, and of no other.
func TestAnyPathIsOpened(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	require.NoError(t, err)
	for _, path := range []string{
		"a b", " a ", "a?mode=ro", "a%20b%zz", "a#b", "a;b&c=d", "a:b", "file:a", ":memory:", "-a", `a'b"c`, "äöü日本", "a\nb", "a\xffb", `a\b`,
		"./a", "//" + here + "/two", here + "//three", "..//" + filepath.Base(here) + "/four",
	} {
		require.NoError(t, os.Mkdir("other", 0o700))
		require.NoFileExists(t, path)
		db, err := database.Open(t.Context(), database.Config{Path: path, Migrations: schema})
		require.NoError(t, err, path)
		require.NoError(t, insert(t.Context(), db, []byte(path)))
		require.FileExists(t, path)
		copied := path + ".copy"
		_, err = db.ExecContext(t.Context(), `VACUUM INTO ?`, database.Name(copied, ""))
		require.NoError(t, err, path)
		require.FileExists(t, copied)
		require.NoError(t, db.Close())
		entries, err := os.ReadDir(".")
		require.NoError(t, err)
		require.Len(t, entries, 3, "%q", path)
		for _, name := range []string{path, copied, "other"} {
			require.NoError(t, os.Remove(name))
		}
	}
}

// SQLite has a bound, which is said.
func TestLongPathIsRefusedWithAdvice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("a", 200), strings.Repeat("b", 200))
	require.NoError(t, os.MkdirAll(dir, 0o700))
	_, err := database.Open(t.Context(), database.Config{Path: filepath.Join(dir, strings.Repeat("c", 200)), Migrations: schema})
	require.Equal(t, diskfault.NotOpened, diskfault.Of(err))
	require.Contains(t, diskfault.Advice(err), "at most 500 bytes")
	fits := filepath.Join(dir, strings.Repeat("c", 499-len(dir)))
	require.Len(t, fits, 500)
	db, err := database.Open(t.Context(), database.Config{Path: fits, Migrations: schema})
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

const lockedByChild = "DATABASE_TEST_LOCKED"

func TestErrorNamesTheProcessThatHoldsTheLock(t *testing.T) {
	if path := os.Getenv(lockedByChild); path != "" { // the child: holds the lock until its input ends
		release := lock(t, path)
		_, _ = os.Stdout.WriteString("held")
		_, _ = io.Copy(io.Discard, os.Stdin)
		release()
		return
	}
	if _, err := os.Stat("/proc/locks"); err != nil {
		t.Skip("this system does not tell who holds a lock: ", err)
	}
	path := filepath.Join(t.TempDir(), "notes.sqlite")
	db, _ := open(t, path, time.Millisecond)
	require.NoError(t, insert(t.Context(), db, []byte("a")))
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), lockedByChild+"="+path)
	in, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	_, err = io.ReadFull(out, make([]byte, len("held")))
	require.NoError(t, err)
	err = insert(t.Context(), db, []byte("a"))
	require.Equal(t, diskfault.Locked, diskfault.Of(err))
	require.ErrorContains(t, err, fmt.Sprintf("%s, held by process %d)", path, child.Process.Pid))
	require.Equal(t, err, database.NameHolders(err, path), "named once")
	require.NoError(t, in.Close())
	require.NoError(t, child.Wait())
}
