package spread

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The values are those of printed tables.
func TestQuantilesOfStudentsDistribution(t *testing.T) {
	for _, c := range []struct{ tail, degrees, want float64 }{
		{0.025, 1, 12.706}, {0.025, 3, 3.182}, {0.001, 3, 10.215}, {0.001, 7, 4.785}, {0.0005, 7, 5.408}, {0.025, 1000, 1.962},
	} {
		require.InDelta(t, c.want, student(c.tail, c.degrees), 0.001, "%v", c)
	}
}
