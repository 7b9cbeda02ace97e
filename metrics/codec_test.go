package metrics_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

var wide = metrics.LimitsFor(1000)

func drawMixnodes(t *rapid.T) []metrics.MixID {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[!#-&(-+\--:<-~]{1,64}`), 1, 30, rapid.ID[string]).Draw(t, "mixnodes")
	slices.Sort(names)
	ids := make([]metrics.MixID, len(names))
	for i, name := range names {
		ids[i] = metrics.MixID(name)
	}
	return ids
}

func drawReport(t *rapid.T) metrics.Report {
	r := metrics.Report{Mixnodes: drawMixnodes(t)}
	copy(r.Description[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "description"))
	r.Values = drawRows(t, 1, len(r.Mixnodes))[0].Values
	return r
}

func TestReportRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawReport(t)
		data, err := r.Encode()
		require.NoError(t, err)
		limits := metrics.LimitsFor(len(r.Mixnodes))
		got, err := metrics.DecodeReport(data, limits)
		require.NoError(t, err)
		require.Equal(t, r, got)

		_, err = metrics.DecodeReport(data, metrics.Limits{Mixnodes: limits.Mixnodes - 1, Bytes: limits.Bytes})
		require.ErrorIs(t, err, metrics.ErrTooLarge)
		_, err = metrics.DecodeReport(data, metrics.Limits{Mixnodes: limits.Mixnodes, Bytes: len(data) - 1})
		require.ErrorIs(t, err, metrics.ErrTooLarge)
		_, err = metrics.DecodeReport(append(slices.Clone(data), 0), wide)
		require.ErrorIs(t, err, metrics.ErrEncoding)
		_, err = metrics.DecodeReport(data[:rapid.IntRange(0, len(data)-1).Draw(t, "cut")], wide)
		require.ErrorIs(t, err, metrics.ErrEncoding)
	})
}

func TestResultRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		report := drawReport(t)
		r := metrics.Result{Mixnodes: report.Mixnodes, Values: report.Values}
		r.Reports = rapid.SliceOfN(rapid.Uint16(), len(r.Mixnodes), len(r.Mixnodes)).Draw(t, "reports")
		data, err := r.Encode()
		require.NoError(t, err)
		got, err := metrics.DecodeResult(data, metrics.LimitsFor(len(r.Mixnodes)))
		require.NoError(t, err)
		require.Equal(t, r, got)
	})
}

func TestLimitsAdmitTheLongestReportAndResult(t *testing.T) {
	const n = 300
	report := metrics.Report{Mixnodes: make([]metrics.MixID, n), Values: make([]metrics.Uptime, n)}
	result := metrics.Result{Mixnodes: report.Mixnodes, Values: report.Values, Reports: make([]uint16, n)}
	for i := range n {
		report.Mixnodes[i] = metrics.MixID(fmt.Sprintf("%064d", i))
		report.Values[i], result.Reports[i] = metrics.Full, 1<<16-1
	}
	for _, r := range []interface{ Encode() ([]byte, error) }{report, result} {
		data, err := r.Encode()
		require.NoError(t, err)
		require.LessOrEqual(t, len(data), metrics.LimitsFor(n).Bytes)
	}
	require.Equal(t, 0, metrics.LimitsFor(-1).Mixnodes)
	require.Positive(t, metrics.LimitsFor(1<<62).Bytes)
}

// TestGoldenBytes pins the formats: a change here is a new format and needs a new domain.
func TestGoldenBytes(t *testing.T) {
	mixnodes := []metrics.MixID{"m1", "m2", "m3", "m4", "m5"}
	values := []metrics.Uptime{0, 24, metrics.Missing, 256, metrics.Full}
	report := metrics.Report{Description: [32]byte{1, 2, 3}, Mixnodes: mixnodes, Values: values}
	data, err := report.Encode()
	require.NoError(t, err)
	require.Equal(t, "83"+"5820010203"+strings.Repeat("00", 29)+"85"+"626d31626d32626d33626d34626d35"+
		"85"+"00"+"1818"+"f6"+"190100"+"192710", hex.EncodeToString(data))

	result := metrics.Result{Mixnodes: mixnodes, Values: values, Reports: []uint16{4, 4, 2, 3, 4}}
	data, err = result.Encode()
	require.NoError(t, err)
	require.Equal(t, "83"+"85"+"626d31626d32626d33626d34626d35"+"85"+"00"+"1818"+"f6"+"190100"+"192710"+"850404020304",
		hex.EncodeToString(data))
	hash, err := result.Hash("test")
	require.NoError(t, err)
	require.Equal(t, "8b5a74aab747f765afc72f8ba2565d6084a6ff4d3a106d5fc84c63603e5d5026", hex.EncodeToString(hash[:]))
	other, err := result.Hash("main")
	require.NoError(t, err)
	require.NotEqual(t, hash, other)
}

func TestDecodersAcceptOnlyCanonicalEncodings(t *testing.T) {
	description := "5820" + strings.Repeat("00", 32)
	tests := map[string]string{
		"empty input":            "",
		"not an array":           "00",
		"null":                   "f6",
		"map":                    "a0",
		"tag":                    "c0" + "83" + description + "81626d31" + "8105",
		"too few fields":         "82" + description + "81626d31",
		"too many fields":        "84" + description + "81626d31" + "8105" + "00",
		"indefinite array":       "9f" + description + "81626d31" + "8105" + "ff",
		"long array head":        "9803" + description + "81626d31" + "8105",
		"long name head":         "83" + description + "8178026d31" + "8105",
		"long value":             "83" + description + "81626d31" + "811805",
		"longer value":           "83" + description + "81626d31" + "81190005",
		"longest value":          "83" + description + "81626d31" + "811b0000000000000005",
		"undefined value":        "83" + description + "81626d31" + "81f7",
		"float value":            "83" + description + "81626d31" + "81f94500",
		"negative value":         "83" + description + "81626d31" + "8120",
		"value above 100 %":      "83" + description + "81626d31" + "81192711",
		"null mixnodes":          "83" + description + "f6" + "8105",
		"null values":            "83" + description + "81626d31" + "f6",
		"null description":       "83" + "f6" + "81626d31" + "8105",
		"short description":      "83" + "4100" + "81626d31" + "8105",
		"long description":       "83" + "5821" + strings.Repeat("00", 33) + "81626d31" + "8105",
		"bytes for a name":       "83" + description + "81426d31" + "8105",
		"name with a space":      "83" + description + "81626d20" + "8105",
		"name that is not UTF-8": "83" + description + "8162ff31" + "8105",
		"empty name":             "83" + description + "8160" + "8105",
		"no mixnodes":            "83" + description + "80" + "80",
		"mixnodes out of order":  "83" + description + "82626d32626d31" + "820505",
		"mixnode twice":          "83" + description + "82626d31626d31" + "820505",
		"too few values":         "83" + description + "82626d31626d32" + "8105",
		"too many values":        "83" + description + "81626d31" + "820505",
		"huge array":             "83" + description + "9bffffffffffffffff",
	}
	for name, input := range tests {
		data, err := hex.DecodeString(input)
		require.NoError(t, err, name)
		_, err = metrics.DecodeReport(data, wide)
		require.Error(t, err, name)
	}
	good, err := hex.DecodeString("83" + description + "81626d31" + "8105")
	require.NoError(t, err)
	_, err = metrics.DecodeReport(good, wide)
	require.NoError(t, err)
}

func TestInvalidValuesAreNotEncoded(t *testing.T) {
	ids := []metrics.MixID{"m1", "m2"}
	long := metrics.MixID(strings.Repeat("m", metrics.MaxMixIDLength+1))
	tests := map[string]struct {
		report metrics.Report
		want   error
	}{
		"empty":        {metrics.Report{}, metrics.ErrReport},
		"short values": {metrics.Report{Mixnodes: ids, Values: []metrics.Uptime{1}}, metrics.ErrReport},
		"order":        {metrics.Report{Mixnodes: []metrics.MixID{"b", "a"}, Values: []metrics.Uptime{1, 1}}, metrics.ErrReport},
		"long name":    {metrics.Report{Mixnodes: []metrics.MixID{long}, Values: []metrics.Uptime{1}}, metrics.ErrMixID},
		"comma":        {metrics.Report{Mixnodes: []metrics.MixID{"a,b"}, Values: []metrics.Uptime{1}}, metrics.ErrMixID},
		"semicolon":    {metrics.Report{Mixnodes: []metrics.MixID{"a;b"}, Values: []metrics.Uptime{1}}, metrics.ErrMixID},
		"quote":        {metrics.Report{Mixnodes: []metrics.MixID{`"a"`}, Values: []metrics.Uptime{1}}, metrics.ErrMixID},
		"apostrophe":   {metrics.Report{Mixnodes: []metrics.MixID{"'a'"}, Values: []metrics.Uptime{1}}, metrics.ErrMixID},
		"high value":   {metrics.Report{Mixnodes: ids, Values: []metrics.Uptime{1, 10001}}, metrics.ErrUptime},
		"low value":    {metrics.Report{Mixnodes: ids, Values: []metrics.Uptime{1, -2}}, metrics.ErrUptime},
	}
	for name, tt := range tests {
		_, err := tt.report.Encode()
		require.ErrorIs(t, err, tt.want, name)
		result := metrics.Result{Mixnodes: tt.report.Mixnodes, Values: tt.report.Values}
		result.Reports = make([]uint16, len(result.Mixnodes))
		_, err = result.Encode()
		require.ErrorIs(t, err, tt.want, name)
		_, err = result.Hash("net")
		require.ErrorIs(t, err, tt.want, name)
	}
	_, err := metrics.Result{Mixnodes: ids, Values: []metrics.Uptime{1, 1}, Reports: []uint16{1}}.Encode()
	require.ErrorIs(t, err, metrics.ErrReport)
}

func TestMatrixRejectsInvalidRows(t *testing.T) {
	ids := []metrics.MixID{"m1", "m2"}
	good := []metrics.Uptime{1, metrics.Missing}
	tests := map[string]struct {
		ids  []metrics.MixID
		rows []metrics.Row
		want error
	}{
		"no mixnodes":        {nil, nil, metrics.ErrReport},
		"short row":          {ids, []metrics.Row{{Reporter: "a", Values: good[:1]}}, metrics.ErrReport},
		"reporter twice":     {ids, []metrics.Row{{Reporter: "a", Values: good}, {Reporter: "a", Values: good}}, metrics.ErrReport},
		"value out of range": {ids, []metrics.Row{{Reporter: "a", Values: []metrics.Uptime{1, 10001}}}, metrics.ErrUptime},
		"too many rows":      {ids, make([]metrics.Row, metrics.MaxRows+1), metrics.ErrReport},
	}
	for name, tt := range tests {
		_, err := metrics.NewMatrix(tt.ids, tt.rows)
		require.ErrorIs(t, err, tt.want, name)
	}
	rows := []metrics.Row{{Reporter: "b", Values: good}, {Reporter: "a", Values: good}}
	m, err := metrics.NewMatrix(ids, rows)
	require.NoError(t, err)
	require.Equal(t, "a", m.Rows[0].Reporter)
	require.Equal(t, "b", rows[0].Reporter, "the caller's slice keeps its order")
}

func TestUptimeInJSONAndText(t *testing.T) {
	values := []metrics.Uptime{0, 5, 9850, metrics.Full, metrics.Missing}
	data, err := json.Marshal(values)
	require.NoError(t, err)
	require.JSONEq(t, `[0,5,9850,10000,null]`, string(data))
	var got []metrics.Uptime
	require.NoError(t, json.Unmarshal(data, &got))
	require.Equal(t, values, got)
	for _, bad := range []string{"-1", "10001", "1.5", `"1"`, "1e3"} {
		var u metrics.Uptime
		require.ErrorIs(t, json.Unmarshal([]byte(bad), &u), metrics.ErrUptime, bad)
	}
	_, err = json.Marshal(metrics.Uptime(10001))
	require.ErrorIs(t, err, metrics.ErrUptime)

	text := make([]string, len(values))
	for i, v := range values {
		text[i] = v.String()
	}
	require.Equal(t, []string{"0.00", "0.05", "98.50", "100.00", ""}, text)
	points, ok := metrics.Uptime(9850).Points()
	require.True(t, ok)
	require.InDelta(t, 98.5, points, 0)
	_, ok = metrics.Missing.Points()
	require.False(t, ok)
}

func TestAverageRoundsHalfUpOnce(t *testing.T) {
	require.Equal(t, metrics.Missing, metrics.Average(nil))
	require.Equal(t, metrics.Uptime(0), metrics.Average([]uint8{0}))
	require.Equal(t, metrics.Uptime(3333), metrics.Average([]uint8{0, 0, 100}))
	require.Equal(t, metrics.Uptime(6667), metrics.Average([]uint8{0, 100, 100}))
	require.Equal(t, metrics.Uptime(13), metrics.Average([]uint8{1, 0, 0, 0, 0, 0, 0, 0})) // 12.5
	require.Equal(t, metrics.Full, metrics.Average(slices.Repeat([]uint8{100}, 1000)))
	require.Equal(t, metrics.Missing, metrics.AverageOfSum(0, 0))
}

// seedFuzz adds the encodings of a few valid values to the corpus in testdata/fuzz.
func seedFuzz(f *testing.F, encode func(metrics.Report) ([]byte, error)) {
	f.Helper()
	for _, values := range [][]metrics.Uptime{{0}, {metrics.Missing, metrics.Full}, {23, 24, 255, 256}} {
		r := metrics.Report{Values: values}
		for i := range values {
			r.Mixnodes = append(r.Mixnodes, metrics.MixID(fmt.Sprintf("m%d", i)))
		}
		data, err := encode(r)
		require.NoError(f, err)
		f.Add(data)
	}
}

func FuzzDecodeReport(f *testing.F) {
	seedFuzz(f, metrics.Report.Encode)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := metrics.DecodeReport(data, wide)
		if err != nil {
			return
		}
		again, err := r.Encode()
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}

func FuzzDecodeResult(f *testing.F) {
	seedFuzz(f, func(r metrics.Report) ([]byte, error) {
		return metrics.Result{Mixnodes: r.Mixnodes, Values: r.Values, Reports: make([]uint16, len(r.Values))}.Encode()
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := metrics.DecodeResult(data, wide)
		if err != nil {
			return
		}
		again, err := r.Encode()
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}
