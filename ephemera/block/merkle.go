package block

import (
	"crypto/sha256"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Root returns the RFC 6962 Merkle tree hash of the message IDs in order (§2.1). Each leaf is the
// 32 bytes of an ID; the root of no messages is the hash of the empty string.
func Root(ids []MessageID) Hash {
	if len(ids) == 0 {
		return sha256.Sum256(nil)
	}
	var buffer [32]Hash // enough for most blocks, and on the stack
	row := buffer[:0]
	var leaf [1 + len(Hash{})]byte
	leaf[0] = rfc6962.RFC6962LeafHashPrefix
	for i := range ids {
		copy(leaf[1:], ids[i][:])
		row = append(row, sha256.Sum256(leaf[:]))
	}
	var children [1 + 2*len(Hash{})]byte
	children[0] = rfc6962.RFC6962NodeHashPrefix
	for len(row) > 1 { // pairs from the left; an odd last hash moves up unchanged
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

// Prove returns the RFC 6962 inclusion proof of the index-th ID, counted from 0: the sibling hashes
// of 32 bytes from the leaf to the root. The error wraps ErrInvalid if there is no such ID.
func Prove(ids []MessageID, index int) ([][]byte, error) {
	if index < 0 || index >= len(ids) {
		return nil, fmt.Errorf("%w: inclusion proof of message %d of %d, expected an index from 0", ErrInvalid, index, len(ids))
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

// VerifyInclusion returns an error unless the inclusion proof shows that id is the index-th of
// count messages under root. The index counts from 0.
func VerifyInclusion(root Hash, count, index int, id MessageID, hashes [][]byte) error {
	if index < 0 || count <= index {
		return fmt.Errorf("%w: inclusion proof of message %d of %d, expected an index from 0", ErrInvalid, index, count)
	}
	hasher := rfc6962.DefaultHasher
	return proof.VerifyInclusion(hasher, uint64(index), uint64(count), hasher.HashLeaf(id[:]), hashes, root[:])
}
