package rewards

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Place returns the place, from 0, of a member in the order in which staged submissions are sent
// for an epoch: a permutation of the group's members in byte order, drawn from the hash of the
// epoch's description by a Fisher-Yates shuffle. Draw i is the first eight bytes, big endian, of
// SHA-256(hash || i in four bytes, big endian), taken modulo i+1. It is the last place for one who
// is no member.
func Place(hash contract.Hash, members []keys.Public, key keys.Public) int {
	order := slices.SortedFunc(slices.Values(members), keys.Public.Compare)
	for i := len(order) - 1; i > 0; i-- {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(slices.Clone(hash[:]), uint32(i)))
		j := binary.BigEndian.Uint64(sum[:8]) % uint64(i+1)
		order[i], order[j] = order[j], order[i]
	}
	if place := slices.Index(order, key); place >= 0 {
		return place
	}
	return len(order)
}
