package service

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// admin runs the admin listener of a daemon with that key.
func admin(t *testing.T, key keys.Private, network string) string {
	s, err := server.NewAdmin(server.AdminConfig{Signer: key, Network: network}, server.Config{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return s.URL()
}

func signerOf(url string, key keys.Public, network string) *signer {
	return newSigner(Daemon{URL: url, Admin: url}, api.NodeConfig{Key: key, Network: network}, slog.New(slog.DiscardHandler))
}

// The daemon signs a submission like an embedded key. Everything else, or a signature of another
// node, is invalid.
func TestDaemonSignsSubmissionsButNoMessages(t *testing.T) {
	key, other := contracttest.Key(1), contracttest.Key(2)
	d := contracttest.Description(4, 3)
	url := admin(t, key, d.Network)
	embedded := contracttest.Submission(d, 1)

	s := signerOf(url, key.Public(), d.Network)
	require.True(t, embedded.Sign(s).Verify())
	require.NotEqual(t, embedded.Signature, embedded.Sign(s).Signature, "under the node's tag for programs")
	enrolled := contract.Enrolment{Name: "a", Counter: 1}.Sign(s, d.Network, d.ContractKey)
	require.True(t, enrolled.Verify(d.Network, d.ContractKey))
	require.Zero(t, embedded.Sign(signerOf(url, other.Public(), d.Network)).Signature, "the daemon has another key")
	require.Zero(t, embedded.Sign(signerOf(url, key.Public(), "elsewhere")).Signature, "it is for another network")
	require.Zero(t, embedded.Sign(signerOf(url+"/none", key.Public(), d.Network)).Signature, "not an admin listener")
	require.Zero(t, embedded.Sign(signerOf("http://127.0.0.1:1", key.Public(), d.Network)).Signature, "no daemon")

	m, err := block.NewMessage(s, d.Network, d.Label(), []byte("report"), 7)
	require.NoError(t, err)
	require.False(t, m.Verify(), "the daemon signs messages when they are submitted")
	signed, err := block.NewMessage(key, d.Network, d.Label(), []byte("report"), 7)
	require.NoError(t, err)
	require.Equal(t, signed.ID(), m.ID(), "with the stored ID")

	_, err = s.ask(m.SigningBytes())
	require.ErrorIs(t, err, api.Forbidden, "not even on request")
}
