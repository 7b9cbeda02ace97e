package ephemera_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// An answer that was forgotten ends Run with an error that names the method, and so does a panic:
// nothing waits for an answer that never comes.
func TestMissingVerdictEndsRun(t *testing.T) {
	for name, test := range map[string]struct {
		block func(block.Block) ephemera.Decision
		want  string
	}{
		"block, zero":  {func(block.Block) ephemera.Decision { return ephemera.Decision{} }, "CheckBlock with the zero Decision: return Accept, Reject or Later"},
		"block, panic": {func(block.Block) ephemera.Decision { panic("no idea") }, "application panicked: no idea"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 1, memory.Config{})
				c.boards[0].verdict = test.block
				node, cancel, result := c.run(0)
				defer cancel()
				require.NoError(t, node.Submit(t.Context(), c.message(c.keys[0], "judge me")))
				err := <-result
				require.ErrorContains(t, err, test.want)
				require.Equal(t, name == "block, zero", errors.Is(err, verdict.ErrZero))
			})
		})
	}
}
