package keys

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Keys that compete for a place: a member that verifies all the while keeps it from many clients,
// and loses it when it is gone. An invalid signature takes nobody's place.
func TestBusyKeysKeepTheirPlaces(t *testing.T) {
	var table tables
	signing := []byte("a message")
	member := FromSeed([32]byte{1})
	check := func(key Private, bad bool) {
		signature := key.Sign(signing)
		if bad {
			signature[0] ^= 1
		}
		require.Equal(t, !bad, table.verify(key.Public(), signing, signature))
	}
	place := func(key Private) int {
		p := key.Public()
		return (int(p[0]) + int(p[1])<<8) % len(table.places)
	}
	holds := func() Public { return table.places[place(member)].Load().key }
	var rivals []Private
	for i := 0; len(rivals) < 4; i++ {
		var seed [32]byte
		copy(seed[:], fmt.Sprint("rival ", i))
		if key := FromSeed(seed); place(key) == place(member) {
			rivals = append(rivals, key)
		}
	}
	check(member, true)
	require.Nil(t, table.places[place(member)].Load())
	check(member, false)
	for _, rival := range rivals {
		check(rival, false)
		check(member, false)
	}
	require.Equal(t, member.Public(), holds())
	check(rivals[0], true)
	check(rivals[0], true)
	require.Equal(t, member.Public(), holds())
	check(rivals[0], false)
	check(rivals[1], false)
	require.Equal(t, rivals[1].Public(), holds())
}

// Several valid signatures of a key earn it a table, which then judges its signatures.
func TestKeysThatSignOftenGetTables(t *testing.T) {
	var all tables
	key, signing := FromSeed([32]byte{1}), []byte("a message")
	signature := key.Sign(signing)
	held := func() *holder {
		for i := range all.places {
			if h := all.places[i].Load(); h != nil {
				return h
			}
		}
		return nil
	}
	require.True(t, all.verify(key.Public(), signing, signature))
	for range worthTable {
		require.Nil(t, held().table.Load())
		require.False(t, all.verify(key.Public(), nil, signature))
		require.True(t, all.verify(key.Public(), signing, signature))
	}
	require.NotNil(t, held().table.Load())
	require.True(t, all.verify(key.Public(), signing, signature))
	require.False(t, all.verify(key.Public(), nil, signature))
}
