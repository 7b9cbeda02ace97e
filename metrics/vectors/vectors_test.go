package vectors_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics/vectors"
)

func TestEstimatorsAgreeWithVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/estimators-shared.json")
	require.NoError(t, err)
	outcome, err := vectors.Check(data)
	require.NoError(t, err)
	require.Empty(t, outcome.Failures)
	t.Log(outcome.Checked, "expectations are met")
}
