package shadow_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/process"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/shadowtest"
)

// BenchmarkTwoDaysOfNym reads as many rows as all operators of Nym's mixnet would submit in two
// days.
func BenchmarkTwoDaysOfNym(b *testing.B) {
	if testing.Short() {
		b.Skip("makes a database of 434 MB")
	}
	path := b.TempDir() + "/db.sqlite"
	world := shadowtest.World{Nodes: 743, Submitters: 17, Every: 15 * time.Minute, Length: 48 * time.Hour}
	shadowtest.Create(b, path, shadowtest.Schema(), shadowtest.InsertWorld(b, shadowtest.Liveness, world))
	c := config(path)
	c.Window = world.Length
	for b.Loop() {
		o, err := shadow.Run(b.Context(), c)
		require.NoError(b, err)
		require.Equal(b, 743*17*192, o.Summary.Rows.Used)
	}
	b.ReportMetric(float64(process.Peak(os.Getpid()))/1e6, "peak-MB")
}
