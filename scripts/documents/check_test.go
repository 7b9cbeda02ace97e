package documents

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const sample = "# Title\n\nSee [there](docs/a.md#part) and [the web](https://example.org), [here](#title).\n" +
	"Say `make sure` and `make nothing`.\n\n```go\npackage main\n\nfunc main() {}\n```\n\n" +
	"````sh\n$ make compare ARGS='--liars 1 \\\n  --lie zero' # a comment; with ' signs\ncat x | A=b bin/contract inspect --db \"a b\" && ls\n````\n"

func TestBlocksAndLinksOfADocument(t *testing.T) {
	all := blocks("README.md", sample)
	require.Len(t, all, 2)
	require.Equal(t, block{document: "README.md", line: 7, language: "go", text: "package main\n\nfunc main() {}\n"}, all[0])
	require.Equal(t, "sh", all[1].language)
	require.Equal(t, []link{
		{document: "ephemera/docs/x.md", text: "there", target: "ephemera/docs/docs/a.md", anchor: "part"},
		{document: "ephemera/docs/x.md", text: "here", target: "ephemera/docs/x.md", anchor: "title"},
	}, links("ephemera/docs/x.md", sample))
}

func TestShellTextBecomesCommands(t *testing.T) {
	require.Equal(t, [][]string{
		{"$", "make", "compare", "ARGS=--liars 1    --lie zero"},
		{"cat", "x"},
		{"A=b", "bin/contract", "inspect", "--db", "a b"},
		{"ls"},
	}, commands(blocks("README.md", sample)[1].text))
	require.Equal(t, []string{"bin/contract", "inspect"}, strip([]string{"A=b", "bin/contract", "inspect"}))

	arguments, flags := split([]string{"inspect", "--epoch=3", "--db", "a", "-v", "--", "--not-ours"})
	require.Equal(t, []string{"inspect"}, arguments)
	require.Equal(t, []string{"--epoch", "--db", "-v"}, flags)
	require.Equal(t, []string{"--lie", "-h", "--help"}, flagsOf("  --lie string  which lie\n  -h, --help  this text\n a well-known word"))
}

// plant returns a checker of a repository with two modules, one target and one command.
func plant(t *testing.T) *checker {
	t.Helper()
	root, folder := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"Makefile":           "compare: build\n\tbin/nymapi compare $(ARGS)\n",
		"docker-compose.yml": "x: ${SEED:-1}\n",
		"nymapi/go.mod":      "module example.org/nymapi\n\ngo 1.26.0\n",
		"ephemera/go.mod":    "module example.org/ephemera\n\ngo 1.26.0\n",
		"ephemera/a.go":      "package ephemera\n\n// A is exported.\nconst A = 1\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	program := "#!/bin/sh\n[ \"$1\" = compare ] || { echo unknown command; exit 1; }\necho '  --liars int'\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "nymapi"), []byte(program), 0o700))
	c, err := newChecker(root, folder)
	require.NoError(t, err)
	return c
}

func TestWrongCommandsAreFound(t *testing.T) {
	c := plant(t)
	cases := []struct {
		command string
		want    []string
	}{
		{"make compare SEED=2 ARGS='--liars 1'", nil},
		{"docker compose up --anything", nil},
		{"make nothing", []string{"the Makefile has no target nothing"}},
		{"make compare PLENTY=1", []string{"nothing reads the variable PLENTY"}},
		{"make compare ARGS='--liers 1'", []string{"bin/nymapi compare has no flag --liers"}},
		{"./bin/nymapi compare --liars=1 --json", []string{"bin/nymapi compare has no flag --json"}},
		{"bin/nymapi simulate", []string{"bin/nymapi simulate --help: exit status 1: unknown command\n"}},
		{"scripts/absent.sh", []string{"scripts/absent.sh is not a script of the repository"}},
	}
	for _, test := range cases {
		t.Run(test.command, func(t *testing.T) {
			require.Equal(t, test.want, c.command(t.Context(), commands(test.command)[0]))
		})
	}
}

func TestGoCodeIsCompiledInItsModule(t *testing.T) {
	c := plant(t)
	good := block{
		document: "ephemera/docs/a.md", line: 10, language: "go",
		text: "package main\n\nimport \"example.org/ephemera\"\n\nfunc main() { println(ephemera.A) }\n",
	}
	said, err := c.compile(t.Context(), []block{good, good})
	require.NoError(t, err)
	require.Empty(t, said)

	bad := good
	bad.text = "package main\n\nimport \"example.org/ephemera\"\n\nfunc main() { println(ephemera.B) }\n"
	said, err = c.compile(t.Context(), []block{good, bad})
	require.NoError(t, err)
	require.Contains(t, said, "a.md:14")
	require.Contains(t, said, "undefined: ephemera.B")

	fragment := block{document: "README.md", line: 3, language: "go", text: "x := 1\n"}
	said, err = c.compile(t.Context(), []block{fragment})
	require.NoError(t, err)
	require.Contains(t, said, "README.md:3")
}
