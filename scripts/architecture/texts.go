package architecture

import (
	"go/ast"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A passage is a piece of text that people read: a comment, a string literal, or a whole document.
type passage struct {
	file string // slash-separated path from the tree's root
	line int    // of its first line, from 1
	text string // without comment markers, one line of text for each line of the file
}

// passages returns the comments and the string literals of the sources.
func passages(sources []source) []passage {
	var all []passage
	for _, s := range sources {
		for _, group := range s.ast.Comments {
			all = append(all, passage{file: s.name, line: s.files.Position(group.Pos()).Line, text: commentText(s, group)})
		}
		ast.Inspect(s.ast, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					all = append(all, passage{file: s.name, line: s.files.Position(literal.Pos()).Line, text: text})
				}
			}
			return true
		})
	}
	return all
}

// commentText returns the group's text without its markers.
func commentText(s source, group *ast.CommentGroup) string {
	var text strings.Builder
	line := s.files.Position(group.Pos()).Line
	for _, comment := range group.List {
		for ; line < s.files.Position(comment.Pos()).Line; line++ {
			text.WriteByte('\n')
		}
		text.WriteString(strings.TrimSuffix(comment.Text[2:], "*/"))
		line += strings.Count(comment.Text, "\n")
	}
	return text.String()
}

// documentNames are the extensions and names of the files that people read, other than Go sources.
var documentNames = []string{".md", ".sh", ".html", ".toml", ".yml", "Makefile", "Dockerfile", ".ci/run"}

// skippedFolders hold generated, recorded and built files.
var skippedFolders = []string{".git", "bin", "results", "testdata"}

// documents reads every file below the root that documentNames covers.
func documents(tree fs.FS) ([]passage, error) {
	var all []passage
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skippedFolders, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || !slices.ContainsFunc(documentNames, func(known string) bool {
			return known == path.Ext(name) || known == path.Base(name) || known == name
		}):
			return nil
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		all = append(all, passage{file: name, line: 1, text: withoutMarkers(string(data))})
		return nil
	})
	return all, err
}

// withoutMarkers removes the # in front of comments, so that a phrase is found across a line break.
func withoutMarkers(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimLeft(line, "# \t")
	}
	return strings.Join(lines, "\n")
}
