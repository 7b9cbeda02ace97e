package block

import (
	"crypto/sha256"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Root returns the RFC 6962 Merkle tree hash over message IDs in order.
func Root(ids []MessageID) Hash {
	if len(ids) == 0 {
		return sha256.Sum256(nil)
	}
	var few [32]Hash // most blocks need no more
	row := few[:0]
	var leaf [1 + len(Hash{})]byte
	leaf[0] = rfc6962.RFC6962LeafHashPrefix
	for i := range ids {
		copy(leaf[1:], ids[i][:])
		row = append(row, sha256.Sum256(leaf[:]))
	}
	var children [1 + 2*len(Hash{})]byte
	children[0] = rfc6962.RFC6962NodeHashPrefix
	for len(row) > 1 { // pairs from the left; an odd one goes up as it is
		for i := 0; i+1 < len(row); i += 2 {
			copy(children[1:], row[i][:])
			copy(children[1+len(Hash{}):], row[i+1][:])
			row[i/2] = sha256.Sum256(children[:])
		}
		if len(row)%2 == 1 {
			row[len(row)/2] = row[len(row)-1]
		}
		row = row[:(len(row)+1)/2]
	}
	return row[0]
}

// Prove returns the RFC 6962 inclusion proof of the index-th ID, from leaf to root.
func Prove(ids []MessageID, index int) ([][]byte, error) {
	if index < 0 || index >= len(ids) {
		return nil, fmt.Errorf("%w: message %d of %d", ErrInvalid, index, len(ids))
	}
	nodes, err := proof.Inclusion(uint64(index), uint64(len(ids)))
	if err != nil {
		return nil, err
	}
	hasher := rfc6962.DefaultHasher
	factory := &compact.RangeFactory{Hash: hasher.HashChildren}
	hashes := make([][]byte, len(nodes.IDs))
	for i, node := range nodes.IDs {
		begin, end := node.Coverage()
		subtree := factory.NewEmptyRange(0)
		for _, id := range ids[begin:min(end, uint64(len(ids)))] {
			if err := subtree.Append(hasher.HashLeaf(id[:]), nil); err != nil {
				return nil, err
			}
		}
		if hashes[i], err = subtree.GetRootHash(nil); err != nil {
			return nil, err
		}
	}
	return nodes.Rehash(hashes, hasher.HashChildren)
}

// VerifyInclusion checks that id is the index-th of count messages under root.
func VerifyInclusion(root Hash, count, index int, id MessageID, hashes [][]byte) error {
	if index < 0 || count <= index {
		return fmt.Errorf("%w: message %d of %d", ErrInvalid, index, count)
	}
	hasher := rfc6962.DefaultHasher
	return proof.VerifyInclusion(hasher, uint64(index), uint64(count), hasher.HashLeaf(id[:]), hashes, root[:])
}
