package documents

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestWrongLinksAreFound(t *testing.T) {
	root := fstest.MapFS{
		"README.md":   {Data: []byte("# The `title`, in short\n\n## Again\n\n```sh\n# no heading\n```\n\n## Again\n")},
		"docs/b.md":   {Data: []byte("# B\n\n## [Linked](x.md) — with snake_case & more\n")},
		"a/a.go":      {Data: []byte("package alpha\n\ntype T struct{ F int }\n\nfunc (t *T) M() {}\n\ntype I interface{ N() }\n\nvar V int\n")},
		"a/b_test.go": {Data: []byte("package alpha_test\n\nfunc TestX() {}\n\nfunc (g G[K]) P() {}\n")},
		"data/x.txt":  {Data: []byte("one\ntwo\n")},
	}
	cases := []struct{ link, want string }{
		{"[text](docs/b.md)", ""},
		{"[text](docs/c.md)", "no such file"},
		{"[here](#the-title-in-short)", ""},
		{"[here](#the-title)", "no heading #the-title"},
		{"[here](#again)", ""},
		{"[here](#again-1)", ""},
		{"[here](#again-2)", "no heading #again-2"},
		{"[here](#no-heading)", "no heading #no-heading"},
		{"[there](docs/b.md#linked--with-snake_case--more)", ""},
		{"[there](docs/b.md#again)", "no heading #again"},
		{"[a line](a/a.go#L9)", ""},
		{"[lines](a/a.go#L3-L10)", "line 10 of 9"},
		{"[a line](a/a.go#L10)", "line 10 of 9"},
		{"[a heading](a/a.go#again)", "only documents have headings"},
		{"[a folder](a#again)", "a folder has no anchors"},
		{"[`T`](a/a.go)", ""},
		{"[`alpha.T`](a/a.go)", ""},
		{"[`alpha.T.M`](a)", ""},
		{"[`T.F`](a/a.go)", ""},
		{"[`I.N`](a)", ""},
		{"[`V`](a)", ""},
		{"[`G.P`](a)", ""},
		{"[`TestX`](a)", ""},
		{"[`alpha`](a)", ""},
		{"[`a`](a)", ""},
		{"[`TestX`](a/a.go)", "the target does not declare TestX"},
		{"[`U`](a)", "the target does not declare U"},
		{"[`T.G`](a)", "the target does not declare T.G"},
		{"[`beta.T`](a)", "the target does not declare beta.T"},
		{"[`a/a.go`](a/a.go)", ""},
		{"[`U`, see there](a)", ""},
		{"[`U`](data)", ""},
	}
	for _, c := range cases {
		t.Run(c.link, func(t *testing.T) {
			found := links("README.md", c.link)
			require.Len(t, found, 1)
			require.Equal(t, c.want, found[0].check(root))
		})
	}
	require.Empty(t, links("README.md", "[web](https://example.org/#a) [mail](mailto:a@example.org)"))
}
