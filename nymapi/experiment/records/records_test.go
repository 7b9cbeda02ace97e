package records

import (
	"bytes"
	"encoding/csv"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
)

// write writes records as package grid does.
func write(w io.Writer, records []Record) {
	lines := csv.NewWriter(w)
	_ = lines.Write(Columns())
	for _, r := range records {
		line := []string{
			r.Section, strconv.Itoa(r.N), strconv.Itoa(r.Liars), r.Lie, strconv.FormatFloat(r.Missing, 'g', -1, 64), r.Factor, r.Level,
			strconv.FormatUint(r.Seed, 10), r.Way,
		}
		for _, v := range r.Values {
			if math.IsNaN(v) {
				line = append(line, "")
			} else {
				line = append(line, strconv.FormatFloat(v, 'g', 7, 64))
			}
		}
		_ = lines.Write(line)
	}
	lines.Flush()
}

// record returns a record whose values are 0, 1, 2, ….
func record(seed uint64, way string) Record {
	r := Record{Cell: experiment.Cell{Section: "base", N: 10, Liars: 3, Lie: "zero"}, Seed: seed, Way: way}
	for i := range experiment.Measures() {
		r.Values = append(r.Values, float64(i))
	}
	return r
}

func text(t testing.TB, records ...Record) string {
	t.Helper()
	var b bytes.Buffer
	write(&b, records)
	return b.String()
}

// same reports whether two records are equal, where NaN equals NaN, to the digits of the file.
func same(t require.TestingT, a, b Record) {
	require.Equal(t, a.key(), b.key())
	require.Len(t, b.Values, len(a.Values))
	for i := range a.Values {
		if math.IsNaN(a.Values[i]) {
			require.True(t, math.IsNaN(b.Values[i]))
		} else {
			require.InEpsilon(t, 1+math.Abs(a.Values[i]), 1+math.Abs(b.Values[i]), 1e-6)
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	name := rapid.StringMatching(`[a-z][a-z0-9 .%/:()+_-]{0,20}`)
	rapid.Check(t, func(t *rapid.T) {
		r := Record{Seed: rapid.Uint64().Draw(t, "seed"), Way: name.Draw(t, "way")}
		r.Section, r.Lie, r.Factor, r.Level = name.Draw(t, "section"), name.Draw(t, "lie"), name.Draw(t, "factor"), name.Draw(t, "level")
		r.N = rapid.IntRange(1, 100).Draw(t, "n")
		r.Liars, r.Missing = rapid.IntRange(0, r.N).Draw(t, "liars"), rapid.Float64Range(0, 1).Draw(t, "missing")
		for range experiment.Measures() {
			r.Values = append(r.Values, rapid.OneOf(rapid.Just(math.NaN()), rapid.Float64Range(-1e6, 1e6)).Draw(t, "value"))
		}
		var b bytes.Buffer
		write(&b, []Record{r})
		first := b.String()
		read, err := Read(&b)
		require.NoError(t, err)
		require.Len(t, read, 1)
		same(t, r, read[0])
		b.Reset()
		write(&b, read)
		require.Equal(t, first, b.String())
	})
}

func TestValuesAreFoundByName(t *testing.T) {
	r := record(1, "median")
	require.EqualValues(t, 0, r.Value(experiment.Measures()[0].Name))
	require.EqualValues(t, 1, r.Value(experiment.Measures()[1].Name))
	require.True(t, math.IsNaN(r.Value("beauty")))
}

func TestWhatIsNoResultIsRefusedWithItsLine(t *testing.T) {
	good := text(t, record(1, "median"))
	for change, want := range map[string]string{
		"section=area":        "line 1: the columns are",
		"rmse,bias=bias,rmse": `line 1: column "rmse" is not a measure, or not in its place`,
		"rmse=beauty":         `line 1: column "beauty" is not a measure`,
		"base,10=base,0":      `line 2: column n: "0": expected a number from 1 to 100`,
		"base,10=base,010":    `column n: "010"`,
		",10,3,=,10,11,":      `column liars: "11": expected at most n`,
		",zero,=,,":           `column lie: ""`,
		",zero,=,<b>,":        `column lie: "<b>"`,
		"zero,0,=zero,2,":     `column missing: "2": expected a share`,
		"zero,0,=zero,,":      `column missing: "": expected a share`,
		",1,median=,-1,m":     `column seed: "-1": expected a seed`,
		"median,0,=m,NaN,":    `"NaN": expected a finite number, or nothing`,
		"median,0,=m,1e9999,": `"1e9999": expected a finite number`,
		"median,0,=median,":   "line 2: wrong number of fields",
	} {
		old, with, _ := strings.Cut(change, "=")
		require.Contains(t, good, old)
		_, err := Read(strings.NewReader(strings.Replace(good, old, with, 1)))
		require.ErrorIs(t, err, ErrFormat, change)
		require.ErrorContains(t, err, want, change)
	}
	_, err := Read(strings.NewReader(""))
	require.ErrorIs(t, err, ErrFormat)
	twice := text(t, record(1, "median"), record(2, "median"), record(1, "median"))
	_, err = Read(strings.NewReader(twice))
	require.ErrorContains(t, err, `line 4: cell, seed 1 and way "median" are there twice`)
}

func TestMeasuresThatOlderFilesDoNotHaveWereNotMeasured(t *testing.T) {
	read, err := Read(strings.NewReader("section,n,liars,lie,missing,factor,level,seed,way,bias\nbase,4,0,honest,0,,,1,median,2.5\n"))
	require.NoError(t, err)
	require.True(t, math.IsNaN(read[0].Value("rmse")))
	require.Equal(t, 2.5, read[0].Value("bias"))
	require.Len(t, read[0].Values, len(experiment.Measures()))
}

// FuzzRead checks that whatever is read can be written and read again.
func FuzzRead(f *testing.F) {
	f.Add(text(f, record(1, "median"), record(1, "mean")))
	f.Add(text(f))
	f.Add("section,n\n")
	f.Fuzz(func(t *testing.T, content string) {
		records, err := Read(strings.NewReader(content))
		if err != nil {
			require.ErrorIs(t, err, ErrFormat)
			return
		}
		again, err := Read(strings.NewReader(text(t, records...)))
		require.NoError(t, err)
		require.Len(t, again, len(records))
		for i := range again {
			require.Equal(t, records[i].key(), again[i].key())
		}
	})
}
