package trace

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

const header = "epoch,observer,m1,m2\n"

func TestErrorsSayWhereAndWhatToDo(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"empty file", "", "t.csv: no measurements: expected a header"},
		{"header alone", header, "t.csv: no measurements: expected a header"},
		{"other file", "mixnode,value\n", `t.csv:1:1: the first line begins with "mixnode,value": expected the header`},
		{"binary file", "\x00\xff\x00\n", `t.csv:1:1: the first line begins with "\x00\xff\x00": expected the header`},
		{"quoted header", "\"epoch\",\"observer\",\"m1\"\n", "export the table without quotes"},
		{"semicolons", "epoch;observer;m1\n1;a;3\n", "export the table with commas"},
		{"tabs", "epoch\tobserver\tm1\n1\ta\t3\n", "export the table with commas"},
		{"separator line", "sep=,\n" + header, "remove the line"},
		{"line ends of old computers", "epoch,observer,m1\r1,a,3\r", "save the file with LF or CRLF"},
		{"UTF-16", "\xff\xfee\x00p\x00", "t.csv: the file is UTF-16"},
		{"UTF-16 of the other order", "\xfe\xff\x00e\x00p", "t.csv: the file is UTF-16"},
		{"two marks", "\xef\xbb\xbf\xef\xbb\xbf" + header + "1,a,1,2\n", "expected the header"},
		{"no mixnodes", "epoch,observer\n1,a\n", "t.csv:1: 0 mixnodes: expected 1 to 100000"},
		{"too many mixnodes", "epoch,observer,a,b,c,d\n", "t.csv:1: 4 mixnodes: expected 1 to 3"},
		{"empty mixnode", "epoch,observer,m1,\n", "t.csv:1:4: bad mixnode name: 0 bytes"},
		{"mixnode with space", "epoch,observer,m1, m2\n", "t.csv:1:4: bad mixnode name: byte 0x20"},
		{"quoted mixnode", "epoch,observer,\"m1\"\n", `t.csv:1:3: mixnode "\"m1\"": expected a name without quotes`},
		{"mixnode twice", "epoch,observer,m1,m2,m1\n", `t.csv:1:5: mixnode "m1" is also column 3`},
		{"empty line", header + "1,a,1,2\n\n1,b,1,2\n", "t.csv:3: the line is empty"},
		{"few fields", header + "1,a,1\n", "t.csv:2: 3 fields: expected 4 as in the header"},
		{"many fields", header + "1,a,1,2,3\n", "t.csv:2: 5 fields: expected 4 as in the header"},
		{"epoch no number", header + "one,a,1,2\n", `t.csv:2:1 (epoch): epoch "one": expected a whole number`},
		{"epoch negative", header + "-1,a,1,2\n", `t.csv:2:1 (epoch): epoch "-1": expected a whole number`},
		{"epoch with zeros", header + "01,a,1,2\n", `t.csv:2:1 (epoch): epoch "01": expected a whole number`},
		{"epoch too large", header + "9223372036854775808,a,1,2\n", "expected a whole number"},
		{"epoch order", header + "2,a,1,2\n1,a,1,2\n", "t.csv:3:1 (epoch): epoch 1 comes after epoch 2: expected ascending epochs"},
		{"observer twice", header + "1,a,1,2\n1,b,1,2\n1,a,1,2\n", `t.csv:4:2 (observer): a second line of observer "a" in epoch 1`},
		{"observer empty", header + "1,,1,2\n", `t.csv:2:2 (observer): observer "": expected 1 to 64 bytes`},
		{"too many observers", header + "1,a,1,2\n1,b,1,2\n1,c,1,2\n", `t.csv:4:2 (observer): observer "c" is number 3: expected at most 2`},
		{"too many cells", header + strings.Repeat("1,a,1,2\n", 1) + "2,a,1,2\n3,a,1,2\n4,a,1,2\n", "t.csv:5: more than 7 cells: split the file by epochs"},
		{"value above 100", header + "1,a,1,101\n", `t.csv:2:4 (m2): value "101": expected a whole percentage from 0 to 100`},
		{"value negative", header + "1,a,-1,1\n", `t.csv:2:3 (m1): value "-1": expected`},
		{"value with fraction", header + "1,a,99.5,1\n", `t.csv:2:3 (m1): value "99.5": expected`},
		{"value with point alone", header + "1,a,1.,1\n", `t.csv:2:3 (m1): value "1.": expected`},
		{"value without digits", header + "1,a,.0,1\n", `t.csv:2:3 (m1): value ".0": expected`},
		{"value above 100 with fraction", header + "1,a,101.0,1\n", `t.csv:2:3 (m1): value "101.0": expected`},
		{"epoch with fraction", header + "1.5,a,1,1\n", `t.csv:2:1 (epoch): epoch "1.5": expected`},
		{"empty row", header + "1,a,1,2\n,,,\n1,b,1,2\n", "t.csv:3: the line is empty"},
		{"value with zeros", header + "1,a,00,1\n", `t.csv:2:3 (m1): value "00": expected`},
		{"value with space", header + "1,a, 1,1\n", `t.csv:2:3 (m1): value " 1": expected`},
		{"value in words", header + "1,a,NaN,1\n", `t.csv:2:3 (m1): value "NaN": expected`},
		{"long value", header + "1,a," + strings.Repeat("9", 60) + ",1\n", strings.Repeat("9", 40) + `"…: expected`},
		{"long line", header + "1," + strings.Repeat("a", 500) + ",1,1\n", "t.csv:2: the line has more than 332 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := limits{mixnodes: 3, observers: 2, cells: 7}
			if tt.name == "no mixnodes" {
				l.mixnodes = MaxMixnodes
			}
			_, err := read(strings.NewReader(tt.file), "t.csv", l)
			require.ErrorContains(t, err, tt.want)
			var place *Error
			require.ErrorAs(t, err, &place)
			require.Equal(t, "t.csv", place.File)
		})
	}
}

func TestFailingReadersAreReported(t *testing.T) {
	broken := errors.New("disk on fire")
	_, err := Read(iotest.ErrReader(broken), "t.csv")
	require.ErrorIs(t, err, broken)
	_, err = Open(filepath.Join(t.TempDir(), "absent.csv"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "absent.csv")
}

func TestColumnsAreSortedAndAbsentRowsMissing(t *testing.T) {
	file := "epoch,observer,m3,m1,m2\r\n" +
		"4,b,3,1,\r\n" +
		"9,a,33,11,22\r\n" +
		"9,b,,0,100" // no line end
	tr, err := Read(strings.NewReader(file), "t.csv")
	require.NoError(t, err)
	require.Equal(t, []int64{4, 9}, tr.Epochs)
	require.Equal(t, []string{"b", "a"}, tr.Observers)
	require.Equal(t, []metrics.MixID{"m1", "m2", "m3"}, tr.Mixnodes)

	require.Equal(t, []string{"1", "", "3"}, texts(tr, 0, 0))
	require.Equal(t, []string{"", "", ""}, texts(tr, 0, 1), "a has no line in epoch 4")
	require.Equal(t, []string{"11", "22", "33"}, texts(tr, 1, 1))
	require.Equal(t, []string{"0", "100", ""}, texts(tr, 1, 0))
	for _, index := range [][3]int{{-1, 0, 0}, {2, 0, 0}, {0, -1, 0}, {0, 2, 0}, {0, 0, -1}, {0, 0, 3}} {
		_, ok := tr.Value(index[0], index[1], index[2])
		require.False(t, ok, index)
	}

	const no = metrics.Missing
	by := metrics.Estimators() // mean, median, …
	require.Equal(t, [][]metrics.Uptime{{100, no, 300}, {550, 6100, 3300}}, tr.Truth([]int{0, 1}, by[1]))
	require.Equal(t, [][]metrics.Uptime{{no, no, no}, {no, no, no}}, tr.Truth(nil, by[1]))
	require.Equal(t, [][]metrics.Uptime{{no, no, no}, {no, no, no}}, tr.Truth(nil, by[0]))
}

// What spreadsheets and programs for data add to a file changes nothing in the trace.
func TestSpreadsheetsMayWriteATrace(t *testing.T) {
	plain, err := Read(strings.NewReader("epoch,observer,m1,=m2\n1,@a,100,0\n1,b,97,\n"), "t.csv")
	require.NoError(t, err)
	for name, file := range map[string]string{
		"mark and line ends": "\xef\xbb\xbfepoch,observer,m1,=m2\r\n1,@a,100,0\r\n1,b,97,\r\n",
		"blank last lines":   "epoch,observer,m1,=m2\n1,@a,100,0\n1,b,97,\n\n\r\n  \n\n",
		"empty last rows":    "epoch,observer,m1,=m2\n1,@a,100,0\n1,b,97,\n,,,\n,,,\n",
		"fractions of zeros": "epoch,observer,m1,=m2\n1.0,@a,100.0,0.0\n1.0,b,97.00,\n",
		"apostrophes":        "epoch,observer,m1,'=m2\n1,'@a,100,0\n1,b,97,\n",
	} {
		got, err := Read(strings.NewReader(file), "t.csv")
		require.NoError(t, err, name)
		require.Equal(t, plain, got, name)
	}
}

func texts(tr *Trace, epoch, observer int) []string {
	out := make([]string, len(tr.Mixnodes))
	for mixnode := range out {
		if value, ok := tr.Value(epoch, observer, mixnode); ok {
			out[mixnode] = strconv.Itoa(int(value))
		}
	}
	return out
}

func TestFindRejectsUnknownAndRepeatedObservers(t *testing.T) {
	var file strings.Builder
	file.WriteString(header)
	for i := range 30 {
		fmt.Fprintf(&file, "1,o%02d,1,2\n", i)
	}
	tr, err := Read(strings.NewReader(file.String()), "t.csv")
	require.NoError(t, err)
	found, err := tr.Find([]string{"o07", "o00"})
	require.NoError(t, err)
	require.Equal(t, []int{7, 0}, found)
	_, err = tr.Find([]string{"o07", "o07"})
	require.ErrorIs(t, err, ErrObserver)
	_, err = tr.Find([]string{"x"})
	require.ErrorIs(t, err, ErrObserver)
	require.ErrorContains(t, err, "o00,o01")
	require.ErrorContains(t, err, "(30 in all)")
}

// write returns a trace in the layout that Read expects.
func write(tr *Trace) []byte {
	var out bytes.Buffer
	out.WriteString("epoch,observer")
	for _, id := range tr.Mixnodes {
		out.WriteString("," + string(id))
	}
	for epoch, number := range tr.Epochs {
		for observer, row := range tr.cells[epoch] {
			if row == nil {
				continue
			}
			fmt.Fprintf(&out, "\n%d,%s,%s", number, tr.Observers[observer], strings.Join(texts(tr, epoch, observer), ","))
		}
	}
	return out.Bytes()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9]{1,8}`), 1, 8, rapid.ID[string])
		cell := rapid.OneOf(rapid.Uint8Range(0, 100), rapid.Just(uint8(missing)))
		tr := &Trace{Observers: names.Draw(t, "observers")}
		for _, name := range names.Draw(t, "mixnodes") {
			tr.Mixnodes = append(tr.Mixnodes, metrics.MixID(name))
		}
		slices.Sort(tr.Mixnodes)
		tr.Epochs = rapid.SliceOfNDistinct(rapid.Int64Min(0), 1, 5, rapid.ID[int64]).Draw(t, "epochs")
		slices.Sort(tr.Epochs)
		for range tr.Epochs {
			rows := make([][]uint8, len(tr.Observers))
			for i := range rows {
				rows[i] = rapid.SliceOfN(cell, len(tr.Mixnodes), len(tr.Mixnodes)).Draw(t, "row")
			}
			tr.cells = append(tr.cells, rows)
		}
		got, err := Read(bytes.NewReader(write(tr)), "t.csv")
		require.NoError(t, err)
		require.Equal(t, tr, got)
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(header + "1,a,1,2\n1,b,,100\n2,b,0,\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := Read(bytes.NewReader(data), "t.csv")
		if err != nil {
			var place *Error
			require.ErrorAs(t, err, &place)
			return
		}
		again, err := Read(bytes.NewReader(write(tr)), "t.csv")
		require.NoError(t, err)
		require.Equal(t, write(tr), write(again))
	})
}

// BenchmarkRead reads two epochs of 100 observers x 10,000 mixnodes.
func BenchmarkRead(b *testing.B) {
	var file bytes.Buffer
	file.WriteString("epoch,observer")
	for j := range 10_000 {
		fmt.Fprintf(&file, ",m%05d", j)
	}
	for i := range 200 {
		fmt.Fprintf(&file, "\n%d,o%03d%s", i/100, i%100, strings.Repeat(",100,99,7,,98", 2000))
	}
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		_, err := Read(bytes.NewReader(file.Bytes()), "t.csv")
		require.NoError(b, err)
	}
}
