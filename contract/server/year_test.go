package server_test

import (
	"context"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/year"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// lookups are requests that read much of a database.
var lookups = map[string]string{
	"epoch":             contract.EpochPath(5000),
	"epochs":            contract.PathEpochs,
	"thousand-epochs":   contract.PathEpochs + "?limit=1000",
	"matrix":            contract.MatrixPath(5000),
	"reporters":         contract.PathReporters,
	"mixnode":           contract.MixnodePath("m0100"),
	"mixnode-largest":   contract.MixnodePath("m0100") + "?limit=100&from=5000",
	"mixnode-unknown":   contract.MixnodePath("m9999"),
	"mixnode-next-year": contract.MixnodePath("m0100") + "?from=100000",
	"page":              "/",
	"epoch-page":        "/epochs/5000",
}

// BenchmarkAnswersAboutAYear asks a contract with a year of hourly epochs.
func BenchmarkAnswersAboutAYear(b *testing.B) {
	if testing.Short() {
		b.Skip("it makes a database of a year first, which takes half a minute: leave -short out")
	}
	cfg := configure(b, year.NymAPIs, year.Mixnodes)
	cfg.EpochDuration = time.Hour
	key, err := keys.LoadOrCreate(filepath.Join(filepath.Dir(cfg.Database), "contract.key"))
	require.NoError(b, err)
	require.NoError(b, year.Make(context.Background(), cfg.Database, key, year.Hours))
	w := start(b, cfg)
	for _, name := range slices.Sorted(maps.Keys(lookups)) {
		b.Run(name, func(b *testing.B) {
			var slowest time.Duration
			for b.Loop() {
				began := time.Now()
				answer, body := w.get(http.MethodGet, lookups[name])
				slowest = max(slowest, time.Since(began))
				if answer.StatusCode >= http.StatusInternalServerError {
					b.Fatal(answer.Status, string(body))
				}
			}
			b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
		})
	}
}
