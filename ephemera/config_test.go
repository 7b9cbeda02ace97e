package ephemera_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	storememory "github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// The error about a configuration names everything that is wrong with it.
func TestConfigurationErrorsNameTheFields(t *testing.T) {
	err := ephemera.Config{}.Validate()
	for _, field := range []string{"Key", "Store", "Votes", "Group", "Transport"} {
		require.ErrorContains(t, err, field+" is required")
	}
	c := newCluster(t, 1, memory.Config{})
	config := ephemera.Config{Key: c.keys[0], Group: c.group, Store: storememory.New(), Votes: ephemera.VotesKeptNowhere{}, Transport: c.link(0)}
	require.NoError(t, config.Validate())
	config.Peers = []membership.Peer{}
	require.ErrorContains(t, config.Validate(), "SetPeers")
	config.Peers, config.HandOver = nil, -time.Second
	require.ErrorContains(t, config.Validate(), "HandOver")
	config.HandOver = 0
	_, err = ephemera.New(config, nil)
	require.ErrorContains(t, err, "Application is required")
}
