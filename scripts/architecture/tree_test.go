package architecture

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestTreeShowsEveryPackage(t *testing.T) {
	found, err := checkTree(os.DirFS("../.."), everything(t))
	require.NoError(t, err)
	for _, f := range found {
		t.Error(f)
	}
}

func TestWrongTreesAreFound(t *testing.T) {
	const format = ": not a line of the tree: expected two spaces a level, the folder with a slash behind it, and a description"
	const right = "metrics/   first\n  cmd/m/   a command\n  world/   second\ndocs/   documents\n"
	cases := []struct{ what, tree, want string }{
		{"the right one", right, ""},
		{"a folder that does not exist", right + "scripts/   tools\n", "docs/ARCHITECTURE.md:8: the folder scripts does not exist: remove its line"},
		{"a file", right + "go.work/   a file\n", "docs/ARCHITECTURE.md:8: the folder go.work does not exist: remove its line"},
		{"a folder under the wrong one", strings.Replace(right, "  world", "world", 1), "docs/ARCHITECTURE.md:6: the folder world does not exist: remove its line\n" +
			"metrics/world/v.go: the folder metrics/world is missing in the tree of docs/ARCHITECTURE.md: add a line"},
		{"a package without a line", strings.Replace(right, "  world/   second\n", "", 1), "metrics/world/v.go: the folder metrics/world is missing in the tree of docs/ARCHITECTURE.md: add a line"},
		{"two lines", right + "docs/   documents\n", "docs/ARCHITECTURE.md:8: the folder docs has two lines"},
		{"no description", right + "docs/\n", "docs/ARCHITECTURE.md:8" + format},
		{"no slash", right + "docs   documents\n", "docs/ARCHITECTURE.md:8" + format},
		{"an odd indent", right + "   docs/   documents\n", "docs/ARCHITECTURE.md:8" + format},
		{"a level is missing", right + "    docs/   documents\n", "docs/ARCHITECTURE.md:8" + format},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			root := fstest.MapFS{
				"docs/ARCHITECTURE.md": {Data: []byte("# Title\n\n```tree\n" + c.tree + "```\n\nothers/   text\n")},
				"go.work":              {Data: []byte("go 1.26.0\n")},
				"metrics/m.go":         {Data: []byte("package metrics\n")},
				"metrics/cmd/m/m.go":   {Data: []byte("package main\n")},
				"metrics/world/w.go":   {Data: []byte("package world\n")},
				"metrics/world/v.go":   {Data: []byte("package world\n")},
			}
			all, err := parse(root, []string{"metrics"})
			require.NoError(t, err)
			found, err := checkTree(root, all)
			require.NoError(t, err)
			require.Equal(t, c.want, strings.Join(found, "\n"))
		})
	}
}
