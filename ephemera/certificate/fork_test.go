package certificate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// other returns the world with another block in the same slot.
func (w world) other() world {
	w.block = block.New(w.group, w.members[0].Public(), 1, block.ID{}, 3, nil)
	w.block.Signature = w.members[0].Sign(w.block.Header.SigningBytes())
	return w
}

// However the signers of two certificates of one slot are chosen, f+1 members signed both.
func TestForkNamesMoreThanFDoubleSigners(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 10, 13} {
		w := newWorld(t, "network", 1, n)
		q := w.group.Q()
		a := w.certify(first(q)...)
		var last []int
		for i := n - q; i < n; i++ {
			last = append(last, i)
		}
		b := w.other().certify(last...)
		require.NoError(t, certificate.VerifyFork(w.group, a, b))
		var want []keys.Public
		for i := n - q; i < q; i++ {
			want = append(want, w.members[i].Public())
		}
		require.Equal(t, want, certificate.DoubleSigners(w.group, a, b))
		require.Greater(t, len(want), w.group.F())
	}
}

func TestWhatIsNoForkIsRefused(t *testing.T) {
	w := newWorld(t, "network", 1, 4)
	a, b := w.certify(0, 1, 2), w.other().certify(1, 2, 3)
	require.NoError(t, certificate.VerifyFork(w.group, b, a))
	later := b
	later.Slot.Height++
	few := w.other().certify(2, 3)
	forged := w.other().certify(1, 2, 3)
	forged.Signatures[1][0] ^= 1
	for name, pair := range map[string][2]certificate.Certificate{
		"one block": {a, w.certify(1, 2, 3)}, "another slot": {a, later}, "no quorum": {a, few}, "no quorum first": {few, a}, "forged": {a, forged},
	} {
		require.ErrorIs(t, certificate.VerifyFork(w.group, pair[0], pair[1]), certificate.ErrInvalid, name)
	}
	require.ErrorIs(t, certificate.VerifyFork(newWorld(t, "network", 2, 4).group, a, b), certificate.ErrInvalid)
}
