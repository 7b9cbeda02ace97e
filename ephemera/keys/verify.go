package keys

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// Verify reports whether signature is p's signature of the signing bytes. It follows the rule of
// crypto/ed25519 in every case, and is safe for concurrent use.
func (p Public) Verify(signing []byte, signature Signature) bool {
	return verifier.verify(p, signing, signature)
}

// rule is that of crypto/ed25519: the equation without the cofactor, R compared as bytes, S below
// the group order, and any encoding of the key that is a point.
var rule = &ed25519.Options{Verify: ed25519.VerifyOptionsStdLib}

// verifier is shared, because it only remembers what every key is anyway.
var verifier tables

// tables remembers the keys whose signatures were valid, and tables of their multiples, of at most
// 512 keys and 21 MB. It has no lock: a key has one place there. Whose signature was valid gets the
// place, unless its holder verified something since another key wanted the place. So members keep
// theirs while many clients come and go.
type tables struct {
	places [512]atomic.Pointer[holder]
}

type holder struct {
	key    Public
	wanted atomic.Bool // by another key, since this one verified something
	valid  atomic.Int32
	table  atomic.Pointer[table] // nil at first
}

// worthTable is after how many valid signatures of a key its table is made, which takes as long as
// it saves in five verifications.
const worthTable = 8

func (t *tables) verify(key Public, signing []byte, signature Signature) bool {
	place := &t.places[binary.LittleEndian.Uint16(key[:])%uint16(len(t.places))]
	held := place.Load()
	holds := held != nil && held.key == key
	if holds {
		if held.wanted.Load() {
			held.wanted.Store(false)
		}
		if table := held.table.Load(); table != nil {
			return table.verify(key, signing, signature)
		}
	}
	valid := ed25519.VerifyWithOptions(key[:], signing, signature[:], rule)
	switch {
	case !valid:
	case holds:
		if held.valid.Add(1) == worthTable {
			held.table.Store(newTable(key))
		}
	case held == nil || held.wanted.Swap(true):
		place.Store(&holder{key: key})
	}
	return valid
}
