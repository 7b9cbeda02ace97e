package documents

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A link is an inline link to a file of the repository.
type link struct {
	document string // path of the document that contains it, from the root
	text     string
	target   string // path of the file from the root
	anchor   string // without #, may be empty
}

// inlineLink matches an inline link.
var inlineLink = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)\)`)

// links returns the document's links to files of the repository. It ignores URLs.
func links(document, text string) []link {
	for _, b := range blocks(document, text) {
		text = strings.Replace(text, b.text, "", 1)
	}
	var all []link
	for _, match := range inlineLink.FindAllStringSubmatch(text, -1) {
		target, anchor, _ := strings.Cut(match[2], "#")
		if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
			continue
		}
		l := link{document: document, text: match[1], target: document, anchor: anchor}
		if target != "" {
			l.target = path.Join(path.Dir(document), target)
		}
		all = append(all, l)
	}
	return all
}

// check returns what is wrong with the link, or "". The target must exist. An anchor must be a
// heading of a document, or a line of another file. If the text is a Go name in backticks and the
// target is a Go file or package, the name must be declared there.
func (l link) check(root fs.FS) string {
	info, err := fs.Stat(root, l.target)
	if err != nil {
		return "no such file"
	}
	if l.anchor != "" {
		if wrong := l.checkAnchor(root, info.IsDir()); wrong != "" {
			return wrong
		}
	}
	name := goName.FindStringSubmatch(l.text)
	if name == nil {
		return ""
	}
	declared, err := declarations(root, l.target, info.IsDir())
	if err != nil {
		return err.Error()
	}
	if len(declared) > 0 && !declared[name[1]] {
		return "the target does not declare " + name[1]
	}
	return ""
}

// lineAnchor matches the anchor of a line, or of several.
var lineAnchor = regexp.MustCompile(`^L(\d+)(?:-L(\d+))?$`)

func (l link) checkAnchor(root fs.FS, folder bool) string {
	if folder {
		return "a folder has no anchors"
	}
	text, err := fs.ReadFile(root, l.target)
	if err != nil {
		return err.Error()
	}
	if path.Ext(l.target) == ".md" {
		if !slices.Contains(headings(l.target, string(text)), l.anchor) {
			return "no heading #" + l.anchor
		}
		return ""
	}
	match := lineAnchor.FindStringSubmatch(l.anchor)
	if match == nil {
		return "only documents have headings"
	}
	lines := strings.Count(string(text), "\n")
	for _, number := range match[1:] {
		if n, err := strconv.Atoi(number); err == nil && n > lines {
			return fmt.Sprintf("line %d of %d", n, lines)
		}
	}
	return ""
}

// heading matches a heading in ATX form.
var heading = regexp.MustCompile(`(?m)^#{1,6} +(.*?) *#*$`)

// headings returns the anchors of a document's headings, as GitHub makes them: in lower case,
// without punctuation, with hyphens for spaces, and numbered where they repeat.
func headings(document, text string) []string {
	for _, b := range blocks(document, text) {
		text = strings.Replace(text, b.text, "", 1)
	}
	var anchors []string
	count := map[string]int{}
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		title := inlineLink.ReplaceAllString(match[1], "$1")
		anchor := strings.ReplaceAll(unanchored.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
		if n := count[anchor]; n > 0 {
			anchors = append(anchors, fmt.Sprintf("%s-%d", anchor, n))
		} else {
			anchors = append(anchors, anchor)
		}
		count[anchor]++
	}
	return anchors
}

// unanchored matches what an anchor leaves out of its heading.
var unanchored = regexp.MustCompile(`[^\p{L}\p{N}\p{M}_ -]`)
