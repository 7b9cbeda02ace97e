package command_test

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// The setting limits the memory of the process, unless the environment does.
func TestMemoryLimitFollowsTheSetting(t *testing.T) {
	before := debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	t.Setenv("GOMEMLIMIT", "")
	command.LimitMemory(512 << 20)
	require.EqualValues(t, 512<<20, debug.SetMemoryLimit(-1))
	t.Setenv("GOMEMLIMIT", "1GiB")
	command.LimitMemory(256 << 20)
	require.EqualValues(t, 512<<20, debug.SetMemoryLimit(-1))
}
