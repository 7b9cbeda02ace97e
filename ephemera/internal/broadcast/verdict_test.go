package broadcast_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// The core does not take the zero Decision for Later.
func TestZeroDecisionIsNoVerdict(t *testing.T) {
	require.Panics(t, func() { new(broadcast.Instance).Verdict(0, 0, block.ID{}, verdict.Decision{}) })
}
