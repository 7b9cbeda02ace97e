package certificate_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/canonicaltest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// world is a group with the private keys of its members, and one block.
type world struct {
	group   *membership.Group
	members []keys.Private // in byte order of their public keys
	block   block.Block
}

func newWorld(t require.TestingT, network string, number uint64, n int) world {
	byKey := map[keys.Public]keys.Private{}
	var public []keys.Public
	for i := range n {
		key := keys.FromSeed([32]byte{byte(i), byte(i >> 8), 5})
		byKey[key.Public()] = key
		public = append(public, key.Public())
	}
	var (
		w   world
		err error
	)
	w.group, err = membership.NewGroup(network, number, public, membership.Limits{})
	require.NoError(t, err)
	for _, key := range w.group.Members() {
		w.members = append(w.members, byKey[key])
	}
	message, err := block.NewMessage(w.members[0], network, "label", []byte("payload"), 1)
	require.NoError(t, err)
	w.block = block.New(w.group, w.members[0].Public(), 1, block.ID{}, 2, []block.Message{message})
	w.block.Signature = w.members[0].Sign(w.block.Header.SigningBytes())
	return w
}

func (w world) sign(i int) keys.Signature {
	return w.members[i].Sign(certificate.SigningBytes(w.group.Network(), w.block.Header.Slot(), w.block.ID()))
}

func (w world) echo(i int) certificate.Echo {
	return certificate.Echo{Slot: w.block.Header.Slot(), Block: w.block.ID(), Signer: w.members[i].Public(), Signature: w.sign(i)}
}

func (w world) certify(signers ...int) certificate.Certificate {
	signatures := map[int]keys.Signature{}
	for _, i := range signers {
		signatures[i] = w.sign(i)
	}
	return certificate.New(w.group, w.block.Header.Slot(), w.block.ID(), signatures)
}

func first(n int) []int {
	var all []int
	for i := range n {
		all = append(all, i)
	}
	return all
}

func again(n int) canonicaltest.Reencode {
	return func(data []byte) ([]byte, error) {
		c, err := certificate.Decode(data, n)
		return c.Encode(), err
	}
}

func TestQuorumCertifiesAndFewerDoNot(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 6, 7, 8, 9, 10, 16, 17, 100} {
		w := newWorld(t, "test", 1, n)
		for count := range n + 1 {
			c := w.certify(first(count)...)
			require.Equal(t, count, c.Count())
			err := c.Verify(w.group)
			if count < w.group.Q() {
				require.ErrorIs(t, err, certificate.ErrInvalid, "%d of %d", count, n)
				continue
			}
			require.NoError(t, err, "%d of %d", count, n)
			require.NoError(t, certificate.VerifyBlock(w.group, w.block, c))
			require.Equal(t, w.group.Members()[:count], c.Members(w.group))
			encoded := c.Encode()
			require.LessOrEqual(t, len(encoded), certificate.MaxBytes(n))
			back, err := certificate.Decode(encoded, n)
			require.NoError(t, err)
			require.Equal(t, c, back)
		}
	}
}

func TestForgedCertificatesAreRefused(t *testing.T) {
	w := newWorld(t, "test", 1, 10) // q is 7, the bitmap has two bytes
	for name, forge := range map[string]func(*certificate.Certificate){
		"one bad signature":             func(c *certificate.Certificate) { c.Signatures[3][5] ^= 1 },
		"one bad above the quorum":      func(c *certificate.Certificate) { *c = w.certify(first(9)...); c.Signatures[8] = keys.Signature{} },
		"one signature for two":         func(c *certificate.Certificate) { c.Signatures[1] = c.Signatures[0] },
		"signatures swapped":            func(c *certificate.Certificate) { c.Signatures[0], c.Signatures[1] = c.Signatures[1], c.Signatures[0] },
		"a bit without its signature":   func(c *certificate.Certificate) { c.Signers[1] |= 2 },
		"a signature without its bit":   func(c *certificate.Certificate) { c.Signatures = append(c.Signatures, w.sign(9)) },
		"a bit moved":                   func(c *certificate.Certificate) { c.Signers[0] ^= 0x40; c.Signers[1] |= 1 },
		"a bit beyond the members":      func(c *certificate.Certificate) { c.Signers[1] |= 4; c.Signatures = append(c.Signatures, w.sign(0)) },
		"the last bit":                  func(c *certificate.Certificate) { c.Signers[1] |= 0x80; c.Signatures = append(c.Signatures, w.sign(0)) },
		"bitmap too short":              func(c *certificate.Certificate) { c.Signers = c.Signers[:1] },
		"bitmap too long":               func(c *certificate.Certificate) { c.Signers = append(c.Signers, 0) },
		"no bitmap":                     func(c *certificate.Certificate) { c.Signers = nil },
		"no signers":                    func(c *certificate.Certificate) { *c = w.certify() },
		"one signer too few":            func(c *certificate.Certificate) { *c = w.certify(first(6)...) },
		"another block":                 func(c *certificate.Certificate) { c.Block[0] ^= 1 },
		"another height":                func(c *certificate.Certificate) { c.Slot.Height++ },
		"height 0":                      func(c *certificate.Certificate) { c.Slot.Height = 0 },
		"another creator":               func(c *certificate.Certificate) { c.Slot.Creator = w.members[1].Public() },
		"a creator who is not a member": func(c *certificate.Certificate) { c.Slot.Creator = keys.Public{1} },
		"another group":                 func(c *certificate.Certificate) { c.Slot.Group[0] ^= 1 },
		"a proposal signature instead":  func(c *certificate.Certificate) { c.Signatures[0] = w.block.Signature },
	} {
		c := w.certify(first(7)...)
		require.NoError(t, c.Verify(w.group))
		forge(&c)
		require.ErrorIs(t, c.Verify(w.group), certificate.ErrInvalid, name)
		require.Error(t, certificate.VerifyBlock(w.group, w.block, c), name)
	}
}

func TestEchoCountsForItsSlotOnly(t *testing.T) {
	w := newWorld(t, "test", 1, 4)
	require.NoError(t, w.echo(2).Verify(w.group))
	for name, forge := range map[string]func(*certificate.Echo){
		"signature":       func(e *certificate.Echo) { e.Signature[0] ^= 1 },
		"signer":          func(e *certificate.Echo) { e.Signer = w.members[1].Public() },
		"foreign signer":  func(e *certificate.Echo) { e.Signer = keys.Public{1} },
		"foreign creator": func(e *certificate.Echo) { e.Slot.Creator = keys.Public{1} },
		"block":           func(e *certificate.Echo) { e.Block[0] ^= 1 },
		"height":          func(e *certificate.Echo) { e.Slot.Height++ },
		"creator":         func(e *certificate.Echo) { e.Slot.Creator = w.members[1].Public() },
		"group":           func(e *certificate.Echo) { e.Slot.Group[0] ^= 1 },
	} {
		e := w.echo(2)
		forge(&e)
		require.ErrorIs(t, e.Verify(w.group), certificate.ErrInvalid, name)
	}
}

// What members sign in one network or group is not valid in another with the same members.
func TestReplaysAcrossNetworksAndGroupsAreRefused(t *testing.T) {
	w := newWorld(t, "test", 1, 4)
	for _, other := range []world{newWorld(t, "test2", 1, 4), newWorld(t, "test", 2, 4)} {
		require.Equal(t, w.group.Members(), other.group.Members())
		c, e := w.certify(0, 1, 2), w.echo(1)
		require.ErrorIs(t, c.Verify(other.group), certificate.ErrInvalid)
		require.ErrorIs(t, e.Verify(other.group), certificate.ErrInvalid)
		c.Slot.Group, e.Slot.Group = other.group.ID(), other.group.ID() // relabelled
		require.ErrorIs(t, c.Verify(other.group), certificate.ErrInvalid)
		require.ErrorIs(t, e.Verify(other.group), certificate.ErrInvalid)
		require.Error(t, certificate.VerifyBlock(other.group, w.block, c))
		require.ErrorIs(t, certificate.VerifyBlock(w.group, other.block, w.certify(0, 1, 2)), certificate.ErrInvalid)
	}
	// The network is signed even if everything else is equal.
	slot, id := w.block.Header.Slot(), w.block.ID()
	require.NotEqual(t, certificate.SigningBytes("test", slot, id), certificate.SigningBytes("test2", slot, id))
}

func TestTamperedBlocksAreRefused(t *testing.T) {
	w := newWorld(t, "test", 1, 4)
	c := w.certify(0, 1, 2)
	for name, tamper := range map[string]func(*block.Block){
		"creator's signature": func(b *block.Block) { b.Signature[0] ^= 1 },
		"message missing":     func(b *block.Block) { b.Messages = nil },
		"header":              func(b *block.Block) { b.Header.Time++ },
		"message's signature": func(b *block.Block) {
			encoded := b.Messages[0].Encode()
			encoded[len(encoded)-1] ^= 1
			forged, err := block.DecodeMessage(encoded, 100)
			require.NoError(t, err)
			b.Messages = []block.Message{forged}
		},
	} {
		b := w.block
		tamper(&b)
		require.Error(t, certificate.VerifyBlock(w.group, b, c), name)
	}
}

func TestMergeIsTheUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "n")
		w := newWorld(t, "test", 1, n)
		draw := func(name string) []int {
			order := rapid.Permutation(first(n)).Draw(t, name)
			return order[:rapid.IntRange(w.group.Q(), n).Draw(t, name+" count")]
		}
		a, b := draw("a"), draw("b")
		merged := certificate.Merge(w.group, w.certify(a...), w.certify(b...))
		require.NoError(t, merged.Verify(w.group))
		require.Equal(t, w.certify(append(append([]int(nil), a...), b...)...), merged)
		require.Equal(t, merged, certificate.Merge(w.group, w.certify(b...), w.certify(a...)))
		require.Equal(t, w.certify(a...), certificate.Merge(w.group, w.certify(a...), w.certify(a...)))
	})
}

func TestOnlyTheCanonicalFormWithinTheLimitIsDecoded(t *testing.T) {
	w := newWorld(t, "test", 1, 10)
	canonicaltest.Strict(t, w.certify(first(7)...).Encode(), again(10))
	large := newWorld(t, "test", 1, 40)
	_, err := certificate.Decode(large.certify(first(40)...).Encode(), 10)
	require.ErrorIs(t, err, canonical.ErrTooLarge)
	require.ErrorIs(t, err, certificate.ErrInvalid)
}

// The methods of a certificate that was not checked return without a panic, whatever its bitmap.
func TestUncheckedCertificatesDoNotPanic(t *testing.T) {
	w := newWorld(t, "test", 1, 4)
	for _, c := range []certificate.Certificate{
		{}, {Signers: []byte{0xff, 0xff}}, {Slot: w.block.Header.Slot(), Signers: []byte{0x0f}}, {Slot: w.block.Header.Slot(), Signers: []byte{0xff}},
	} {
		require.False(t, c.Signed(1000))
		c.Count()
		c.Members(w.group)
		require.ErrorIs(t, c.Verify(w.group), certificate.ErrInvalid)
	}
}

func TestGolden(t *testing.T) {
	w := newWorld(t, "test", 1, 4)
	canonicaltest.RequireGolden(t, "certificate.txt",
		canonicaltest.Golden{Name: "echo-signing-bytes", Data: certificate.SigningBytes("test", w.block.Header.Slot(), w.block.ID())},
		canonicaltest.Golden{Name: "echo", Data: canonical.Encode(w.echo(1))},
		canonicaltest.Golden{Name: "certificate", Data: w.certify(0, 1, 3).Encode()},
	)
}

func TestDecodingAllocatesASmallMultiple(t *testing.T) {
	w := newWorld(t, "test", 1, 4)
	canonicaltest.Growth(t, w.certify(0, 1, 3).Encode(), 6000, 16, 4<<10, func(data []byte) error {
		_, err := certificate.Decode(data, 100)
		return err
	})
}

func TestHeightsHaveADomain(t *testing.T) {
	w := newWorld(t, "test", 1, 4)
	c := w.certify(0, 1, 3)
	for _, height := range []uint64{canonical.MaxNumber + 1, 1<<64 - 1} {
		c.Slot.Height = height
		require.ErrorIs(t, c.Verify(w.group), certificate.ErrInvalid)
		_, err := certificate.Decode(c.Encode(), 4)
		require.ErrorIs(t, err, canonical.ErrDomain)
	}
}

func FuzzDecode(f *testing.F) {
	w := newWorld(f, "test", 1, 4)
	f.Add(w.certify(0, 1, 2).Encode())
	f.Add(w.certify().Encode())
	for _, height := range []uint64{0, canonical.MaxNumber, canonical.MaxNumber + 1} {
		c := w.certify(0, 1, 2)
		c.Slot.Height = height
		f.Add(c.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		canonicaltest.Same(t, data, again(4))
		if c, err := certificate.Decode(data, 4); err == nil && c.Verify(w.group) == nil {
			require.GreaterOrEqual(t, c.Count(), w.group.Q())
		}
	})
}
