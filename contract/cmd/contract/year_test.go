package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/year"
)

// BenchmarkInspectAYear shows a database with a year of hourly epochs.
func BenchmarkInspectAYear(b *testing.B) {
	if testing.Short() {
		b.Skip("it makes a database of a year first, which takes half a minute: leave -short out")
	}
	path := filepath.Join(b.TempDir(), databaseName)
	require.NoError(b, year.Make(context.Background(), path, contracttest.ContractKey(), year.Hours))
	for _, c := range []struct {
		name string
		args []string
	}{
		{"overview", nil},
		{"last", []string{"--epoch", "last"}},
		{"reports", []string{"--reports"}},
		{"reporters", []string{"--reporters"}},
		{"mixnode", []string{"--mixnode", "m0100"}},
		{"mixnode-csv", []string{"--mixnode", "m0100", "--csv"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var slowest time.Duration
			for b.Loop() {
				began := time.Now()
				status, _, errs := call(b, append([]string{"inspect", "--db", path}, c.args...)...)
				slowest = max(slowest, time.Since(began))
				require.Zero(b, status, errs)
			}
			b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
		})
	}
}
