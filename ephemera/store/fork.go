package store

import "github.com/ephemera-go/nym-rewarding/ephemera/certificate"

// Fork proves that two different blocks were certified in one slot, and so that more than f members
// of the group are faulty: certificate.DoubleSigners names them. The block ID of A is less than
// that of B in byte order.
type Fork struct{ A, B certificate.Certificate }

// NewFork returns the fork that two certificates of one slot prove.
func NewFork(x, y certificate.Certificate) Fork {
	if x.Block.Compare(y.Block) > 0 {
		x, y = y, x
	}
	return Fork{A: x, B: y}
}

// PutFork stores two certificates for different blocks of a slot. Only the first of each chain is
// kept. What else is stored of the slot stays as it is.
type PutFork struct{ Fork Fork }

func (PutFork) write() {}
