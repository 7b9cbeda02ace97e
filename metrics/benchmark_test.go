package metrics_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// benchmarkMatrix returns a matrix with realistic values: most near 99 %, a tenth arbitrary, 2 %
// missing.
func benchmarkMatrix(b *testing.B, rows, columns int) metrics.Matrix {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	mixnodes := make([]metrics.MixID, columns)
	for j := range mixnodes {
		mixnodes[j] = metrics.MixID(fmt.Sprintf("m%05d", j+1))
	}
	all := make([]metrics.Row, rows)
	for i := range all {
		values := make([]metrics.Uptime, columns)
		for j := range values {
			switch p := random.IntN(100); {
			case p < 2:
				values[j] = metrics.Missing
			case p < 12:
				values[j] = metrics.Uptime(random.IntN(10001))
			default:
				values[j] = metrics.Uptime(9700 + random.IntN(301))
			}
		}
		all[i] = metrics.Row{Reporter: fmt.Sprintf("r%03d", i), Values: values}
	}
	m, err := metrics.NewMatrix(mixnodes, all)
	require.NoError(b, err)
	return m
}

var sizes = []struct{ rows, columns, f int }{{10, 240, 3}, {100, 10000, 33}}

func BenchmarkApply(b *testing.B) {
	for _, size := range sizes {
		m := benchmarkMatrix(b, size.rows, size.columns)
		for _, e := range metrics.Estimators() {
			b.Run(fmt.Sprintf("%s/%dx%d", e.Name(), size.rows, size.columns), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					metrics.Apply(m, e, size.f)
				}
			})
		}
	}
}

func BenchmarkDecodeReport(b *testing.B) {
	for _, size := range sizes {
		m := benchmarkMatrix(b, 1, size.columns)
		data, err := metrics.Report{Mixnodes: m.Mixnodes, Values: m.Rows[0].Values}.Encode()
		require.NoError(b, err)
		limits := metrics.LimitsFor(size.columns)
		b.Run(fmt.Sprint(size.columns), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := metrics.DecodeReport(data, limits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
