package compare

import (
	"encoding/json"
	"io"
	"path/filepath"
	"time"

	"github.com/ephemera-go/nym-rewarding/nymapi/results"
)

// ResultsDir is the default folder of results.
const ResultsDir = results.Dir

// Folder is the folder to which a run writes its results.
type Folder struct{ results.Folder }

// NewFolder creates the folder of a run: out, which must be new or empty, or results/<time> in the
// current folder if out is "", with a folder for each mode. The error names the flag.
func NewFolder(out string, now time.Time, modes ...Mode) (Folder, error) {
	created, err := results.New(ResultsDir, out, now)
	if err != nil {
		return Folder{}, err
	}
	for _, mode := range modes {
		if err := created.Make(string(mode)); err != nil {
			return Folder{}, err
		}
	}
	return Folder{created}, nil
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
	if err := f.Folder.Write("summary.json", last.Summary.WriteJSON); err != nil {
		return err
	}
	if err := f.Folder.Write("rewards.csv", func(w io.Writer) error { return WriteRewards(w, last.Plan, outcomes) }); err != nil {
		return err
	}
	return f.Folder.Write(reportFile, func(w io.Writer) error { return WriteReport(w, scenes, outcomes) })
}

// WriteJSON writes the content of summary.json.
func (s Summary) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}
