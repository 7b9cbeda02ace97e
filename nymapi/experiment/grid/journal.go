package grid

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
)

// ErrFolder reports a folder for results that this plan cannot use.
var ErrFolder = errors.New("bad folder for results")

// The files of a folder, with results.File.
const (
	journalFile = "journal"
	lockFile    = "lock"
)

// Journal is the results of finished runs in a folder: a line that describes the configuration, and
// one for each run, in the order in which they ended. A process that is killed leaves a last line
// that is torn at worst, which is dropped. It is not safe for concurrent use.
type Journal struct {
	folder  string
	plan    *Plan
	file    *os.File
	lock    *os.File
	records map[int]record
	dropped int64 // bytes that were not valid
	begun   bool  // by this process
}

// Open opens the journal of the plan in a folder, which is new, empty, or has results of the same
// plan. The folder is locked until Close. The error wraps [ErrFolder] and names the flag if another
// folder is necessary.
func Open(folder string, plan *Plan) (*Journal, error) {
	if err := usable(folder); err != nil {
		return nil, err
	}
	lock, err := lockfile.Take(filepath.Join(folder, lockFile), fmt.Errorf("%w: --out %s: in use by another process; wait for it, or give another folder", ErrFolder, folder))
	if err != nil {
		return nil, err
	}
	j := &Journal{folder: folder, plan: plan, lock: lock, records: map[int]record{}}
	if err := j.open(); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// usable creates the folder unless it exists, and refuses one with other files.
func usable(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(folder, 0o755)
	}
	if err != nil {
		return fmt.Errorf("%w: --out: %w; give a folder that you may write to", ErrFolder, err)
	}
	if len(entries) == 0 {
		return nil
	}
	for _, entry := range entries {
		if entry.Name() == journalFile || entry.Name() == lockFile {
			return nil
		}
	}
	return fmt.Errorf("%w: --out %s: it has other files; give a new or an empty folder, or one with results to continue", ErrFolder, folder)
}

func (j *Journal) open() error {
	path := filepath.Join(j.folder, journalFile)
	if err := files.CheckReplaceable(path); err != nil {
		return fmt.Errorf("%w: --out: %w; give another folder", ErrFolder, err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("%w: --out: open the journal: %w; give a folder that you may write to", ErrFolder, err)
	}
	j.file = file
	kept, err := j.read()
	if err != nil {
		return err
	}
	if err := j.truncate(kept); err != nil {
		return fmt.Errorf("continue %s: %w", path, err)
	}
	if kept == 0 {
		j.begun = true
		return j.write(j.plan.configuration())
	}
	return nil
}

// truncate removes what is not valid after the first bytes, and lets the next line follow them.
func (j *Journal) truncate(kept int64) error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	j.dropped = info.Size() - kept
	if err := j.file.Truncate(kept); err != nil {
		return err
	}
	_, err = j.file.Seek(kept, io.SeekStart)
	return err
}

// read reads all valid lines before the first that is not, and returns how many bytes they have.
func (j *Journal) read() (kept int64, err error) {
	input := bufio.NewReaderSize(j.file, 1<<16)
	for first := true; ; first = false {
		text, err := input.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("read the journal in %s: %w", j.folder, err)
		}
		content, whole := bytes.CutSuffix(text, []byte("\n"))
		switch {
		case first && (!whole || len(content) == 0):
			return 0, j.unstarted(text)
		case !whole:
			return kept, nil
		case first:
			if err := j.matches(content); err != nil {
				return 0, err
			}
		case !j.learn(content):
			return kept, nil
		}
		kept += int64(len(text))
	}
}

// unstarted returns nil if the only line of a journal is the beginning of what this plan writes: a
// process was killed while it created the file.
func (j *Journal) unstarted(text []byte) error {
	begin, err := line(j.plan.configuration())
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(begin, text) {
		return j.foreign()
	}
	return nil
}

func (j *Journal) foreign() error {
	return fmt.Errorf("%w: --out %s: its file %s is not a journal of this program; give another folder", ErrFolder, j.folder, journalFile)
}

// matches checks the first line.
func (j *Journal) matches(content []byte) error {
	var found configuration
	if !parse(content, &found) {
		return j.foreign()
	}
	if difference := found.differs(j.plan.configuration()); difference != "" {
		return fmt.Errorf("%w: --out %s: it has results %s; give another folder, or the flags with which it began", ErrFolder, j.folder, difference)
	}
	return nil
}

// learn remembers the results of a line. It returns false if they are not valid.
func (j *Journal) learn(content []byte) bool {
	var r record
	if !parse(content, &r) || !j.plan.valid(r) {
		return false
	}
	j.records[r.Run] = r
	return true
}

// Done returns the number of runs with results.
func (j *Journal) Done() int { return len(j.records) }

// Dropped returns how many bytes at the end of the journal were damaged, and whose runs are played
// again.
func (j *Journal) Dropped() int64 { return j.dropped }

// add writes the results of a run, unless they are known.
func (j *Journal) add(r record) error {
	if _, known := j.records[r.Run]; known {
		return nil
	}
	if err := j.write(r); err != nil {
		return err
	}
	j.records[r.Run] = r
	return nil
}

// write appends a line. It is in the file even if the process is killed right after, and on the
// disk after [Journal.Close].
func (j *Journal) write(value any) error {
	content, err := line(value)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(content); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// Close syncs the journal and releases the folder.
func (j *Journal) Close() error {
	var err error
	if j.file != nil {
		err = errors.Join(j.file.Sync(), j.file.Close())
	}
	return errors.Join(err, j.lock.Close())
}

// Discard closes a journal that will not be used. If this process began it, its files are removed,
// and its folder if nothing else is in it.
func (j *Journal) Discard() error {
	err := j.Close()
	if !j.begun {
		return err
	}
	err = errors.Join(err, os.Remove(filepath.Join(j.folder, journalFile)), os.Remove(filepath.Join(j.folder, lockFile)))
	_ = os.Remove(j.folder) // fails if it has other files
	return err
}
