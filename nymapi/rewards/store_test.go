package rewards_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

func TestTheStoreKeepsOneContractAndCounts(t *testing.T) {
	dir := t.TempDir()
	database := openStore(t, dir)
	_, err := database.Contract(t.Context())
	require.ErrorIs(t, err, rewards.ErrNotFound)
	mine := rewards.Contract{Network: "n", Key: public(1)}
	require.NoError(t, database.SetContract(t.Context(), mine))
	for want := uint64(1); want <= 2; want++ {
		got, err := database.NextEnrolment(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	withInfo := mine
	withInfo.PeerInfo = []byte(`{"n":4}`)
	require.NoError(t, database.SetContract(t.Context(), withInfo))
	require.NoError(t, database.SetContract(t.Context(), mine), "the group is not forgotten")
	require.ErrorIs(t, database.SetContract(t.Context(), rewards.Contract{Network: "n", Key: public(2)}), rewards.ErrOtherContract)

	require.NoError(t, database.SetMember(t.Context(), public(3)))
	require.NoError(t, database.SetMember(t.Context(), public(3)))
	err = database.SetMember(t.Context(), public(4))
	require.ErrorIs(t, err, rewards.ErrOtherMember)
	require.ErrorContains(t, err, public(3).String())
	require.ErrorContains(t, err, public(4).String())

	again := openStore(t, dir)
	require.ErrorIs(t, again.SetMember(t.Context(), public(4)), rewards.ErrOtherMember)
	kept, err := again.Contract(t.Context())
	require.NoError(t, err)
	require.Equal(t, withInfo, kept)
	got, err := again.NextEnrolment(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(3), got)
}

func TestDescriptionsAreKept(t *testing.T) {
	dir := t.TempDir()
	database := openStore(t, dir)
	for id := contract.Epoch(1); id <= 5; id++ {
		require.NoError(t, database.KeepDescription(t.Context(), describe(id, 4), 3))
	}
	kept, err := openStore(t, dir).Descriptions(t.Context())
	require.NoError(t, err)
	require.Len(t, kept, 3)
	require.Equal(t, describe(3, 4).Hash(), kept[0].Hash())
}

func TestCursorIsOfOneNode(t *testing.T) {
	store := openStore(t, t.TempDir())
	for cursor := range uint64(3) {
		require.NoError(t, store.Follow(t.Context(), public(1), cursor+1))
	}
	cursor, err := store.Followed(t.Context(), public(1))
	require.NoError(t, err)
	require.Equal(t, uint64(3), cursor)
	cursor, err = store.Followed(t.Context(), public(2))
	require.NoError(t, err)
	require.Zero(t, cursor)
}
