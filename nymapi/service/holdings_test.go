package service_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/nymapi/holders"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// When the contract is gone, the evidence of an epoch is found at every member through any of them,
// and proves the epoch to those who know the group and the contract's key.
func TestTheEvidenceOutlivesTheContract(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, time.Second)
	c.startAll(serving, func(config *service.Config) { config.DHT, config.Bundles = true, 64 })
	detail := c.reported(3)
	for number := 1; number <= 3; number++ {
		c.keepsCore(number, detail.ID)
	}
	c.stopContract()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var got holders.Collected
	c.eventually(func() bool {
		got = holders.Collect(t.Context(), holders.Config{Epoch: detail.ID, URLs: []string{c.members[2].API()}, Client: client})
		return len(got.Cores) == 1 && got.Cores[0].Count == 3
	}, "all hold it")
	require.True(t, got.Agree())
	for i, f := range got.Found {
		require.Equal(t, c.members[i+1].API(), f.URL)
		require.Equal(t, f.Core, f.Stated)
	}
	report := check.New(check.Config{Group: detail.Description.Group.ID(), Contract: detail.Description.ContractKey}).Next(check.Evidence{Core: got.Cores[0].Data})
	require.Equal(t, detail.ID, report.Epoch)
	require.Zero(t, report.Count(check.Fail))

	path := func(pattern, id string) string { return strings.Replace(pattern, "{id}", id, 1) }
	var entry api.Entry
	c.eventually(func() bool {
		status, body := c.get(3, path(holders.PathBlock, detail.ID.String()))
		return status == http.StatusOK && json.Unmarshal(body, &entry) == nil
	}, "the winner's block is there")
	require.NoError(t, entry.Verify(detail.Description.Group))
	require.Equal(t, detail.Winner.Block, entry.Block.ID)

	for pattern, want := range map[string]int{holders.PathBundle: http.StatusNotFound, holders.PathBlock: http.StatusNotFound, holders.PathHolders: http.StatusOK} {
		status, body := c.get(1, path(pattern, "999"))
		require.Equal(t, want, status, "%s: %s", pattern, body)
		status, _ = c.get(1, path(pattern, "zero"))
		require.Equal(t, http.StatusUnprocessableEntity, status)
	}
}
