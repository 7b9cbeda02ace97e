package server_test

import (
	"encoding/binary"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"
	"github.com/libp2p/go-libp2p/core/record/pb"
	"github.com/multiformats/go-multiaddr"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// signing runs an admin server with that key and returns a function that has it sign.
func signing(t *testing.T, key keys.Private, network string) func(request api.SignRequest) reply {
	s, err := server.NewAdmin(server.AdminConfig{Signer: key, Network: network}, server.Config{})
	run(t, s, err)
	return func(in api.SignRequest) reply {
		return do(t, request(t, http.MethodPost, s.URL()+api.PathSign, asJSON(t, in)))
	}
}

// peerRecord returns the payload of a libp2p peer record, with a field that no decoder knows in
// front, which holds the bytes between the domain and the body of what the endpoint signs.
func peerRecord(t *testing.T, key keys.Private, network string) (head, between, rest []byte) {
	id, err := peer.Decode(key.Public().PeerID())
	require.NoError(t, err)
	address, err := multiaddr.NewMultiaddr("/ip4/192.0.2.66/tcp/3000")
	require.NoError(t, err)
	rest, err = (&peer.PeerRecord{PeerID: id, Addrs: []multiaddr.Multiaddr{address}, Seq: 1 << 40}).MarshalRecord()
	require.NoError(t, err)
	between = append([]byte{0, byte(len(network))}, network...)
	const unknownField = 15<<3 | 2 // of bytes
	return []byte{unknownField, byte(len(between))}, between, rest
}

// A program that may have the node sign must not be able to make what libp2p trusts: a peer record
// leads other members' dials elsewhere.
func TestAdminSignsNoPeerRecord(t *testing.T) {
	const network = "net"
	key := apitest.Key(1)
	head, between, rest := peerRecord(t, key, network)
	size := len(head) + len(between) + len(rest)
	kind := (&peer.PeerRecord{}).Codec()
	domain := append([]byte{byte(len(peer.PeerRecordEnvelopeDomain))}, peer.PeerRecordEnvelopeDomain...)
	domain = append(append(domain, byte(len(kind))), kind...)
	domain = append(binary.AppendUvarint(domain, uint64(size)), head...)

	public, err := crypto.UnmarshalEd25519PublicKey(keyBytes(key.Public()))
	require.NoError(t, err)
	encodedKey, err := crypto.PublicKeyToProto(public)
	require.NoError(t, err)
	consume := func(signature keys.Signature) error {
		envelope, err := proto.Marshal(&pb.Envelope{PublicKey: encodedKey, PayloadType: kind, Payload: append(append(head, between...), rest...), Signature: signature[:]})
		require.NoError(t, err)
		_, _, err = record.ConsumeEnvelope(envelope, peer.PeerRecordEnvelopeDomain)
		return err
	}
	require.NoError(t, consume(key.Sign(keys.SigningBytes(string(domain), network, rest))), "the test makes a valid record from a free domain tag")

	answer := signing(t, key, network)(api.SignRequest{Domain: string(domain), Body: rest})
	if answer.Status != http.StatusOK {
		answer.problem(t, api.Invalid)
		return
	}
	var got api.SignAnswer
	require.NoError(t, json.Unmarshal(answer.Body, &got))
	require.Error(t, consume(got.Signature))
}

func keyBytes(key keys.Public) []byte { return key[:] }
