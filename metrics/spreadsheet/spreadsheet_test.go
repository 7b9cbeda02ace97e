package spreadsheet_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/spreadsheet"
)

func TestNamesAreReadAsEditorsSaveThem(t *testing.T) {
	for name, file := range map[string]string{
		"lines":            "b\na\n",
		"mark":             "\xef\xbb\xbfb\na\n",
		"line ends of DOS": "b\r\na\r\n\r\n",
		"blanks":           "\n  b \n\n\ta\n \n\n",
		"no last line end": "b\na",
		"empty rows":       "b\na\n,,\n;;\n",
	} {
		names, err := spreadsheet.ReadNames(strings.NewReader(file), "names")
		require.NoError(t, err, name)
		require.Equal(t, []metrics.MixID{"a", "b"}, names, name)
	}
}

func TestATableIsNotTakenForAListOfNames(t *testing.T) {
	for name, tt := range map[string]struct{ file, want string }{
		"commas":       {"mix_id,identity_key\n1,2Gu\n", `names:1: bad list of names: "mix_id,identity_key" is a line of a table`},
		"semicolons":   {"a\n1;2Gu\n", `names:2: bad list of names: "1;2Gu" is a line of a table`},
		"tabs":         {"a\tb\n", `names:1: bad list of names: "a\tb" is a line of a table`},
		"quotes":       {"\"a\"\n", "(remove the quotes)"},
		"apostrophes":  {"'a'\n", "(remove the quotes)"},
		"twice":        {"a\nb\n\na\n", `names:4: bad list of names: mixnode "a" is also on line 1`},
		"comment":      {"# the rewarded set\na\n", "names:1: bad mixnode name: byte 0x20"},
		"nothing":      {"\xef\xbb\xbf\n\n", "names: bad list of names: no names"},
		"UTF-16":       {"\xff\xfea\x00\n\x00", "names: the file is UTF-16"},
		"UTF-16BE":     {"\xfe\xff\x00a\x00\n", "names: the file is UTF-16"},
		"two marks":    {"\xef\xbb\xbf\xef\xbb\xbfa\n", "names:1: bad mixnode name: byte 0xef"},
		"one long row": {strings.Repeat("a", 1<<20), "token too long"},
		"binary":       {"a\n\x00\x01\n", "names:2: bad mixnode name"},
	} {
		_, err := spreadsheet.ReadNames(strings.NewReader(tt.file), "names")
		require.ErrorContains(t, err, tt.want, name)
	}
	broken := errors.New("broken")
	_, err := spreadsheet.ReadNames(iotest.ErrReader(broken), "names")
	require.ErrorIs(t, err, broken)
}

func TestNoListIsLongerThanTheBound(t *testing.T) {
	names := make([]string, spreadsheet.MaxNames+1)
	for i := range names {
		names[i] = "m" + strconv.Itoa(i)
	}
	_, err := spreadsheet.ReadNames(strings.NewReader(strings.Join(names, "\n")), "names")
	require.ErrorContains(t, err, "names:100001: bad list of names: expected at most 100000")
}

// A spreadsheet computes no field that was written, and each is read back as it was.
func TestWhatIsWrittenIsNotComputedAndIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.SliceOfN(rapid.StringMatching(`[=+@\t\n-]{0,2}[a-z0-9,;"=-]{0,5}`), 1, 5).Draw(t, "fields")
		fields[0] = "x" + fields[0] // encoding/csv cannot read back a line with one empty field
		var out bytes.Buffer
		w := spreadsheet.NewWriter(&out)
		require.NoError(t, w.Write(fields...))
		require.NoError(t, w.Flush())
		read, err := csv.NewReader(&out).Read()
		require.NoError(t, err)
		for i, field := range read {
			require.False(t, field != "" && strings.ContainsAny(field[:1], "=+-@\t\r\n"), "%q is computed", field)
			require.Equal(t, fields[i], spreadsheet.Text(field))
		}
	})
}

func TestNamesAreReadFromAWrittenColumn(t *testing.T) {
	var out bytes.Buffer
	w := spreadsheet.NewWriter(&out)
	for _, name := range []string{"=1+1", "-5", "@x", "m1"} {
		require.NoError(t, w.Write(name))
	}
	require.NoError(t, w.Flush())
	require.Equal(t, "'=1+1\n'-5\n'@x\nm1\n", out.String())
	names, err := spreadsheet.ReadNames(&out, "names")
	require.NoError(t, err)
	require.Equal(t, []metrics.MixID{"-5", "=1+1", "@x", "m1"}, names)
}
