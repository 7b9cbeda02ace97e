package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const example = `{"format": 1, "matrices": [{"name": "three", "f": 1, "coverage": 3, "reports": [3],
	"rows": {"a": [100], "b": [200], "c": [10000]}, "expect": {"median": [200], "wmedian": [200]}}]}`

func TestVectorsAreChecked(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	good := write("good.json", example)
	wrong := write("wrong.json", strings.Replace(example, `"wmedian": [200]`, `"wmedian": [201]`, 1))
	for _, c := range []struct {
		args   []string
		status int
		prints string
	}{
		{[]string{good}, 0, "good.json: 3 of 3 fit"},
		{[]string{good, wrong}, 1, "wrong.json: 2 of 3 fit\n  matrix \"three\", wmedian: expected [2.01], got [2.00]"},
		{[]string{filepath.Join(dir, "none.json")}, 2, "give the path of a file of examples"},
		{[]string{dir}, 2, "give the path of a file of examples"},
		{[]string{write("text.json", "results")}, 2, "not a file of examples"},
		{[]string{write("future.json", `{"format": 2}`)}, 2, "its format is 2, expected 1"},
		{[]string{write("empty.json", `{"format": 1}`)}, 2, "neither matrices, slices nor sequences"},
		{[]string{write("rule.json", strings.Replace(example, "wmedian", "best", 1))}, 2, "unknown estimator"},
		{[]string{filepath.Join("..", "..", "..", "contract", "performance", "vectors", "testdata", "perfcontract-shared.json")}, 0, "529 of 529 fit"},
		{[]string{write("scenarios.json", `{"format": 2, "scenarios": []}`)}, 2, "give a file like those in contract/performance"},
		{nil, 2, "requires at least 1 arg"},
	} {
		var out bytes.Buffer
		require.Equal(t, c.status, run(t.Context(), append([]string{"vectors"}, c.args...), &out, &out), out.String())
		require.Contains(t, out.String(), c.prints)
	}
}
