package simulation

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// keyring holds the keys of all members and clients of a world. A cheap signature is a keyed hash
// that only the keyring can check. It costs a hundredth of Ed25519, and no adversary in a
// simulation tries to break it. The signed bytes are the same with both.
type keyring struct {
	real    bool
	secrets map[keys.Public]uint64
	pairs   map[keys.Public]keys.Private
	opened  map[uint64]*opened        // frames, by a fingerprint of the group and the bytes
	known   digestTable               // of what was verified, with real keys
	checks  int                       // signatures that were met so far
	good    map[keys.Signature]uint64 // digests of what verified signatures sign, with real keys
}

// opened is a frame that arrived as bytes, and the outcome of its verification once it was needed.
type opened struct {
	frame    wire.Decoded
	err      error // of decoding
	verified bool
	forged   error // of verifying
	checks   int   // signatures that verifying met
}

// digestTable is the wire.Memory of all nodes together: whether a signature is valid does not
// depend on who checks it.
type digestTable map[wire.Digest]bool

func (d digestTable) Has(digest wire.Digest) bool { return d[digest] }
func (d digestTable) Add(digest wire.Digest)      { d[digest] = true }

func newKeyring(real bool) *keyring {
	return &keyring{real: real, secrets: map[keys.Public]uint64{}, pairs: map[keys.Public]keys.Private{}, opened: map[uint64]*opened{}, known: digestTable{}, good: map[keys.Signature]uint64{}}
}

// add makes the key of a seed and returns its signer.
func (r *keyring) add(seed uint64) signer {
	var bytes [32]byte
	for i := range 4 {
		binary.BigEndian.PutUint64(bytes[8*i:], hash(seed, uint64(i)))
	}
	key := keys.Public(bytes)
	if r.real {
		pair := keys.FromSeed(bytes)
		key = pair.Public()
		r.pairs[key] = pair
	}
	r.secrets[key] = hash(seed, 99)
	return signer{keyring: r, key: key}
}

// signer signs with one key of a keyring. It is a block.Signer.
type signer struct {
	keyring *keyring
	key     keys.Public
}

func (s signer) Public() keys.Public { return s.key }

// Sign signs what keys.SigningBytes returns.
func (s signer) Sign(signing []byte) keys.Signature {
	if s.keyring.real {
		return s.keyring.pairs[s.key].Sign(signing)
	}
	return cheapSignature(s.keyring.secrets[s.key], signing)
}

// cheapSignature returns a keyed hash as a signature.
func cheapSignature(secret uint64, signing []byte) (signature keys.Signature) {
	binary.BigEndian.PutUint64(signature[:], digest(secret, signing))
	return signature
}

// digest is a keyed hash, eight bytes at a time.
func digest(key uint64, data []byte) uint64 {
	h := key
	for len(data) >= 8 {
		h = (h ^ binary.LittleEndian.Uint64(data)) * 0xff51afd7ed558ccd
		h ^= h >> 32
		data = data[8:]
	}
	for _, b := range data {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	return mix(h)
}

func (r *keyring) verify(key keys.Public, signing []byte, signature keys.Signature) bool {
	r.checks++
	if r.real {
		content := digest(binary.BigEndian.Uint64(key[:8]), signing)
		if known, ok := r.good[signature]; ok && known == content {
			return true
		}
		if !key.Verify(signing, signature) {
			return false
		}
		r.good[signature] = content
		return true
	}
	secret, ok := r.secrets[key]
	return ok && cheapSignature(secret, signing) == signature
}

// open decodes bytes, each once for all nodes.
func (r *keyring) open(group *membership.Group, data []byte) *opened {
	id := group.ID()
	place := digest(binary.BigEndian.Uint64(id[:]), data)
	if known, ok := r.opened[place]; ok {
		return known
	}
	if len(r.opened) > 4096 {
		clear(r.opened)
	}
	o := &opened{}
	o.frame, o.err = wire.Decode(group, data)
	r.opened[place] = o
	return o
}

// verify returns an error unless all signatures of the frame are valid, and how many it met.
func (o *opened) verify(r *keyring, group *membership.Group) (checks int, err error) {
	if !o.verified {
		o.verified = true
		o.checks, o.forged = r.verifyFrame(group, o.frame)
	}
	return o.checks, o.forged
}

// verifyFrame does what the border does, with cheap keys.
func (r *keyring) verifyFrame(group *membership.Group, frame wire.Decoded) (checks int, err error) {
	if _, err := frame.Admit(); err != nil {
		return 0, err
	}
	before := r.checks
	err = r.check(group, frame.Unverified())
	return r.checks - before, err
}

var errForged = errors.New("signature is not by its signer")

// check does what wire.Verifier.Verify does, with the keyring's signatures.
func (r *keyring) check(group *membership.Group, frame wire.Frame) error {
	switch f := frame.(type) {
	case wire.Proposal:
		if err := f.Check(group); err != nil {
			return err
		}
		return r.checkHeaders(f.SignedHeader)
	case wire.Echo:
		return r.checkEcho(group, f.Echo)
	case wire.Certificate:
		return r.checkCertificate(group, f.Certificate)
	case wire.Messages:
		return r.checkMessages(f.Messages)
	case wire.Blocks:
		for _, held := range f.Blocks {
			if err := r.checkHeld(group, held); err != nil {
				return err
			}
		}
	case wire.Frontier:
		return r.checkHeaders(f.Open...)
	case wire.Fresh:
		return r.checkHeaders(f.Frontier.Open...)
	case wire.Evidence:
		return r.checkHeaders(f.A, f.B)
	}
	return nil
}

func (r *keyring) checkEcho(group *membership.Group, e certificate.Echo) error {
	if e.Slot.Group != group.ID() || !group.Contains(e.Signer) || !group.Contains(e.Slot.Creator) {
		return fmt.Errorf("%w: echo of another group", certificate.ErrInvalid)
	}
	if !r.verify(e.Signer, certificate.SigningBytes(group.Network(), e.Slot, e.Block), e.Signature) {
		return errForged
	}
	return nil
}

func (r *keyring) checkCertificate(group *membership.Group, c certificate.Certificate) error {
	if err := c.Check(group); err != nil {
		return err
	}
	signing, next := certificate.SigningBytes(group.Network(), c.Slot, c.Block), 0
	for i := range group.N() {
		if !c.Signed(i) {
			continue
		}
		if next >= len(c.Signatures) || !r.verify(group.Member(i), signing, c.Signatures[next]) {
			return errForged
		}
		next++
	}
	return nil
}

func (r *keyring) checkMessages(messages []block.Message) error {
	for _, m := range messages {
		if !r.verify(m.Sender(), m.SigningBytes(), m.Signature()) {
			return errForged
		}
	}
	return nil
}

func (r *keyring) checkHeld(group *membership.Group, held wire.Held) error {
	if c := held.Certificate; c != nil {
		if c.Slot != held.Block.Header.Slot() || c.Block != held.Block.ID() {
			return fmt.Errorf("%w: certificate of another block", certificate.ErrInvalid)
		}
		if err := r.checkCertificate(group, *c); err != nil {
			return err
		}
	}
	if held.Block.Pruned() {
		if held.Certificate == nil {
			return fmt.Errorf("%w: neither messages nor certificate", certificate.ErrInvalid)
		}
		if err := held.Block.Header.Check(group); err != nil {
			return err
		}
		return r.checkHeaders(held.Block.SignedHeader)
	}
	if err := held.Block.Check(group); err != nil {
		return err
	}
	if err := r.checkHeaders(held.Block.SignedHeader); err != nil {
		return err
	}
	return r.checkMessages(held.Block.Messages)
}

func (r *keyring) checkHeaders(headers ...block.SignedHeader) error {
	for _, h := range headers {
		if !r.verify(h.Header.Creator, h.Header.SigningBytes(), h.Signature) {
			return errForged
		}
	}
	return nil
}
