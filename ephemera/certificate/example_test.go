package certificate_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// A reader that trusts a group can verify a block from any source, such as a file or an untrusted
// node, without a network.
func ExampleVerifyBlock() {
	group, blockBytes, proofBytes := received()

	b, err := block.Decode(blockBytes, group.Limits())
	if err != nil {
		log.Fatal(err)
	}
	proof, err := certificate.Decode(proofBytes, group.N())
	if err != nil {
		log.Fatal(err)
	}
	if err := certificate.VerifyBlock(group, b, proof); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q is certified by %d of %d members\n", b.Messages[0].Payload(), proof.Count(), group.N())

	proof.Signatures[0][0] ^= 1 // one bit is enough
	err = certificate.VerifyBlock(group, b, proof)
	fmt.Println(err != nil, errors.Is(err, certificate.ErrInvalid))
	// Output:
	// "hello" is certified by 3 of 4 members
	// true true
}

// received returns a group that the reader trusts, and the encoded block and certificate that a
// node serves. The members' keys are not secret.
func received() (group *membership.Group, blockBytes, proofBytes []byte) {
	private, public := map[keys.Public]keys.Private{}, []keys.Public{}
	for i := range byte(4) {
		key := keys.FromSeed([32]byte{i})
		private[key.Public()], public = key, append(public, key.Public())
	}
	group, err := membership.NewGroup("example", 1, public, membership.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	creator := private[group.Member(0)]
	m, err := block.NewMessage(creator, group.Network(), "greeting", []byte("hello"), 1764000000000)
	if err != nil {
		log.Fatal(err)
	}
	b := block.New(group, creator.Public(), 1, block.ID{}, 1764000000100, []block.Message{m})
	b.Signature = creator.Sign(b.Header.SigningBytes())
	echoes := map[int]keys.Signature{}
	for i := range group.Q() {
		echoes[i] = private[group.Member(i)].Sign(certificate.SigningBytes(group.Network(), b.Header.Slot(), b.ID()))
	}
	return group, b.Encode(), certificate.New(group, b.Header.Slot(), b.ID(), echoes).Encode()
}
