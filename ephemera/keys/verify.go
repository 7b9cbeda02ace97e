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
var verifier expansions

// expansions remembers keys in the form that verifies fastest, of at most 1,024 keys and 1.6 MB. It
// is a table without a lock: a key has one place there. Whose signature was valid gets the place,
// unless its holder verified something since another key wanted the place. So members keep theirs
// while many clients come and go.
type expansions struct {
	places [1024]atomic.Pointer[expansion]
}

type expansion struct {
	key    Public
	point  *ed25519.ExpandedPublicKey
	wanted atomic.Bool // by another key, since this one verified something
}

func (e *expansions) verify(key Public, signing []byte, signature Signature) bool {
	place := &e.places[binary.LittleEndian.Uint16(key[:])%uint16(len(e.places))]
	held := place.Load()
	if held != nil && held.key == key {
		if held.wanted.Load() {
			held.wanted.Store(false)
		}
		return ed25519.VerifyExpandedWithOptions(held.point, signing, signature[:], rule)
	}
	valid := ed25519.VerifyWithOptions(key[:], signing, signature[:], rule)
	if valid && (held == nil || held.wanted.Swap(true)) {
		if point, err := ed25519.NewExpandedPublicKey(key[:]); err == nil {
			place.Store(&expansion{key: key, point: point})
		}
	}
	return valid
}
