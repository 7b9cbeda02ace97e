package documents

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A document is a Markdown file of the repository.
type document struct{ name, text string }

// read returns all documents of the repository.
func read(t *testing.T, root string) []document {
	t.Helper()
	names, err := find(os.DirFS(root))
	require.NoError(t, err)
	if len(names) == 0 {
		t.Log("the repository has no documents")
	}
	var all []document
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		all = append(all, document{name, string(text)})
	}
	return all
}

// repository returns the absolute path of the repository's root.
func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	return root
}

func TestGoCodeCompiles(t *testing.T) {
	root := repository(t)
	var code []block
	for _, d := range read(t, root) {
		for _, b := range blocks(d.name, d.text) {
			if b.language == "go" {
				code = append(code, b)
			}
		}
	}
	t.Logf("%d blocks of Go", len(code))
	c, err := newChecker(root, t.TempDir())
	require.NoError(t, err)
	said, err := c.compile(t.Context(), code)
	require.NoError(t, err)
	require.Empty(t, said)
}

func TestCommandsExist(t *testing.T) {
	root := repository(t)
	c, err := newChecker(root, t.TempDir())
	require.NoError(t, err)
	require.NoError(t, c.build(t.Context()))
	checked := 0
	for _, d := range read(t, root) {
		text := ""
		for _, b := range blocks(d.name, d.text) {
			if b.language == "sh" {
				text += b.text + "\n"
			}
		}
		for _, match := range inlineMake.FindAllStringSubmatch(d.text, -1) {
			text += match[1] + "\n"
		}
		for _, words := range commands(text) {
			checked++
			for _, wrong := range c.command(t.Context(), words) {
				t.Errorf("%s: %s: %s", d.name, strings.Join(words, " "), wrong)
			}
		}
	}
	t.Logf("%d commands", checked)
}

func TestLinksAreRight(t *testing.T) {
	root := os.DirFS(repository(t))
	checked := 0
	for _, d := range read(t, repository(t)) {
		for _, l := range links(d.name, d.text) {
			checked++
			if wrong := l.check(root); wrong != "" {
				t.Errorf("%s: [%s](%s): %s", d.name, l.text, l.target, wrong)
			}
		}
	}
	t.Logf("%d links", checked)
}
