package architecture

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestTextsReadAsEnglish(t *testing.T) {
	texts, err := documents(os.DirFS("../.."))
	require.NoError(t, err)
	require.Empty(t, strings.Join(checkIdioms(append(passages(everything(t)), texts...)), "\n"))
}

func TestEveryIdiomIsFound(t *testing.T) {
	for _, i := range idioms {
		var sample []string
		for _, alternatives := range i.parse().words {
			sample = append(sample, strings.ReplaceAll(alternatives[0], "*", "thing"))
		}
		text := passage{file: "a.md", line: 1, text: "This " + strings.Join(sample, " ") + " now."}
		require.NotEmpty(t, checkIdioms([]passage{text}), "the phrase %q", i.phrase)
	}
}

func TestIdiomsAreFound(t *testing.T) {
	const head = "// Package p is planted.\npackage p\n"
	cases := []struct{ what, file, text, want string }{
		{"in a comment", "metrics/a.go", head + "\n// Has tells whether.", `metrics/a.go:4: "tells whether": write reports whether`},
		{"in a later line of a comment", "metrics/a.go", head + "// X is.\n//\n// Rarely, seldom.", `metrics/a.go:5: "seldom": write rarely`},
		{"across a line break", "metrics/a.go", head + "// X is no\n// member.", `metrics/a.go:3: "is no member": write is not a …, are not …`},
		{"in a string", "metrics/a.go", head + "\nconst x = \"went for ever\"", `metrics/a.go:4: "for ever": write forever`},
		{"in a line of a raw string", "metrics/a.go", head + "const x = `a\nb seldom`", `metrics/a.go:4: "seldom": write rarely`},
		{"at the start of a sentence", "metrics/a.go", head + "// Whoever comes.", `metrics/a.go:3: "whoever": write anyone who, any caller, the member that`},
		{"in emphasised text", "docs/a.md", "# Title\n\nIt **goes on** with `x`.", `docs/a.md:3: "goes on": write continue`},
		{"in plain text of a document", "docs/a.md", "# Title\n\nIt goes on\nwith `x`.", `docs/a.md:3: "goes on": write continue`},
		{"in a script's comment", "scripts/a.sh", "set -e\n# it is\n# no member\n", `scripts/a.sh:2: "is no member": write is not a …, are not …`},
		{"in the Makefile", "Makefile", "x: ## run it anew\n", `Makefile:1: "anew": write again, from scratch`},
		{"not in code", "metrics/a.go", head + "var whoever int", ""},
		{"not in a path", "docs/a.md", "[text](nymapi/beside.go) and `beside.go`", ""},
		{"not across sentences", "docs/a.md", "What it is. No member is for. Ever", ""},
		{"not where it is good English", "docs/a.md", "There is no member. It is no longer one.", ""},
		{"not in recorded data", "docs/testdata/a.md", "lately", ""},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			found := checkIdioms(planted(t, c.file, c.text))
			require.Equal(t, c.want, strings.Join(found, "\n"))
		})
	}
}

// planted returns the passages of a tree of one file.
func planted(t *testing.T, file, text string) []passage {
	t.Helper()
	if strings.HasSuffix(file, ".go") {
		return passages(plant(t, file, text))
	}
	texts, err := documents(fstest.MapFS{file: {Data: []byte(text)}})
	require.NoError(t, err)
	return texts
}
