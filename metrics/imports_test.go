package metrics_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// allowedImports lists, for each folder of the module, everything that its code may import. The
// root is pure, spreadsheet and trace read files, and nothing imports another module of the
// project.
var allowedImports = map[string]string{
	".":           "bytes cmp crypto/sha256 encoding/json errors fmt maps math slices strconv strings time github.com/fxamacker/cbor/v2",
	"draw":        "math/bits",
	"heatmap":     "bytes embed encoding/base64 fmt html/template image image/color image/png io math slices " + root,
	"spreadsheet": "bufio bytes encoding/csv errors fmt io slices strconv strings " + root,
	"trace":       "bytes errors fmt io os slices strconv strings " + root + " " + root + "/spreadsheet",
	"vectors":     "bytes encoding/json errors fmt maps slices " + root,
	"world":       "errors fmt " + root + " " + root + "/draw",
	"worth":       "math",
}

const root = "github.com/ephemera-go/nym-rewarding/metrics"

func TestImportsPointInward(t *testing.T) {
	all, err := filepath.Glob("*/*.go")
	require.NoError(t, err)
	top, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range append(all, top...) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		allowed, ok := allowedImports[filepath.Dir(file)]
		require.True(t, ok, "%s is in a folder without a list of imports", file)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			require.True(t, slices.Contains(strings.Fields(allowed), path), "%s imports %s", file, path)
		}
	}
}
