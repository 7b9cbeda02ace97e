package block

import (
	"crypto/sha256"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Digest is the SHA-256 of a list of IDs. By digests two members find out whether they know the
// same (R6).
type Digest [sha256.Size]byte

// Domains of digests.
const (
	tipsDomain    = "ephemera/tips/v1"
	mempoolDomain = "ephemera/mempool/v1"
)

// DigestTips returns the digest of the blocks at a group's certified heights, in the members'
// order. The ID at height 0 is zero.
func DigestTips(network string, tips []ID) Digest { return digest(tipsDomain, network, tips) }

// DigestMessages returns the digest of messages of one sender in a mempool, in ascending order.
func DigestMessages(network string, ids []MessageID) Digest {
	return digest(mempoolDomain, network, ids)
}

func digest[T ~[sha256.Size]byte](domain, network string, ids []T) Digest {
	data := keys.AppendDomain(make([]byte, 0, len(domain)+2+len(network)+len(ids)*sha256.Size), domain, network)
	for i := range ids {
		data = append(data, ids[i][:]...)
	}
	return sha256.Sum256(data)
}
