// Package results is the folder to which a run of a command writes what it found: one folder for
// each run, in which every file is written whole or not at all, and a link to the newest finished
// run.
package results

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

// Dir is the default folder of results, and Latest the link in it to those of the newest finished
// run.
const (
	Dir    = "results"
	Latest = "latest"
)

// Folder is the folder to which a run writes its results.
type Folder struct {
	Path string
	// latest is the link that Finish moves to the folder, empty for a folder that the user chose.
	latest string
}

// New creates the folder of a run: out, which must be new or empty, or parent/<time> in the
// current folder if out is "". The error names the flag --out.
func New(parent, out string, now time.Time) (Folder, error) {
	f := Folder{Path: filepath.Clean(out)}
	if out == "" {
		name := now.UTC().Format("20060102T150405.000Z")
		f = Folder{Path: filepath.Join(parent, name), latest: filepath.Join(parent, Latest)}
	}
	entries, err := os.ReadDir(f.Path)
	switch {
	case err == nil && len(entries) > 0:
		return Folder{}, fmt.Errorf("--out %s: expected a new or an empty folder; give another one, or remove it", f.Path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return Folder{}, fmt.Errorf("--out: expected a folder: %w", err)
	}
	return f, f.Make("")
}

// Make creates a folder in the folder.
func (f Folder) Make(name string) error {
	if err := os.MkdirAll(filepath.Join(f.Path, name), 0o755); err != nil {
		return fmt.Errorf("--out: create the folder of the results: %w; give one that you may write to", err)
	}
	return nil
}

// Write writes a file atomically.
func (f Folder) Write(name string, content func(io.Writer) error) error {
	path := filepath.Join(f.Path, name)
	file, err := os.CreateTemp(f.Path, "."+name+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(file.Name()) // fails after the file was renamed
	err = content(file)
	if err == nil {
		err = file.Chmod(0o644)
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = files.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Finish points the link to the newest results to this folder.
func (f Folder) Finish() error {
	if f.latest == "" {
		return nil
	}
	if info, err := os.Lstat(f.latest); err == nil && info.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("link %s: it is not a link to earlier results (move it away)", f.latest)
	}
	next := f.latest + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("link %s: %w", f.latest, err)
	}
	if err := os.Symlink(filepath.Base(f.Path), next); err != nil {
		return fmt.Errorf("link %s: %w", f.latest, err)
	}
	if err := os.Rename(next, f.latest); err != nil {
		return fmt.Errorf("link %s: %w", f.latest, err)
	}
	return nil
}
