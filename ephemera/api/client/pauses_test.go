package client

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// No pause before the next attempt to connect exceeds the bound, and pauses come close to it.
func TestPausesAreBounded(t *testing.T) {
	pauses := newPauses()
	longest := pauses.NextBackOff()
	for range 1000 {
		longest = max(longest, pauses.NextBackOff())
	}
	require.LessOrEqual(t, longest, maxBackoff)
	require.Greater(t, longest, maxBackoff*9/10)
}
