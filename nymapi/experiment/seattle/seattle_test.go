package seattle

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics/trace"
)

func TestTheTraceIsThatOfTheFile(t *testing.T) {
	want, err := trace.Open("../../../metrics/testdata/seattle/seattle_uptime.csv")
	require.NoError(t, err)
	got, err := Trace()
	require.NoError(t, err)
	require.Equal(t, want, got)
}
