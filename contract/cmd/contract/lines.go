package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// screenWidth is that of the narrowest usual terminal, in columns.
const screenWidth = 80

// writeText writes a paragraph in lines that fit, of which all but the first are indented. A longer
// word has a line of its own.
func writeText(out *strings.Builder, format string, values ...any) {
	line := ""
	for i, word := range strings.Split(fmt.Sprintf(format, values...), " ") {
		switch {
		case i == 0:
			line = word
		case text.RuneWidthWithoutEscSequences(line)+1+text.RuneWidthWithoutEscSequences(word) <= screenWidth:
			line += " " + word
		default:
			fmt.Fprintln(out, line)
			line = "  " + word
		}
	}
	fmt.Fprintln(out, line)
}

// writeTitle writes which database is shown and what of it. A long path has a line of its own, so
// that it can be copied.
func writeTitle(out *strings.Builder, path, what string) {
	if text.RuneWidthWithoutEscSequences(path+": "+what) <= screenWidth {
		fmt.Fprintf(out, "%s: %s\n", path, what)
		return
	}
	fmt.Fprintf(out, "%s:\n", path)
	writeText(out, "%s", what)
}
