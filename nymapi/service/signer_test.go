package service

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// admin runs the admin listener of a daemon with a key.
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

// A submission is signed by the daemon as by an embedded key; whatever else is wanted, or another
// node's signature, verifies nowhere.
func TestDaemonSignsSubmissionsAndNothingOfItsOwn(t *testing.T) {
	key, other := contracttest.Key(1), contracttest.Key(2)
	d := contracttest.Description(4, 3)
	url := admin(t, key, d.Network)
	embedded := contracttest.Submission(d, 1)

	s := signerOf(url, key.Public(), d.Network)
	require.Equal(t, embedded.Signature, embedded.Sign(s).Signature)
	require.Zero(t, embedded.Sign(signerOf(url, other.Public(), d.Network)).Signature, "the daemon has another key")
	require.Zero(t, embedded.Sign(signerOf(url, key.Public(), "elsewhere")).Signature, "it is for another network")
	require.Zero(t, embedded.Sign(signerOf(url+"/none", key.Public(), d.Network)).Signature, "that is no admin listener")
	require.Zero(t, embedded.Sign(signerOf("http://127.0.0.1:1", key.Public(), d.Network)).Signature, "nobody is there")

	m, err := block.NewMessage(s, d.Network, d.Label(), []byte("report"), 7)
	require.NoError(t, err)
	require.False(t, m.Verify(), "the daemon signs messages when they are submitted")
	signed, err := block.NewMessage(key, d.Network, d.Label(), []byte("report"), 7)
	require.NoError(t, err)
	require.Equal(t, signed.ID(), m.ID(), "under the ID that is stored")

	_, err = s.ask(m.SigningBytes())
	require.ErrorIs(t, err, api.Forbidden, "not even when it is asked to")
}
