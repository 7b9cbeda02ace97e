// Package keys holds member identities: Ed25519 keys, their libp2p peer IDs, signatures with a
// domain tag, and key files.
//
// Verification is crypto/ed25519, one signature at a time, everywhere: without the cofactor, S
// below the order. Batch verifiers follow another rule (ZIP-215): of a key with a component of
// small order they accept signatures that this one refuses, and members that disagree on one
// signature disagree on a certificate. What is signed for what purpose: packages block and
// certificate.
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

// Public is an Ed25519 public key: a member's identity. Its order is the order of its bytes.
type Public [ed25519.PublicKeySize]byte

// Signature is an Ed25519 signature.
type Signature [ed25519.SignatureSize]byte

// Private is an Ed25519 key pair. Its methods are safe for concurrent use. It never prints its
// secret.
type Private struct {
	secret func() ed25519.PrivateKey // a function is the one thing that package fmt cannot look into
	public Public
}

// ErrBadKey reports text or bytes that are not a key.
var ErrBadKey = errors.New("not an Ed25519 key")

// Generate makes a new key from the system's randomness.
func Generate() (Private, error) { return generate(rand.Reader) }

func generate(random io.Reader) (Private, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return Private{}, fmt.Errorf("generate key: %w", err)
	}
	return FromSeed([ed25519.SeedSize]byte(seed)), nil
}

// FromSeed derives the key pair of an RFC 8032 seed. The same seed gives the same key.
func FromSeed(seed [ed25519.SeedSize]byte) Private {
	secret := ed25519.NewKeyFromSeed(seed[:])
	return Private{secret: func() ed25519.PrivateKey { return secret }, public: Public(secret.Public().(ed25519.PublicKey))}
}

// Public returns the public half.
func (k Private) Public() Public { return k.public }

// Seed returns the secret in RFC 8032 form, for adapters that keep keys in a form of their own.
func (k Private) Seed() [ed25519.SeedSize]byte { return [ed25519.SeedSize]byte(k.secret().Seed()) }

// Sign signs the bytes that SigningBytes made. Ed25519 is deterministic: the same bytes give the
// same signature.
func (k Private) Sign(signing []byte) Signature { return Signature(ed25519.Sign(k.secret(), signing)) }

// String returns the peer ID and hides the secret.
func (k Private) String() string { return "private key of " + k.public.PeerID() }

// GoString hides the secret from %#v.
func (k Private) GoString() string { return k.String() }

// Verify tells whether signature is p's over the signing bytes.
func (p Public) Verify(signing []byte, signature Signature) bool {
	return ed25519.Verify(p[:], signing, signature[:])
}

// Compare orders keys by their bytes.
func (p Public) Compare(other Public) int { return bytes.Compare(p[:], other[:]) }

// peerIDPrefix is an identity multihash (0x00, 36 bytes) of the protobuf {type: Ed25519, data: 32
// bytes}, as the libp2p specification of peer IDs has it.
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

// ParsePublic reads a key written as 64 hexadecimal digits or as a libp2p peer ID.
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
		return fmt.Errorf("signature has %d characters, expected %d hexadecimal digits", len(text), 2*len(s))
	}
	_, err := hex.Decode(s[:], text)
	return err
}

// SigningBytes returns what is signed: the domain tag, a zero byte, the network's name behind its
// length, and the body. No two purposes and no two networks share a signing byte string, so no
// signature can be shown for another. The network's name has at most 255 bytes (membership.Network
// allows fewer).
func SigningBytes(domain, network string, body []byte) []byte {
	return append(AppendDomain(make([]byte, 0, len(domain)+2+len(network)+len(body)), domain, network), body...)
}

// AppendDomain appends what SigningBytes puts before the body.
func AppendDomain(dst []byte, domain, network string) []byte {
	dst = append(dst, domain...)
	dst = append(dst, 0, byte(len(network)))
	return append(dst, network...)
}
