package service_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// With a hash table, anybody can look up what members stored, and nobody can have a Nym-API's node
// store anything.
func TestCallersOnlyReadTheHashTable(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, time.Second)
	c.startAll(serving, func(config *service.Config) { config.DHT = true })
	asked := c.served(1, c.reported(2).Description.Group)
	_, err := asked.QueryDHT(t.Context(), "unknown/name")
	require.ErrorIs(t, err, api.NotFound)
	_, err = asked.QueryDHT(t.Context(), "not a name")
	require.ErrorIs(t, err, api.Invalid)
	require.ErrorIs(t, asked.StoreInDHT(t.Context(), "name", []byte("value")), api.Forbidden)
}
