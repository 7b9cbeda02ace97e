package architecture

import (
	"fmt"
	"go/ast"
	"regexp"
	"strings"
	"unicode/utf8"
)

// directive matches comments that tools read, which must stay on one line.
var directive = regexp.MustCompile(`^//(go:|nolint|line |lint:|export )`)

// exampleOutput matches the comment of an example function that holds the expected output.
var exampleOutput = regexp.MustCompile(`(?i)^//\s*(unordered )?output:`)

// checkWidth reports each line with a comment that ends beyond column maxColumns. The code in front
// of a trailing comment counts, and a tab counts as one column. Directives, the expected output of
// examples, and URLs that fill a line of their own cannot be wrapped, so they are exempt.
func checkWidth(sources []source) []string {
	var found []string
	for _, s := range sources {
		lines := strings.Split(s.text, "\n")
		for _, group := range s.ast.Comments {
			if s.test && exampleOutput.MatchString(group.List[0].Text) {
				continue
			}
			for _, comment := range group.List {
				found = append(found, checkCommentWidth(s, lines, comment)...)
			}
		}
	}
	return found
}

func checkCommentWidth(s source, lines []string, comment *ast.Comment) []string {
	if directive.MatchString(comment.Text) {
		return nil
	}
	var found []string
	first, last := s.files.Position(comment.Pos()).Line, s.files.Position(comment.End()).Line
	for number := first; number <= last; number++ {
		line := strings.TrimRight(lines[number-1], "\r")
		if columns := utf8.RuneCountInString(line); columns > maxColumns && !isBareURL(line) {
			found = append(found, fmt.Sprintf("%s:%d: comment to column %d, at most %d: wrap it, or move it above the line", s.name, number, columns, maxColumns))
		}
	}
	return found
}

// isBareURL reports whether the line is a comment that holds a URL with at most one word in front
// of it.
func isBareURL(line string) bool {
	words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "//"))
	return len(words) > 0 && len(words) <= 2 && strings.Contains(words[len(words)-1], "://")
}
