package service_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// The contract's response is a list that Ephemera's HTTP provider accepts.
func TestPeerInfoIsAMembershipList(t *testing.T) {
	group := contracttest.Group(4)
	info := contract.PeerInfo{
		Network: group.Network(), Limits: contract.LimitsOf(group.Limits()), ContractKey: contracttest.ContractKey().Public(), Expected: 4,
	}
	for _, p := range contracttest.Peers(4) {
		info.Members = append(info.Members, contract.Member{Name: p.Name, Key: p.Key, PeerID: p.Key.PeerID(), Addresses: p.Addresses})
	}
	encode := func() []byte {
		data, err := json.Marshal(info)
		require.NoError(t, err)
		return data
	}
	_, err := provider.DecodePeerInfo("contract", encode())
	require.ErrorIs(t, err, provider.ErrNotComplete)
	info.Group, info.Number, info.N, info.F, info.Q = group.ID(), group.Number(), group.N(), group.F(), group.Q()
	list, err := provider.DecodePeerInfo("contract", encode())
	require.NoError(t, err)
	require.Equal(t, group.ID(), list.Group.ID())
	require.ElementsMatch(t, info.Peers(), list.Peers)
}
