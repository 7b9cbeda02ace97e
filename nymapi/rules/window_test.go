package rules_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

func TestMomentsOfAWindow(t *testing.T) {
	w := rules.Window{Start: 1_000, End: 21_000}
	require.Equal(t, contract.Millis(26_000), w.Deadline(), "a quarter of an epoch after its end")
	require.Equal(t, contract.Millis(28_000), w.Grace(), "a tenth later")
	require.Equal(t, contract.Millis(25_003), w.Turn(22_003, 3), "a twentieth for each member before it")
}
