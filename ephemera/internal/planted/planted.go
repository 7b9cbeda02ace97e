// Package planted shows that the search finds bugs. Its test builds the simulator with one planted
// bug after the other and searches for it.
//
// A bug is a file NN-name.patch. It is a unified diff against the module's root, and the lines
// before the diff say what is planted. The patch is applied to copies, which are built with `go
// build -overlay`, so that the core needs no hooks. Hunks are found by their lines, not by their
// line numbers: keep comments out of their context.
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

// ErrHunk reports a hunk whose lines are not in the file exactly once: the code has changed, and
// the patch has to follow.
var ErrHunk = errors.New("hunk does not apply")

// Overlay applies a patch to copies of the files under root, in folder dir. It returns the path of
// the overlay for `go build -overlay`.
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
				return "", fmt.Errorf("%w: %s: its lines are in %s %d times, expected once:\n%s", ErrHunk, name, path, strings.Count(changed, h.old), h.old)
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

// hunk is lines to find, and the lines that replace them.
type hunk struct{ old, new string }

// parse returns the hunks of a unified diff by file. Text before the first file is a description.
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
