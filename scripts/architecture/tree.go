package architecture

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// drawing is the document that shows the folders as a tree, in a fenced block with the language
// tree.
const drawing = "docs/ARCHITECTURE.md"

// A branch is a folder in the drawing's tree.
type branch struct {
	line   int
	folder string // path from the repository's root
}

// treeLine matches a line of the tree: two spaces for each level, the folder's name with a slash
// behind it, and what the folder is for.
var treeLine = regexp.MustCompile(`^((?:  )*)([^\s/]+(?:/[^\s/]+)*)/ +\S`)

// parseTree returns the folders of the tree in a document, and what is wrong with its lines.
func parseTree(text string) (branches []branch, wrong []string) {
	var above []string // the folders from the root to the last line
	inside := false
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\n")
		switch match := treeLine.FindStringSubmatch(line); {
		case !inside:
			inside = line == "```tree"
		case line == "```":
			inside = false
		case match == nil || len(match[1])/2 > len(above):
			wrong = append(wrong, fmt.Sprintf("%s:%d: not a line of the tree: expected two spaces a level, the folder with a slash behind it, and a description", drawing, number))
		default:
			above = append(slices.Clone(above[:len(match[1])/2]), match[2])
			branches = append(branches, branch{line: number, folder: path.Join(above...)})
		}
	}
	return branches, wrong
}

// checkTree compares the drawing's tree with the folders of the repository: each folder of the tree
// exists and is drawn once, and each package is in a folder of the tree.
func checkTree(root fs.FS, sources []source) ([]string, error) {
	text, err := fs.ReadFile(root, drawing)
	if err != nil {
		return nil, err
	}
	branches, found := parseTree(string(text))
	drawn := map[string]bool{}
	for _, b := range branches {
		if info, err := fs.Stat(root, b.folder); err != nil || !info.IsDir() {
			found = append(found, fmt.Sprintf("%s:%d: the folder %s does not exist: remove its line", drawing, b.line, b.folder))
		}
		if drawn[b.folder] {
			found = append(found, fmt.Sprintf("%s:%d: the folder %s has two lines", drawing, b.line, b.folder))
		}
		drawn[b.folder] = true
	}
	for _, s := range sources {
		if !drawn[s.folder] {
			found = append(found, fmt.Sprintf("%s: the folder %s is missing in the tree of %s: add a line", s.name, s.folder, drawing))
			drawn[s.folder] = true // one message is enough
		}
	}
	return found, nil
}
