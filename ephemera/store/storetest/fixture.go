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

// world is a group of four whose private keys the suite has.
type world struct {
	t       *testing.T
	members []keys.Private // in the group's order
	group   *membership.Group
}

func newWorld(t *testing.T, number uint64) *world {
	w := &world{t: t}
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
	w.group, err = membership.NewGroup("storetest", number, public, membership.Limits{})
	require.NoError(t, err)
	for _, key := range w.group.Members() {
		w.members = append(w.members, byKey[key])
	}
	return w
}

func (w *world) slot(creator int, height uint64) block.Slot {
	return block.Slot{Group: w.group.ID(), Creator: w.members[creator].Public(), Height: height}
}

// unsigned makes a block of one message with a payload of size bytes. The salt tells blocks of one
// slot apart.
func (w *world) unsigned(slot block.Slot, salt string, size int) block.Block {
	payload := make([]byte, size)
	message, err := block.NewMessage(w.members[0], w.group.Network(), fmt.Sprintf("%s/%d", salt, slot.Height), payload, int64(slot.Height&0xffff))
	require.NoError(w.t, err)
	parent := block.ID{}
	if slot.Height > 1 {
		parent = block.ID{1}
	}
	return block.New(w.group, slot.Creator, slot.Height, parent, 0, []block.Message{message})
}

func (w *world) block(slot block.Slot, salt string, size int) block.Block {
	b := w.unsigned(slot, salt, size)
	index, _ := w.group.Index(slot.Creator)
	b.Signature = w.members[index].Sign(b.Header.SigningBytes())
	return b
}

// certify makes a certificate by these members.
func (w *world) certify(b block.Block, signers ...int) certificate.Certificate {
	signatures := map[int]keys.Signature{}
	for _, i := range signers {
		signatures[i] = w.members[i].Sign(certificate.SigningBytes(w.group.Network(), b.Header.Slot(), b.ID()))
	}
	return certificate.New(w.group, b.Header.Slot(), b.ID(), signatures)
}

func (w *world) certified(creator int, height uint64, size int) store.PutCertified {
	b := w.block(w.slot(creator, height), "certified", size)
	return store.PutCertified{Block: b, Certificate: w.certify(b, 0, 1, 2)}
}

func (w *world) evidence(creator int, salt string) store.Evidence {
	a, b := w.block(w.slot(creator, 5), salt+"a", 1).SignedHeader, w.block(w.slot(creator, 5), salt+"b", 1).SignedHeader
	if idA, idB := a.Header.ID(), b.Header.ID(); string(idA[:]) > string(idB[:]) {
		a, b = b, a
	}
	return store.Evidence{A: a, B: b}
}

func (w *world) load(s store.Store) store.State {
	state, err := s.Load(w.t.Context(), w.group.ID())
	require.NoError(w.t, err)
	return state
}

func (w *world) commit(s store.Store, writes ...store.Write) {
	w.t.Helper()
	require.NoError(w.t, s.Commit(w.t.Context(), writes))
}

// requireBlocks compares blocks by their canonical bytes.
func (w *world) requireBlocks(want, have []block.Block) {
	w.t.Helper()
	require.Len(w.t, have, len(want))
	for i := range want {
		require.Equal(w.t, want[i].Encode(), have[i].Encode())
	}
}

func (w *world) requireCertified(want store.PutCertified, have store.Certified) {
	w.t.Helper()
	require.Equal(w.t, want.Block.Encode(), have.Block.Encode())
	require.Equal(w.t, want.Certificate.Encode(), have.Certificate.Encode())
}
