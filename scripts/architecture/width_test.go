package architecture

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommentsFit(t *testing.T) {
	require.Empty(t, strings.Join(checkWidth(everything(t)), "\n"))
}

func TestWideCommentsAreFound(t *testing.T) {
	const head = "// Package p is planted.\npackage p\n"
	wide := func(columns int) string { return "// " + strings.Repeat("x", columns-3) }
	cases := []struct{ what, file, text, want string }{
		{"a comment that just fits", "metrics/a.go", wide(100), ""},
		{"one column too many", "metrics/a.go", wide(101), "metrics/a.go:3: comment to column 101, at most 100: wrap it, or move it above the line"},
		{"runes count, not bytes", "metrics/a.go", "// " + strings.Repeat("≤", 97), ""},
		{"a tab counts as one column", "metrics/a.go", "func f() {\n\t" + wide(99) + "\n}", ""},
		{
			"the code in front of a trailing comment counts", "metrics/a.go", "var " + strings.Repeat("x", 80) + " int // of things, in order",
			"metrics/a.go:3: comment to column 111, at most 100: wrap it, or move it above the line",
		},
		{"a line inside a block comment", "metrics/a.go", "/*\n\n" + strings.Repeat("x", 101) + "\n*/", "metrics/a.go:5: comment to column 101, at most 100: wrap it, or move it above the line"},
		{"code alone is not checked", "metrics/a.go", "var " + strings.Repeat("x", 200) + " int", ""},
		{"a directive", "metrics/a.go", "//go:generate " + strings.Repeat("x", 100), ""},
		{"a URL", "metrics/a.go", "// https://" + strings.Repeat("x", 100), ""},
		{"prose with a URL", "metrics/a.go", "// see also https://" + strings.Repeat("x", 100), "metrics/a.go:3: comment to column 120, at most 100: wrap it, or move it above the line"},
		{"the output of an example", "metrics/a_test.go", "func ExampleF() {\n\t// Output: " + strings.Repeat("x", 100) + "\n}", ""},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			require.Equal(t, c.want, strings.Join(checkWidth(plant(t, c.file, head+c.text)), "\n"))
		})
	}
}
