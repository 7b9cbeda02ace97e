package server

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// For every limit, what a contract holds and its callers' connections are within it, or the limit
// is refused with the least.
func TestConnectionsStayWithinTheDescriptors(t *testing.T) {
	least := 0
	for limit := range 4096 {
		callers, err := connections(limit)
		if err != nil {
			require.ErrorIs(t, err, ErrDescriptors)
			require.Zero(t, least, "a higher limit is refused, a lower one is not")
			require.ErrorContains(t, err, fmt.Sprintf("at least %d are needed", heldDescriptors+fewestConnections))
			continue
		}
		if least == 0 {
			least = limit
		}
		require.LessOrEqual(t, callers+heldDescriptors, limit)
		require.GreaterOrEqual(t, callers, fewestConnections)
	}
	require.Equal(t, heldDescriptors+fewestConnections, least)
	callers, err := connections(math.MaxInt32)
	require.NoError(t, err)
	require.Equal(t, mostConnections, callers)
}
