package architecture

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestExportedNamesAreUsed(t *testing.T) {
	require.Empty(t, strings.Join(checkSurface(everything(t), surfaceReasons), "\n"))
}

func TestUnstablePackagesSaySo(t *testing.T) {
	for _, found := range checkStability(sources(t)) {
		t.Error(found)
	}
}

func TestUnusedExportedNamesAreFound(t *testing.T) {
	const (
		unused = "ephemera/a/a.go:3: nothing outside its package uses ephemera/a.X: unexport it, or give a reason in surfaceReasons"
		user   = "// Package b uses a.\npackage b\n\nimport \"" + module + "ephemera/a\"\n\n"
	)
	cases := []struct {
		what, text string
		others     map[string]string
		reasons    map[string]string
		want       string
	}{
		{what: "a function that nobody calls", text: "func X() {}", want: unused},
		{what: "a type, though its package uses it", text: "type X int\n\nvar x X", want: unused},
		{what: "a variable, though its own tests use it", text: "var X int", others: map[string]string{
			"ephemera/a/a_test.go": "package a_test\n\nimport \"" + module + "ephemera/a\"\n\nfunc f() { _ = a.X }",
		}, want: unused},
		{what: "a local variable has the name of the package", text: "type X int", others: map[string]string{
			"ephemera/b/b.go": user + "func f(a struct{ X int }) { _ = a.X }",
		}, want: unused},
		{what: "a type behind an unexported field", text: "type X int\n\ntype Y struct{ x X }", others: map[string]string{
			"ephemera/b/b.go": user + "var y a.Y",
		}, want: unused},
		{what: "an example uses it", text: "var X int", others: map[string]string{
			"ephemera/a/a_test.go": "package a_test\n\nimport \"" + module + "ephemera/a\"\n\nfunc ExampleX() { _ = a.X }",
		}},
		{what: "another module uses it", text: "var X int", others: map[string]string{
			"nymapi/b/b.go": user + "var _ = a.X",
		}},
		{what: "another package's test uses it", text: "var X int", others: map[string]string{
			"ephemera/b/b_test.go": user + "var _ = a.X",
		}},
		{what: "under another name", text: "var X int", others: map[string]string{
			"ephemera/b/b.go": "package b\n\nimport other \"" + module + "ephemera/a\"\n\nvar _ = other.X",
		}},
		{what: "with a dot", text: "var X int", others: map[string]string{
			"ephemera/b/b.go": "package b\n\nimport . \"" + module + "ephemera/a\"\n\nvar _ = X",
		}},
		{what: "the result of a used function", text: "type X int\n\nfunc New() X { return 0 }", others: map[string]string{
			"ephemera/b/b.go": user + "var _ = a.New()",
		}},
		{what: "the result of a method of an unexported type", text: "type X int\n\ntype y int\n\nfunc (*y) M() X { return 0 }\n\nfunc New() y { return 0 }", others: map[string]string{
			"ephemera/b/b.go": user + "var _ = a.New()",
		}},
		{what: "an embedded type of a used one", text: "type X struct{}\n\ntype Y struct{ X }", others: map[string]string{
			"ephemera/b/b.go": user + "var y a.Y",
		}},
		{what: "a value of a used enumeration", text: "const X Kind = 1\n\ntype Kind int", others: map[string]string{
			"ephemera/b/b.go": user + "var k a.Kind",
		}},
		{what: "an unexported name", text: "var x int"},
		{what: "a name with a reason", text: "var X int", reasons: map[string]string{"ephemera/a.X": "why not"}},
		{
			what: "a reason for a name that is used", text: "var X int", reasons: map[string]string{"ephemera/a.X": "why not"},
			others: map[string]string{"ephemera/b/b.go": user + "var _ = a.X"},
			want:   "surfaceReasons: ephemera/a.X is used, unexported or gone: remove its entry",
		},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			tree := fstest.MapFS{"ephemera/a/a.go": {Data: []byte("// Package a is planted.\npackage a\n" + c.text)}, "nymapi/doc.go": {Data: []byte("package nymapi")}}
			for file, text := range c.others {
				tree[file] = &fstest.MapFile{Data: []byte(text)}
			}
			all, err := parse(tree, []string{"ephemera", "nymapi"})
			require.NoError(t, err)
			require.Equal(t, c.want, strings.Join(checkSurface(all, c.reasons), "\n"))
		})
	}
}

func TestSilentlyUnstablePackagesAreFound(t *testing.T) {
	cases := []struct{ what, file, text, want string }{
		{
			"an unstable package does not say so", "ephemera/wire/doc.go", "// Package wire is planted.\npackage wire",
			"ephemera/wire/doc.go: the package comment must say that the package is unstable, and why (or add it to stablePackages)",
		},
		{"one says so", "ephemera/wire/doc.go", "// Package wire is planted. The package is unstable: because.\npackage wire", ""},
		{"a stable package", "ephemera/keys/doc.go", "// Package keys is planted.\npackage keys", ""},
		{
			"a stable package that is called unstable", "ephemera/keys/doc.go", "// Package keys is unstable.\npackage keys",
			"ephemera/keys/doc.go: the package comment calls a stable package unstable: remove that, or remove the package from stablePackages",
		},
		{"an internal package", "ephemera/internal/engine/doc.go", "// Package engine is planted.\npackage engine", ""},
		{"a command", "ephemera/cmd/x/main.go", "// Command x is planted.\npackage main", ""},
		{"another module", "nymapi/epoch/doc.go", "// Package epoch is planted.\npackage epoch", ""},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			require.Equal(t, c.want, strings.Join(checkStability(plant(t, c.file, c.text)), "\n"))
		})
	}
}
