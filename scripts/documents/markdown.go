package documents

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A block is a fenced code block of a document.
type block struct {
	document string // path from the root
	line     int    // number of its first line of text, from 1
	language string // info string of the fence: "go", "sh"
	text     string
}

// find returns the paths of all documents below the root. It skips test data, results and hidden
// folders.
func find(root fs.FS) ([]string, error) {
	var names []string
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && slices.ContainsFunc([]string{".", "_", "bin", "results", "testdata"}, func(prefix string) bool {
			return entry.Name() == prefix || len(prefix) == 1 && strings.HasPrefix(entry.Name(), prefix)
		}):
			return fs.SkipDir
		case !entry.IsDir() && path.Ext(name) == ".md":
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// blocks returns the document's fenced blocks in order.
func blocks(document, text string) []block {
	var (
		all   []block
		open  *block
		fence string
	)
	number := 0
	for line := range strings.Lines(text) {
		number++
		trimmed := strings.TrimSpace(line)
		switch {
		case open == nil && strings.HasPrefix(trimmed, "```"):
			language := strings.TrimLeft(trimmed, "`")
			fence = trimmed[:len(trimmed)-len(language)]
			open = &block{document: document, line: number + 1, language: strings.TrimSpace(language)}
		case open != nil && trimmed == fence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	return all
}
