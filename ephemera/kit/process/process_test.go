package process

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThePeakIsReadFromProc(t *testing.T) {
	require.EqualValues(t, 57*1024*1024, peakIn([]byte("Name:\tx\nVmHWM:\t   58368 kB\nVmRSS:\t 1 kB\n")))
	require.Zero(t, peakIn([]byte("Name:\tx\n")))
	require.Zero(t, Peak(-1))
}
