package answers

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The documents cite facts: each figure or name in them that comes from an experiment is followed
// by a comment with the name of the fact. The facts that a document cites are in a file.
type citing struct{ document, facts string }

var documents = []citing{
	{"../../../docs/ESTIMATORS.md", "../../../docs/estimators/facts.csv"},
	{"../../../docs/QUESTIONS.md", "../../../docs/estimators/questions.csv"},
}

var from = flag.String("from", "", "folder of an experiment, from which to write docs/estimators and the figures cited in docs/ESTIMATORS.md and docs/QUESTIONS.md")

var (
	// citation is a name, or a number with or without its interval, and the fact that it is.
	citation = regexp.MustCompile("(`[^`]*`|[-−]?[0-9][0-9.]*(?: \\([-−]?[0-9.]+ to [-−]?[0-9.]+\\))?)<!--([^>]*)-->")
	comment  = regexp.MustCompile(`<!--([^>]*)-->`)
	picture  = regexp.MustCompile(`\(estimators/([a-z0-9-]+)\.svg\)`)
)

// cite returns the document with the texts of the facts, and the names of facts that are unknown.
func cite(text string, facts map[string]string) (cited string, unknown []string) {
	cited = citation.ReplaceAllStringFunc(text, func(match string) string {
		name := citation.FindStringSubmatch(match)[2]
		fact, ok := facts[name]
		if !ok {
			unknown = append(unknown, name)
			return match
		}
		return strings.ReplaceAll(fact, "-", "−") + "<!--" + name + "-->"
	})
	return cited, unknown
}

// readFacts reads a file of facts: their texts, and their lines.
func readFacts(t *testing.T, path string) (texts map[string]string, lines map[string][]string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	all, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	require.NoError(t, err)
	texts, lines = map[string]string{}, map[string][]string{}
	for _, fields := range all[1:] {
		texts[fields[0]], lines[fields[0]] = fields[1], fields
	}
	return texts, lines
}

func TestDocumentsSayWhatTheExperimentMeasured(t *testing.T) {
	for _, d := range documents {
		t.Run(filepath.Base(d.document), d.check)
	}
}

func (d citing) check(t *testing.T) {
	content, err := os.ReadFile(d.document)
	require.NoError(t, err)
	if *from != "" {
		content = d.update(t, string(content), *from)
	}
	facts, _ := readFacts(t, d.facts)
	cited, unknown := cite(string(content), facts)
	require.Empty(t, unknown, "these facts are not in %s: run the test with -from and the folder of an experiment", d.facts)
	require.Equal(t, cited, string(content))
	names := citation.FindAllStringSubmatch(cited, -1)
	require.Len(t, comment.FindAllString(cited, -1), len(names), "a comment follows no figure")
	for _, match := range picture.FindAllStringSubmatch(cited, -1) {
		for _, end := range []string{".svg", ".csv"} {
			require.FileExists(t, filepath.Join(filepath.Dir(d.facts), match[1]+end))
		}
	}
	used := map[string]bool{}
	for _, match := range names {
		used[match[2]] = true
	}
	require.Len(t, facts, len(used), "facts that are not cited")
}

// update writes the document, its facts and its figures from an experiment.
func (d citing) update(t *testing.T, text, folder string) []byte {
	t.Helper()
	texts, lines := readFacts(t, filepath.Join(folder, "summary.csv"))
	cited, unknown := cite(text, texts)
	require.Empty(t, unknown, "the experiment does not have these facts")
	require.NoError(t, os.WriteFile(d.document, []byte(cited), 0o644))
	var names []string
	for _, match := range citation.FindAllStringSubmatch(cited, -1) {
		names = append(names, match[2])
	}
	slices.Sort(names)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	require.NoError(t, w.Write([]string{"fact", "text", "mean", "low", "high"}))
	for _, name := range slices.Compact(names) {
		require.NoError(t, w.Write(lines[name]))
	}
	w.Flush()
	require.NoError(t, os.MkdirAll(filepath.Dir(d.facts), 0o755))
	require.NoError(t, os.WriteFile(d.facts, b.Bytes(), 0o644))
	for _, match := range picture.FindAllStringSubmatch(cited, -1) {
		for _, end := range []string{".svg", ".csv"} {
			content, err := os.ReadFile(filepath.Join(folder, figureFolder, match[1]+end))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(d.facts), match[1]+end), content, 0o644))
		}
	}
	return []byte(cited)
}

func TestACitationThatIsWrongIsFound(t *testing.T) {
	facts := map[string]string{"a": "1.5 (1.2 to 1.8)", "b": "`median`", "c": "-2"}
	right := "It is 1.5 (1.2 to 1.8)<!--a--> for `median`<!--b-->, and −2<!--c-->."
	cited, unknown := cite(right, facts)
	require.Equal(t, right, cited)
	require.Empty(t, unknown)
	for _, wrong := range []string{"It is 1.6 (1.2 to 1.8)<!--a--> for `mad`<!--b-->, and 2<!--c-->."} {
		cited, _ = cite(wrong, facts)
		require.Equal(t, strings.Replace(right, "−2", "−2", 1), cited)
	}
	_, unknown = cite("7<!--d-->", facts)
	require.Equal(t, []string{"d"}, unknown)
}
