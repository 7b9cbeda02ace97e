package service_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// serving configures a Nym-API to serve its node's API on a free port of loopback.
func serving(config *service.Config) { config.API, config.Version = "127.0.0.1:0", "v1" }

// served returns a client of a member's API that trusts only the given group, once the node is
// ready.
func (c *cluster) served(number int, trusted *membership.Group) *client.Client {
	c.Helper()
	c.eventually(func() bool { return c.members[number].API() != "" }, "the API is served")
	asked, err := client.New(c.members[number].API(), client.Options{Groups: []*membership.Group{trusted}})
	require.NoError(c, err)
	c.Cleanup(asked.Close)
	c.eventually(func() bool {
		health, err := asked.Health(c.Context())
		return err == nil && health.Ready
	}, "the node is ready")
	return asked
}

// first returns the first block that a node sends over its WebSocket.
func (c *cluster) first(asked api.API, wanted api.Subscription) api.Entry {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	for entry, err := range asked.Subscribe(ctx, wanted) {
		require.NoError(c, err)
		return entry
	}
	require.Fail(c, "the subscription ended without a block")
	return api.Entry{}
}

// What an embedded node serves over HTTP and WebSocket is what the contract paid for.
func TestAnEmbeddedNodeServesItsAPI(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, time.Second)
	c.start(1, serving)
	detail := c.reported(1)
	asked := c.served(1, detail.Description.Group)

	group, err := asked.QueryBroadcastGroup(t.Context(), api.GroupQuery{})
	require.NoError(t, err)
	require.Equal(t, detail.Description.Group.ID(), group.ID)
	entry := c.first(asked, api.Subscription{From: api.Beginning, Creator: detail.Winner.Key, Label: detail.Description.Label()})
	require.Equal(t, c.audited(detail.ID).Block.Header.ID(), entry.Block.ID, "the block that was submitted")
	_, err = asked.QueryBlockCertificates(t.Context(), entry.Block.ID)
	require.NoError(t, err)
	last, err := asked.QueryLastBlock(t.Context(), api.ChainQuery{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, last.Height, entry.Block.Height)

	config, err := asked.QueryEphemeraConfig(t.Context())
	require.NoError(t, err)
	require.Equal(t, "v1", config.Version)
	require.JSONEq(t, `{"nymapi":"nymapi-1","gossip":"flood","submit":"race","ticks":4}`, string(config.Application))

	require.Subset(t, c.families(1), []string{"ephemera_http_requests_total", "ephemera_certified_height", "ephemera_mempool_messages_total", "nymapi_contract_equivocations"})
	c.signsNothing(asked, detail.Description.Label(), entry)
}

// families returns the names of a node's metrics, which must all be Ephemera's or the Nym-API's.
func (c *cluster) families(number int) []string {
	c.Helper()
	once := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := once.Get(c.members[number].API() + api.PathTelemetry)
	require.NoError(c, err)
	defer response.Body.Close()
	require.Equal(c, http.StatusOK, response.StatusCode)
	text, err := io.ReadAll(response.Body)
	require.NoError(c, err)
	var families []string
	for _, found := range family.FindAllStringSubmatch(string(text), -1) {
		require.Regexp(c, "^(ephemera|nymapi)_", found[1])
		families = append(families, found[1])
	}
	return families
}

// family finds the name of a family of metrics.
var family = regexp.MustCompile(`(?m)^# TYPE (\S+)`)

// signsNothing checks that the node signs nothing for callers of its API, but accepts what a member
// signed.
func (c *cluster) signsNothing(asked api.API, label string, certified api.Entry) {
	c.Helper()
	_, err := asked.SubmitEphemeraMessage(c.Context(), api.Submission{Label: label, Payload: []byte("report")})
	require.ErrorIs(c, err, api.Forbidden)
	require.ErrorContains(c, err, "submit a message that a member signed")
	require.ErrorIs(c, asked.StoreInDHT(c.Context(), "key", []byte("value")), api.NotConfigured)

	signed, err := certified.Block.Messages[0].Canonical()
	require.NoError(c, err)
	_, err = asked.SubmitEphemeraMessage(c.Context(), api.Signed(signed))
	require.ErrorIs(c, err, api.Duplicate, "it reached the mempool, which knows it")
}

// A Nym-API that stops ends its subscriptions and frees the address for the next start.
func TestTheAPIEndsWithTheNymAPI(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, time.Second)
	c.start(1, serving)
	group := c.reported(1).Description.Group
	asked := c.served(1, group)
	address := strings.TrimPrefix(c.members[1].API(), "http://")

	subscribed, ended := make(chan api.Entry, 1), make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		var last error
		for entry, err := range asked.Subscribe(ctx, api.Subscription{From: api.Beginning}) {
			if last = err; err == nil {
				select {
				case subscribed <- entry:
				default:
				}
			}
		}
		ended <- last
	}()
	before := <-subscribed
	c.stop(1) // with a subscriber connected
	_, err := net.Dial("tcp", address)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	c.start(1, func(config *service.Config) { config.API = address })
	asked = c.served(1, group)
	require.Equal(t, before, c.first(asked, api.Subscription{From: api.Beginning}), "the same node at the same address")
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled, "the subscriber was waiting for the node")
}

// An address in use is reported at once, even if the group is not complete yet, and nothing stays
// locked.
func TestAnAPIAddressInUseIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, time.Second)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	occupied := func(config *service.Config) { config.API = taken.Addr().String() }
	for range 2 {
		err = c.run(1, occupied)
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.ErrorContains(t, err, taken.Addr().String())
		require.ErrorContains(t, err, "choose another address")
	}
	info, err := c.asked.PeerInfo(t.Context())
	require.NoError(t, err)
	require.Empty(t, info.Members, "it did not enrol")
}

// A Nym-API that waits for the other members is alive, and says what it waits for.
func TestANymAPIThatWaitsIsAlive(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, time.Second)
	address, err := freeport.Address()
	require.NoError(t, err)
	c.start(1, func(config *service.Config) { config.API = address })
	once := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	status := func(path string) (int, string) {
		answer, err := once.Get("http://" + address + path)
		if err != nil {
			return 0, ""
		}
		defer func() { _ = answer.Body.Close() }()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
	c.eventually(func() bool {
		code, _ := status(api.PathLive)
		return code == http.StatusOK
	}, "it is alive")
	code, body := status(api.PathReady)
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, "waiting for the contract and for the other members")
}

// Without a node there is nothing to serve.
func TestASingleNymAPIServesNoEphemeraAPI(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, time.Second, singleMode)
	c.start(1, func(config *service.Config) {
		serving(config)
		config.Mode = service.Single
	})
	c.eventually(func() bool { return c.members[1].Status().Ready }, "it is ready")
	require.Empty(t, c.members[1].API())
}
