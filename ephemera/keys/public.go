package keys

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/plaintext"
)

// ErrPrivateKey reports a private key in place of a public one.
var ErrPrivateKey = errors.New("not a public key but a private one")

// DecodePublic decodes a file that holds a public key in a form that ParsePublic accepts. A file
// of Create holds a seed, which is as long as a public key. About half of all seeds are not the
// encoding of a point: then the error wraps ErrPrivateKey. Public.CheckNotSeedOf recognises the
// others. Other errors wrap ErrBadKey. No error shows any of the content, which may be secret.
func DecodePublic(data []byte) (Public, error) {
	word, err := plaintext.Word(data)
	if err != nil {
		return Public{}, fmt.Errorf("%w: expected text", ErrBadKey)
	}
	key, err := ParsePublic(word)
	switch {
	case err != nil:
		return Public{}, fmt.Errorf("%w: expected 64 hexadecimal digits or a peer ID (12D3KooW…), and nothing else", ErrBadKey)
	case newTable(key) == nil:
		return Public{}, fmt.Errorf("%w, or damaged", ErrPrivateKey)
	}
	return key, nil
}

// CheckNotSeedOf returns an error that wraps ErrPrivateKey if what was taken for a public key is
// the seed of the private key that belongs to another public key.
func (p Public) CheckNotSeedOf(other Public) error {
	if FromSeed(p).Public() == other {
		return ErrPrivateKey
	}
	return nil
}
