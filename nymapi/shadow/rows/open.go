package rows

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
)

var (
	// ErrFile reports a file that cannot be read as a database.
	ErrFile = errors.New("cannot read the database")
	// ErrChanged reports a database that another program began to write to while it was read.
	ErrChanged = errors.New("another program began to write to the database while it was read (run the command again)")
)

// Options of SQLite: the file is never written to.
const (
	options   = "?mode=ro&_query_only=1&_txlock=deferred"
	immutable = "&immutable=1"
	waiting   = "&_busy_timeout=%d" // milliseconds
)

// patience is how long locks of other programs are awaited.
const patience = 5 * time.Second

// Database is an open database, as it was when it was opened: what other programs write later is
// not seen. It must not be used concurrently.
type Database struct {
	db   *sql.DB
	tx   *sql.Tx
	path string
	// before is what the file was when it was opened without locks, otherwise nil.
	before os.FileInfo
}

// Open opens a database for reading. The error wraps [ErrFile] and says what to do.
//
// SQLite cannot read a database in WAL mode without files next to it, which it creates if they do
// not exist. So a database in that mode whose log does not exist, because no program uses it, is
// read without locks, and [Database.Close] checks that it has not changed.
func Open(ctx context.Context, path string) (*Database, error) { return open(ctx, path, patience) }

func open(ctx context.Context, path string, wait time.Duration) (*Database, error) {
	before, err := checkFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrFile, path, err)
	}
	d := &Database{path: path, before: before}
	if err := d.begin(ctx, wait); err != nil {
		return nil, errors.Join(d.explain(err), d.db.Close())
	}
	return d, nil
}

// begin begins the transaction that is the snapshot.
func (d *Database) begin(ctx context.Context, wait time.Duration) (err error) {
	chosen := options + fmt.Sprintf(waiting, wait.Milliseconds())
	if d.before != nil {
		chosen = options + immutable
	}
	if d.db, err = sql.Open("sqlite3", database.Name(d.path, chosen)); err != nil {
		return err
	}
	d.db.SetMaxOpenConns(1)
	if d.tx, err = d.db.BeginTx(ctx, nil); err != nil {
		return err
	}
	var tables int // the first read begins the snapshot
	return d.tx.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master`).Scan(&tables)
}

// Close closes the database. The error is [ErrChanged] if what was read may be wrong.
func (d *Database) Close() error {
	_ = d.tx.Rollback() // nothing was written
	err := d.db.Close()
	if d.before == nil {
		return err
	}
	after, failed := os.Stat(d.path)
	if failed != nil || after.Size() != d.before.Size() || !after.ModTime().Equal(d.before.ModTime()) || exists(d.path+"-wal") {
		return fmt.Errorf("%s: %w", d.path, ErrChanged)
	}
	return err
}

// checkFile says what is wrong with a file that SQLite would report less clearly. It returns the
// file's state if it must be read without locks, otherwise nil.
func checkFile(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("it does not exist (give the db.sqlite of a Nym-API, or a copy of it)")
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file (give the db.sqlite of a Nym-API, or a copy of it)")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w (run the command as a user who may read it)", err)
	}
	defer file.Close()
	header := make([]byte, 20)
	if _, err := io.ReadFull(file, header); err != nil || !bytes.HasPrefix(header, []byte("SQLite format 3\x00")) {
		return nil, errors.New("it is not a SQLite database (give the db.sqlite of a Nym-API, or a copy of it)")
	}
	const wal = 2 // in the file's read version
	if header[19] == wal && !exists(path+"-wal") {
		return info, nil
	}
	return nil, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// explain says what to do about an error of SQLite. The advice of package diskfault is for
// programs that write.
func (d *Database) explain(err error) error {
	advice := fmt.Sprintf("make a copy where you may write, with: sqlite3 %s \"VACUUM INTO '/tmp/copy.sqlite'\", and give that", d.path)
	switch diskfault.Of(err) {
	case diskfault.None:
		return fmt.Errorf("%w %s: %w", ErrFile, d.path, err)
	case diskfault.Locked:
		advice = "another program has locked it; run the command again later, or " + advice
	case diskfault.Damaged:
		advice = "the file is damaged, or was copied while it was in use; " + advice + ", from the original"
	default:
		if exists(d.path + "-wal") {
			advice = "it has a write-ahead log, for which SQLite needs a file " + d.path + "-shm that it may write to; " + advice +
				", as a user who may write to the original"
		}
	}
	return fmt.Errorf("%w %s: %v (%s)", ErrFile, d.path, err, advice)
}
