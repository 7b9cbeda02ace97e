package local_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAPIInTheProcess(t *testing.T) {
	apitest.Run(t, func(_ *testing.T, of api.API) api.API { return of })
}

// muted is the record of a node whose votes in group 1 were lost.
type muted struct{ ephemera.VotesKeptNowhere }

func (muted) MutedThrough() uint64 { return 1 }

// A message that would wait forever is refused with the reason: the node takes messages for its own
// blocks only and makes none, because it is muted or was removed from the group.
func TestNodeThatMakesNoBlocksTakesNoMessages(t *testing.T) {
	c := apitest.Start(t, 2, mempool.Limits{}, func(place int, config *ephemera.Config) {
		if place == 1 {
			config.Votes = muted{}
		}
	})
	submit := func(i int) error {
		_, err := c.API(i).SubmitEphemeraMessage(t.Context(), api.Submission{Label: "notice", Payload: []byte("x")})
		return err
	}
	require.NoError(t, submit(0))
	require.ErrorIs(t, submit(1), api.Unavailable)
	require.ErrorIs(t, submit(1), ephemera.ErrMuted)
	require.ErrorContains(t, submit(1), "higher number")

	next, err := membership.NewGroup(apitest.Network, 2, []keys.Public{c.Members[1].Public(), c.Members[2].Public()}, membership.Limits{})
	require.NoError(t, err)
	for _, node := range c.Nodes {
		require.NoError(t, node.Adopt(t.Context(), next, nil))
	}
	require.NoError(t, submit(1), "the next group makes it whole")
	require.ErrorIs(t, submit(0), api.Unavailable)
	require.ErrorIs(t, submit(0), ephemera.ErrNotMember)

	c.Stop(1)
	health, err := c.API(0).Health(t.Context())
	require.NoError(t, err)
	require.False(t, health.Ready)
	require.Contains(t, health.Reason, "not a member of group 2")
}
