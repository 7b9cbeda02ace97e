package service

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// No wait exceeds the bound, and waits come close to it.
func TestWaitsAreBounded(t *testing.T) {
	next := waits(askMost)
	longest := next.NextBackOff()
	for range 1000 {
		longest = max(longest, next.NextBackOff())
	}
	require.LessOrEqual(t, longest, askMost)
	require.Greater(t, longest, askMost*9/10)
}
