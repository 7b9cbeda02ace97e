package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

// ResultsDir is the default folder of results, in which latestLink points to the newest finished
// run.
const (
	ResultsDir = "results"
	latestLink = "latest"
)

// Folder is the folder to which a run writes its results.
type Folder struct {
	Path string
	// latest is the link that Finish moves to the folder, empty for a folder that the user chose.
	latest string
}

// NewFolder creates the folder of a run: out, which must be new or empty, or results/<time> in the
// current folder if out is "", with a folder for each mode. The error names the flag.
func NewFolder(out string, now time.Time, modes ...Mode) (Folder, error) {
	f := Folder{Path: filepath.Clean(out)}
	if out == "" {
		name := now.UTC().Format("20060102T150405.000Z")
		f = Folder{Path: filepath.Join(ResultsDir, name), latest: filepath.Join(ResultsDir, latestLink)}
	}
	entries, err := os.ReadDir(f.Path)
	switch {
	case err == nil && len(entries) > 0:
		return Folder{}, wrong("out", f.Path, "a new or an empty folder", "give another one, or remove it")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return Folder{}, fmt.Errorf("--out: expected a folder: %w", err)
	}
	if err := os.MkdirAll(f.Path, 0o755); err != nil {
		return Folder{}, fmt.Errorf("--out: create the folder of the results: %w; give one that you may write to", err)
	}
	for _, mode := range modes {
		if err := os.MkdirAll(f.mode(mode), 0o755); err != nil {
			return Folder{}, fmt.Errorf("--out: create the folder of the results: %w; give one that you may write to", err)
		}
	}
	return f, nil
}

func (f Folder) mode(mode Mode) string { return filepath.Join(f.Path, string(mode)) }

// Evidence returns the folder of what verifies the epochs of a mode.
func (f Folder) Evidence(mode Mode) string { return f.mode(mode) }

// Database returns the path of the contract's database of a mode.
func (f Folder) Database(mode Mode) string { return filepath.Join(f.mode(mode), "contract.db") }

// Write writes summary.json, rewards.csv and index.html of the last scene, each atomically. The
// outcomes are those of the last scene.
func (f Folder) Write(scenes []Scene, outcomes []Outcome) error {
	last := scenes[len(scenes)-1]
	if err := f.write("summary.json", last.Summary.WriteJSON); err != nil {
		return err
	}
	if err := f.write("rewards.csv", func(w io.Writer) error { return WriteRewards(w, last.Plan, outcomes) }); err != nil {
		return err
	}
	return f.write(reportFile, func(w io.Writer) error { return WriteReport(w, scenes, outcomes) })
}

// WriteJSON writes the content of summary.json.
func (s Summary) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}

func (f Folder) write(name string, content func(io.Writer) error) error {
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
