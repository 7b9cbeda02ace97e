// Package planted proves the search: it builds the simulator with one bug after the other and lets
// it look.
//
// A bug is a file NN-name.patch, a unified diff against the module's root, whose first lines say
// what is planted. It is applied to copies and built with `go build -overlay`, so that the core
// holds no hook. Hunks are found by their lines, not by their numbers.
//
// The package is unstable: it serves its own test.
package planted

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed *.patch
var patches embed.FS

// Names returns the planted bugs in order.
func Names() ([]string, error) { return fs.Glob(patches, "*.patch") }

// ErrHunk reports a hunk whose lines are not in the file, or not just once: the code moved on, and
// the patch has to follow.
var ErrHunk = errors.New("hunk does not apply")

// Overlay applies a patch to copies of the files under root, in the folder dir, and returns the
// path of the overlay that `go build -overlay` reads.
func Overlay(name, root, dir string) (string, error) {
	text, err := patches.ReadFile(name)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for path, hunks := range parse(string(text)) {
		source, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return "", err
		}
		changed := string(source)
		for _, h := range hunks {
			if strings.Count(changed, h.old) != 1 {
				return "", fmt.Errorf("%w: %s: %s has its lines %d times:\n%s", ErrHunk, name, path, strings.Count(changed, h.old), h.old)
			}
			changed = strings.Replace(changed, h.old, h.new, 1)
		}
		copied := filepath.Join(dir, strings.ReplaceAll(path, "/", "_"))
		if err := os.WriteFile(copied, []byte(changed), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, path)] = copied
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}

// hunk is lines to be found and what takes their place.
type hunk struct{ old, new string }

// parse reads a unified diff: hunks by file. What comes before the first file is text for people.
func parse(text string) map[string][]hunk {
	files := map[string][]hunk{}
	file := ""
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "--- "):
		case strings.HasPrefix(line, "+++ b/"):
			file = strings.TrimSpace(strings.TrimPrefix(line, "+++ b/"))
		case strings.HasPrefix(line, "@@"):
			files[file] = append(files[file], hunk{})
		case file != "" && len(files[file]) > 0:
			h := &files[file][len(files[file])-1]
			rest := line[1:]
			if line[0] != '+' {
				h.old += rest
			}
			if line[0] != '-' {
				h.new += rest
			}
		}
	}
	return files
}
