package admission

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// resent is what a creator resends: certificates of its block by more and more members.
type resent struct {
	group *membership.Group
	from  keys.Public
	slot  block.Slot
	id    block.ID
}

func newResent(t *testing.T) resent {
	t.Helper()
	var members []keys.Public
	for i := range 4 {
		members = append(members, keys.FromSeed(sha256.Sum256(fmt.Append(nil, "resent ", i))).Public())
	}
	slices.SortFunc(members, keys.Public.Compare)
	group, err := membership.NewGroup("admission-test", 1, members, membership.Limits{})
	require.NoError(t, err)
	return resent{group, members[1], block.Slot{Group: group.ID(), Creator: members[1], Height: 3}, block.ID{7}}
}

// by returns the certificate with the echoes of these members.
func (r resent) by(t *testing.T, signers ...int) Arrival {
	t.Helper()
	echoes := map[int]keys.Signature{}
	for _, i := range signers {
		echoes[i] = keys.Signature{byte(i)}
	}
	frame := wire.Certificate{Certificate: certificate.New(r.group, r.slot, r.id, echoes)}
	decoded, err := wire.Decode(r.group, wire.Encode(frame))
	require.NoError(t, err)
	return Arrival{From: r.from, Frame: decoded, Group: r.group}
}

// settleNew lets a certificate in as the border does: as if its signatures were checked, and valid.
func settleNew(a *Admission, in Arrival) {
	a.Settle(0, in, a.Decide(0, in), Cost{Checks: 3, Valid: true})
}

// A certificate of a block that another verified one certifies is not verified: the engine gets the
// other one. With another slot or block, or this member's echo, it is.
func TestOneCertificateOfABlockIsVerified(t *testing.T) {
	r := newResent(t)
	a := New(r.group.Member(0), Limits{})
	first, more := r.by(t, 1, 2, 3), r.by(t, 1, 3)
	settleNew(a, first)
	d := a.Decide(0, more)
	require.Equal(t, Decision{Action: Pass, Frame: first.Frame, Known: true}, d)

	own := r.by(t, 0, 1, 2)
	require.Equal(t, own.Frame, a.Decide(0, own).Frame, "this member's votes may not know the echo (R8)")
	require.False(t, a.Decide(0, own).Known)
	settleNew(a, own)
	require.Equal(t, own.Frame, a.Decide(0, first).Frame, "the one with this member's echo is kept")

	for name, change := range map[string]func(*resent){
		"another block": func(r *resent) { r.id = block.ID{8} },
		"another slot":  func(r *resent) { r.slot.Height++ },
	} {
		other := r
		change(&other)
		in := other.by(t, 1, 2, 3)
		require.Equal(t, in.Frame, a.Decide(0, in).Frame, name)
		require.False(t, a.Decide(0, in).Known, name)
	}
	alone := r.by(t, 1, 2)
	alone.Group = nil
	require.Equal(t, alone.Frame, a.Decide(0, alone).Frame, "of an unknown group")
}

// What was not verified is not held, and what is certified here is held no longer.
func TestOnlyVerifiedCertificatesAreHeld(t *testing.T) {
	r := newResent(t)
	a := New(r.group.Member(0), Limits{})
	forged := r.by(t, 1, 2, 3)
	a.Settle(0, forged, a.Decide(0, forged), Cost{Checks: 1})
	require.Equal(t, r.by(t, 2, 3).Frame, a.Decide(0, r.by(t, 2, 3)).Frame)

	settleNew(a, forged)
	proof := forged.Frame.Unverified().(wire.Certificate).Certificate
	a.Note(store.PutCertified{Block: block.Block{SignedHeader: block.SignedHeader{Header: block.Header{Group: r.slot.Group, Creator: r.from, Height: 3}}}, Certificate: proof})
	require.Empty(t, a.proofs.new)
	require.Equal(t, Cover, a.Decide(0, forged).Action)
}

// However many certificates of blocks that never arrive there are, they take bounded memory.
func TestHeldCertificatesAreBounded(t *testing.T) {
	r := newResent(t)
	a := New(r.group.Member(0), Limits{})
	for i := range 5 * keptCertificates {
		r.id = block.ID{byte(i), byte(i >> 8), 1}
		settleNew(a, r.by(t, 1, 2, 3))
		require.LessOrEqual(t, len(a.proofs.new)+len(a.proofs.old), 2*keptCertificates)
	}
	require.True(t, a.Decide(0, r.by(t, 1, 2)).Known)
}
