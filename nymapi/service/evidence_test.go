package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// get returns what a member answers at a path of its API.
func (c *cluster) get(number int, path string) (int, []byte) {
	c.Helper()
	once := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	answer, err := once.Get(c.members[number].API() + path)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(c, err)
	return answer.StatusCode, body
}

// twice publishes a second report without values for every epoch.
func twice(ctx context.Context, p service.Publication) error {
	missing := make([]metrics.Uptime, len(p.Description.Mixnodes))
	for i := range missing {
		missing[i] = metrics.Missing
	}
	other, err := p.Sign(metrics.Report{Description: p.Description.Hash(), Mixnodes: p.Description.Mixnodes, Values: missing})
	if err != nil {
		return err
	}
	return errors.Join(p.Submit(ctx, p.Message), p.Submit(ctx, other))
}

// A Nym-API that signs two reports for an epoch is convicted by a file that any other member hands
// out, and that needs no trust in that member.
func TestAMemberHandsOutProofAgainstALiar(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, 1500*time.Millisecond)
	for number := 1; number <= 3; number++ {
		c.start(number, serving)
	}
	c.start(4, func(config *service.Config) { config.Behaviour.Publish = twice })
	var listed struct{ Evidence []rewards.Conviction }
	c.eventually(func() bool { return c.members[1].Status().Evidence > 0 && c.members[1].API() != "" }, "somebody is convicted")
	status, body := c.get(1, service.PathEvidence)
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, json.Unmarshal(body, &listed))
	of := listed.Evidence[0]
	require.Equal(t, []string{"nymapi-4"}, of.Names)
	require.Equal(t, "nymapi-4 signed two reports for epoch "+of.Epoch.String(), of.Offence)
	require.FileExists(t, filepath.Join(c.home(1), service.EvidenceFolder, of.File))

	status, body = c.get(1, service.PathEvidence+"/"+of.File)
	require.Equal(t, http.StatusOK, status)
	file, err := evidence.Decode(body)
	require.NoError(t, err)
	info, err := c.asked.PeerInfo(t.Context())
	require.NoError(t, err)
	group, err := info.MakeGroup()
	require.NoError(t, err)
	accusation, err := verify.Accuse(file, verify.Accused{Group: group})
	require.NoError(t, err)
	require.Equal(t, of.Culprits, accusation.Culprits)

	status, body = c.get(1, service.PathEvidence+"/nothing.evidence")
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, string(body), "GET "+service.PathEvidence)
	require.Subset(t, c.families(1), []string{"nymapi_evidence_files"})
}
