// Package keys implements member identities: Ed25519 keys, libp2p peer IDs, domain-separated
// signatures and key files.
//
// Signatures are made by crypto/ed25519 and verified one at a time by its rule: without the
// cofactor, and with S below the group order. The verifier is that of curve25519-voi with the
// options for this rule and, for keys that sign often, its products with tables of multiples,
// which take a third of the time of crypto/ed25519. Batch verifiers must not be used. They follow
// ZIP-215, and for keys with a small-order component they accept signatures that this rule
// rejects. Members that disagree on one signature disagree on a certificate. Packages block and
// certificate define what is signed.
package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/mr-tron/base58"
)

// Public is an Ed25519 public key: the identity of a member or client. Keys are ordered by their
// bytes.
type Public [ed25519.PublicKeySize]byte

// Signature is an Ed25519 signature.
type Signature [ed25519.SignatureSize]byte

// Private is an Ed25519 key pair. Its methods are safe for concurrent use. No formatting verb
// prints the secret.
type Private struct {
	secret func() ed25519.PrivateKey // a closure, because package fmt prints any other kind of field
	public Public
}

// ErrBadKey reports text that is not a public key.
var ErrBadKey = errors.New("invalid public key")

// Generate returns a new random key. The error is that of the system's random source.
func Generate() (Private, error) { return generate(rand.Reader) }

func generate(random io.Reader) (Private, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return Private{}, fmt.Errorf("generate key: %w", err)
	}
	return FromSeed([ed25519.SeedSize]byte(seed)), nil
}

// FromSeed derives the key pair of an RFC 8032 seed. The same seed always gives the same key.
func FromSeed(seed [ed25519.SeedSize]byte) Private {
	secret := ed25519.NewKeyFromSeed(seed[:])
	return Private{secret: func() ed25519.PrivateKey { return secret }, public: Public(secret.Public().(ed25519.PublicKey))}
}

// Public returns the public key.
func (k Private) Public() Public { return k.public }

// Seed returns the secret as an RFC 8032 seed, for libraries with key types of their own. The
// caller must keep it secret.
func (k Private) Seed() [ed25519.SeedSize]byte { return [ed25519.SeedSize]byte(k.secret().Seed()) }

// Sign signs what SigningBytes returned. Ed25519 is deterministic: the same bytes give the same
// signature.
func (k Private) Sign(signing []byte) Signature { return Signature(ed25519.Sign(k.secret(), signing)) }

// String identifies the key by its peer ID, without the secret.
func (k Private) String() string { return "private key of " + k.public.PeerID() }

// GoString keeps the secret out of %#v.
func (k Private) GoString() string { return k.String() }

// Compare orders keys by their bytes.
func (p Public) Compare(other Public) int { return bytes.Compare(p[:], other[:]) }

// peerIDPrefix precedes the 32 key bytes in a peer ID. The libp2p specification defines the ID of
// an Ed25519 key as the identity multihash (0x00, 36 bytes) of the protobuf {type: Ed25519, data:
// key}.
var peerIDPrefix = []byte{0x00, 0x24, 0x08, 0x01, 0x12, 0x20}

// PeerID returns the libp2p peer ID of the key, "12D3KooW…".
func (p Public) PeerID() string {
	return base58.Encode(append(bytes.Clone(peerIDPrefix), p[:]...))
}

// Short returns the last eight characters of the peer ID, for logs and tables.
func (p Public) Short() string {
	id := p.PeerID()
	return id[len(id)-8:]
}

// String returns the peer ID.
func (p Public) String() string { return p.PeerID() }

// MarshalText encodes the key as 64 hexadecimal digits.
func (p Public) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(p[:])), nil }

// UnmarshalText decodes 64 hexadecimal digits or a peer ID.
func (p *Public) UnmarshalText(text []byte) error {
	key, err := ParsePublic(string(text))
	if err != nil {
		return err
	}
	*p = key
	return nil
}

// ParsePublic parses a key written as 64 hexadecimal digits or as a libp2p peer ID. Errors wrap
// ErrBadKey.
func ParsePublic(text string) (Public, error) {
	if len(text) == 2*ed25519.PublicKeySize {
		var key Public
		if _, err := hex.Decode(key[:], []byte(text)); err == nil {
			return key, nil
		}
	}
	if len(text) <= 64 {
		raw, err := base58.Decode(text)
		if err == nil && bytes.HasPrefix(raw, peerIDPrefix) && len(raw) == len(peerIDPrefix)+ed25519.PublicKeySize {
			return Public(raw[len(peerIDPrefix):]), nil
		}
	}
	return Public{}, fmt.Errorf("%w: %.70q is neither 64 hexadecimal digits nor a peer ID (12D3KooW…)", ErrBadKey, text)
}

// MarshalText encodes the signature as 128 hexadecimal digits.
func (s Signature) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(s[:])), nil }

// UnmarshalText decodes 128 hexadecimal digits.
func (s *Signature) UnmarshalText(text []byte) error {
	if len(text) != 2*len(s) {
		return fmt.Errorf("parse signature: %d characters, expected %d hexadecimal digits", len(text), 2*len(s))
	}
	if _, err := hex.Decode(s[:], text); err != nil {
		return fmt.Errorf("parse signature: %w", err)
	}
	return nil
}

// SigningBytes returns the bytes to sign: the domain tag, a zero byte, the length of the network's
// name in one byte, the name, and the body (PROTOCOL.md §7). They differ between purposes and
// between networks, so a signature cannot be replayed as one for another purpose or network. The
// domain holds no zero byte, and the network's name at most 255 bytes; membership.CheckNetwork
// allows 64.
func SigningBytes(domain, network string, body []byte) []byte {
	return append(AppendDomain(make([]byte, 0, len(domain)+2+len(network)+len(body)), domain, network), body...)
}

// applicationDomain is the tag of everything that a node signs for a program.
const applicationDomain = "ephemera/application/v1"

// ApplicationBytes returns the bytes that a node signs for a program, at the admin listener:
// SigningBytes under a tag for this alone, whose body is the program's domain tag, a zero byte, and
// the program's body (PROTOCOL.md §7). So whatever a program chooses, the signature is never one of
// a message, a block, an echo, or of another protocol. The domain holds no zero byte.
func ApplicationBytes(domain, network string, body []byte) []byte {
	out := AppendDomain(make([]byte, 0, len(applicationDomain)+len(network)+len(domain)+3+len(body)), applicationDomain, network)
	out = append(append(out, domain...), 0)
	return append(out, body...)
}

// AppendDomain appends the part of SigningBytes that precedes the body.
func AppendDomain(dst []byte, domain, network string) []byte {
	dst = append(dst, domain...)
	dst = append(dst, 0, byte(len(network)))
	return append(dst, network...)
}
