package rewards

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Place returns the place of a member, from 0, in the order in which staged submissions for an
// epoch are sent. The order is a Fisher-Yates shuffle of the group's members in byte order. Draw i
// is the first eight bytes, big endian, of SHA-256(hash || i in four bytes, big endian), modulo
// i+1, where hash is that of the epoch's description. A key that is not a member has the last
// place.
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
