package storetest

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// fixture is a group of four members with their private keys.
type fixture struct {
	t       *testing.T
	members []keys.Private // in the group's order
	group   *membership.Group
}

func newFixture(t *testing.T, number uint64) *fixture {
	f := &fixture{t: t}
	byKey := map[keys.Public]keys.Private{}
	var public []keys.Public
	for i := range 4 {
		var seed [32]byte
		binary.BigEndian.PutUint64(seed[:], uint64(i+1))
		key := keys.FromSeed(seed)
		byKey[key.Public()] = key
		public = append(public, key.Public())
	}
	var err error
	f.group, err = membership.NewGroup("storetest", number, public, membership.Limits{})
	require.NoError(t, err)
	for _, key := range f.group.Members() {
		f.members = append(f.members, byKey[key])
	}
	return f
}

func (f *fixture) slot(creator int, height uint64) block.Slot {
	return block.Slot{Group: f.group.ID(), Creator: f.members[creator].Public(), Height: height}
}

// unsigned returns a block of one message with a payload of size bytes. Blocks of one slot with
// different salts are different.
func (f *fixture) unsigned(slot block.Slot, salt string, size int) block.Block {
	payload := make([]byte, size)
	message, err := block.NewMessage(f.members[0], f.group.Network(), fmt.Sprintf("%s/%d", salt, slot.Height), payload, int64(slot.Height&0xffff))
	require.NoError(f.t, err)
	parent := block.ID{}
	if slot.Height > 1 {
		parent = block.ID{1}
	}
	return block.New(f.group, slot.Creator, slot.Height, parent, 0, []block.Message{message})
}

func (f *fixture) block(slot block.Slot, salt string, size int) block.Block {
	b := f.unsigned(slot, salt, size)
	index, _ := f.group.Index(slot.Creator)
	b.Signature = f.members[index].Sign(b.Header.SigningBytes())
	return b
}

// certify returns a certificate signed by these members.
func (f *fixture) certify(b block.Block, signers ...int) certificate.Certificate {
	signatures := map[int]keys.Signature{}
	for _, i := range signers {
		signatures[i] = f.members[i].Sign(certificate.SigningBytes(f.group.Network(), b.Header.Slot(), b.ID()))
	}
	return certificate.New(f.group, b.Header.Slot(), b.ID(), signatures)
}

func (f *fixture) certified(creator int, height uint64, size int) store.PutCertified {
	b := f.block(f.slot(creator, height), "certified", size)
	return store.PutCertified{Block: b, Certificate: f.certify(b, 0, 1, 2)}
}

func (f *fixture) evidence(creator int, salt string) store.Evidence {
	a, b := f.block(f.slot(creator, 5), salt+"a", 1).SignedHeader, f.block(f.slot(creator, 5), salt+"b", 1).SignedHeader
	if idA, idB := a.Header.ID(), b.Header.ID(); string(idA[:]) > string(idB[:]) {
		a, b = b, a
	}
	return store.Evidence{A: a, B: b}
}

func (f *fixture) load(s store.Store) store.State {
	state, err := s.Load(f.t.Context(), f.group.ID())
	require.NoError(f.t, err)
	return state
}

func (f *fixture) commit(s store.Store, writes ...store.Write) {
	f.t.Helper()
	require.NoError(f.t, s.Commit(f.t.Context(), writes))
}

// requireBlocks compares blocks by their canonical bytes.
func (f *fixture) requireBlocks(want, have []block.Block) {
	f.t.Helper()
	require.Len(f.t, have, len(want))
	for i := range want {
		require.Equal(f.t, want[i].Encode(), have[i].Encode())
	}
}

func (f *fixture) requireCertified(want store.PutCertified, have store.Certified) {
	f.t.Helper()
	require.Equal(f.t, want.Block.Encode(), have.Block.Encode())
	require.Equal(f.t, want.Certificate.Encode(), have.Certificate.Encode())
}
