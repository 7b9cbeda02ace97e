// Package paragraph breaks printed texts into lines.
package paragraph

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Width is that of the narrowest usual terminal, in columns.
const Width = 80

// Wrap breaks a paragraph at spaces into lines of at most Width columns.
func Wrap(paragraph string) string {
	lines := strings.Split(text.WrapSoft(paragraph, Width), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ") // WrapSoft pads lines
	}
	return strings.Join(lines, "\n")
}
