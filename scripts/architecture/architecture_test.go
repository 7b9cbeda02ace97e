package architecture

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// modules are the folders that the rules apply to.
var modules = []string{"metrics", "ephemera", "contract", "nymapi"}

func TestImportsPointDown(t *testing.T) {
	require.Empty(t, strings.Join(checkImports(sources(t)), "\n"))
}

func TestShippedCodeVerifiesFrames(t *testing.T) {
	require.Empty(t, strings.Join(checkStages(sources(t)), "\n"))
	planted := plant(t, "ephemera/border.go", "// Package p is planted.\npackage p\n\nvar f = wire.AssumeVerified(nil)")
	require.Equal(t, []string{"ephemera/border.go:4: AssumeVerified is for test kits, not for ephemera"}, checkStages(planted))
	require.Empty(t, checkStages(plant(t, "ephemera/border_test.go", "package p\n\nvar f = wire.AssumeVerified(nil)")))
}

func TestHouseRules(t *testing.T) {
	require.Empty(t, strings.Join(checkHouse(everything(t)), "\n"))
}

// everything parses the modules and the scripts.
func everything(t *testing.T) []source {
	t.Helper()
	own, err := parse(os.DirFS("../.."), []string{"scripts"})
	require.NoError(t, err)
	return append(sources(t), own...)
}

// sources parses the modules and checks that each folder with a rule exists.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := parse(os.DirFS("../.."), modules)
	require.NoError(t, err)
	folders := map[string]bool{}
	for _, s := range all {
		folders[s.folder] = true
	}
	for _, r := range rules {
		if r.pure {
			require.Contains(t, folders, r.folder, "this folder has a rule and does not exist")
		}
	}
	return all
}

func TestViolationsAreFound(t *testing.T) {
	cases := []struct {
		what, file, text, want string
	}{
		{
			what: "a leaf imports a sibling module", file: "nymapi/samples/a.go",
			text: `import _ "` + module + `ephemera/keys"`,
			want: "nymapi/samples/a.go: nymapi/samples may not import ephemera/keys",
		},
		{
			what: "a leaf of ephemera imports the root", file: "ephemera/membership/a.go",
			text: `import _ "` + module + `ephemera"`,
			want: "ephemera/membership/a.go: ephemera/membership may not import ephemera",
		},
		{
			what: "ephemera imports a sibling even in a test", file: "ephemera/store/memory/a_test.go",
			text: `import _ "` + module + `metrics"`,
			want: "ephemera/store/memory/a_test.go: ephemera/store/memory may not import metrics",
		},
		{
			what: "the contract imports more than ephemera's leaves", file: "contract/server/a.go",
			text: `import _ "` + module + `ephemera/internal/engine"`,
			want: "contract/server/a.go: contract/server may not import ephemera/internal/engine",
		},
		{
			what: "a Nym-API imports the contract's server", file: "nymapi/service/a.go",
			text: `import _ "` + module + `contract/server"`,
			want: "nymapi/service/a.go: nymapi/service may not import contract/server",
		},
		{
			what: "an adapter is chosen outside the composition", file: "ephemera/node.go",
			text: `import _ "` + module + `ephemera/store/sqlite"`,
			want: "ephemera/node.go: ephemera may not import ephemera/store/sqlite",
		},
		{
			what: "the root imports the API", file: "ephemera/node.go",
			text: `import _ "` + module + `ephemera/api"`,
			want: "ephemera/node.go: ephemera may not import ephemera/api",
		},
		{
			what: "the API's server reaches for the node", file: "ephemera/api/server/a.go",
			text: `import _ "` + module + `ephemera/api/local"`,
			want: "ephemera/api/server/a.go: ephemera/api/server may not import ephemera/api/local",
		},
		{
			what: "a Nym-API links Pebble", file: "nymapi/service/a.go",
			text: `import _ "` + module + `ephemera/store/pebble"`,
			want: "nymapi/service/a.go: nymapi/service may not import ephemera/store/pebble",
		},
		{
			what: "a pure package does input and output", file: "ephemera/internal/broadcast/a.go",
			text: `import _ "os"`,
			want: "ephemera/internal/broadcast/a.go: the pure package ephemera/internal/broadcast may not import os",
		},
		{
			what: "a pure package draws random numbers", file: "contract/verify/a.go",
			text: `import _ "math/rand/v2"`,
			want: "contract/verify/a.go: the pure package contract/verify may not import math/rand/v2",
		},
		{
			what: "a pure package reads the clock under another name", file: "ephemera/mempool/a.go",
			text: "import clock \"time\"\nvar now = clock.Now()",
			want: "ephemera/mempool/a.go:4: time.Now in the pure package ephemera/mempool",
		},
		{
			what: "a pure package starts a goroutine", file: "metrics/a.go",
			text: "func f() { go f() }",
			want: "metrics/a.go:3: go statement, select or channel in the pure package metrics",
		},
		{
			what: "a module without a rule", file: "elsewhere/a.go",
			text: "",
			want: "elsewhere/a.go: no rule covers the folder elsewhere",
		},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			planted := plant(t, c.file, "// Package p is planted.\npackage p\n"+c.text)
			require.Contains(t, checkImports(planted), c.want)
		})
	}
}

func TestHouseViolationsAreFound(t *testing.T) {
	cases := []struct {
		what, file, text, want string
	}{
		{"no package comment", "metrics/a.go", "package p", "metrics: 0 package comments, expected one"},
		{"a vague name", "metrics/a.go", "// Package util helps.\npackage util", "metrics/a.go: the package name util means nothing at the call site"},
		{"an initialiser", "metrics/a.go", "// Package p is planted.\npackage p\nfunc init() {}", "metrics/a.go:3: no init functions"},
		{
			"embedded testdata", "metrics/a.go", "// Package p is planted.\npackage p\n\n//go:embed testdata/x.csv\nvar x string",
			"metrics/a.go:4: a program must not embed testdata: .dockerignore excludes it from the image",
		},
		{
			"a sleeping test", "metrics/a_test.go", "package p\nimport \"time\"\nfunc f() { time.Sleep(1) }",
			"metrics/a_test.go:3: a test that sleeps on the wall clock is slow or flaky",
		},
		{
			"a long file", "metrics/a.go", "// Package p is planted.\npackage p\n" + strings.Repeat("\n", maxFileLines),
			"metrics/a.go: 502 lines, at most 500: split it by idea",
		},
		{
			"a long function", "metrics/a.go", "// Package p is planted.\npackage p\nfunc f() {" + strings.Repeat("\n", maxFunctionLines) + "}",
			"metrics/a.go:3: f has 71 lines, at most 70",
		},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			require.Contains(t, checkHouse(plant(t, c.file, c.text)), c.want)
		})
	}
}

// plant parses a tree with a single file.
func plant(t *testing.T, file, text string) []source {
	t.Helper()
	folder, _, _ := strings.Cut(file, "/")
	planted, err := parse(fstest.MapFS{file: {Data: []byte(text)}}, []string{folder})
	require.NoError(t, err)
	return planted
}
