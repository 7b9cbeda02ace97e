package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Rotting is a store whose stored bytes a test can change, as a failing disk may do.
type Rotting interface {
	Open() (store.Store, error)
	// Rot replaces bytes wherever they occur in what is stored by others, of the same length. The
	// store is closed. It fails the test if they do not occur.
	Rot(t *testing.T, old, replacement []byte)
}

// Replaced is for implementations of Rotting: data with old replaced, and whether it occurred.
func Replaced(data, old, replacement []byte) ([]byte, bool) {
	after := bytes.ReplaceAll(data, old, replacement)
	return after, !bytes.Equal(data, after)
}

// RunRot checks that no method returns damaged data, that the blocks around a damaged one can still
// be read, and that PutRepaired heals it. fresh returns a new, empty store.
func RunRot(t *testing.T, fresh func(t *testing.T) Rotting) {
	for _, part := range rotten() {
		t.Run("certified block/"+part.name, func(t *testing.T) { testRottenBlock(t, fresh(t), part) })
		t.Run("given up/"+part.name, func(t *testing.T) { testGivenUp(t, fresh(t), part) })
		t.Run("vote/"+part.name, func(t *testing.T) { testRottenVote(t, fresh(t), part) })
	}
}

// rottenPart is a part of a stored block, and what happens when it rots.
type rottenPart struct {
	name string
	find func(b store.PutCertified) (old, replacement []byte)
	vote bool // whether it is a part of a vote too
}

func rotten() []rottenPart {
	flip := func(data []byte, at int) (old, replacement []byte) {
		replacement = bytes.Clone(data)
		replacement[at] ^= 1
		return data, replacement
	}
	return []rottenPart{
		{"a bit of a message", func(b store.PutCertified) (old, replacement []byte) {
			return flip(b.Block.Messages[0].Payload(), 20)
		}, true},
		{"a message beyond decoding", func(b store.PutCertified) (old, replacement []byte) {
			return b.Block.Messages[0].Encode(), bytes.Repeat([]byte{0xff}, b.Block.Messages[0].Size())
		}, true},
		{"a bit of the header", func(b store.PutCertified) (old, replacement []byte) {
			return flip(canonical.Encode(b.Block.SignedHeader), 150)
		}, true},
		{"a header beyond decoding", func(b store.PutCertified) (old, replacement []byte) {
			data := canonical.Encode(b.Block.SignedHeader)
			return data, bytes.Repeat([]byte{0xff}, len(data))
		}, true},
		{"a bit of the certificate", func(b store.PutCertified) (old, replacement []byte) {
			return flip(b.Certificate.Encode(), 40)
		}, false},
		{"a certificate beyond decoding", func(b store.PutCertified) (old, replacement []byte) {
			data := b.Certificate.Encode()
			return data, bytes.Repeat([]byte{0xff}, len(data))
		}, false},
	}
}

// rottenBlock is a certified block with a message whose bytes occur nowhere else.
func (f *fixture) rottenBlock(creator int, height uint64) store.PutCertified {
	payload := fmt.Appendf(nil, "%d/%d: %s", creator, height, bytes.Repeat([]byte{byte('a' + height)}, 60))
	message, err := block.NewMessage(f.members[0], f.group.Network(), "rot", payload, int64(height))
	require.NoError(f.t, err)
	slot := f.slot(creator, height)
	parent := block.ID{}
	if height > 1 {
		parent = block.ID{1}
	}
	b := block.New(f.group, slot.Creator, height, parent, int64(height), []block.Message{message})
	index, _ := f.group.Index(slot.Creator)
	b.Signature = f.members[index].Sign(b.Header.SigningBytes())
	return store.PutCertified{Block: b, Certificate: f.certify(b, 0, 1, 2)}
}

func testRottenBlock(t *testing.T, disk Rotting, part rottenPart) {
	f, s := newFixture(t, 1), &session{t: t, opener: disk.Open}
	s.reopen()
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	var puts []store.PutCertified
	for height := range uint64(5) {
		puts = append(puts, f.rottenBlock(1, height+1))
		f.commit(s, store.PutVote{Block: puts[height].Block})
		f.commit(s, puts[height], store.PutDelivered{Slot: f.slot(1, height+1)})
	}
	bad := puts[2]
	require.NoError(t, s.Close())
	old, replacement := part.find(bad)
	disk.Rot(t, old, replacement)
	s.Store = nil
	s.reopen()
	f.requireDamaged(s, bad, part.vote)
	f.requireRest(s, puts)

	// A commit that replaces no body and no certificate leaves the damage as it is.
	f.commit(s, f.rottenBlock(1, 6))
	f.requireDamaged(s, bad, part.vote)

	other := f.block(f.slot(1, 3), "other", 10)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutRepaired{Block: other, Certificate: f.certify(other, 0, 1, 2)}}), store.ErrConflict)
	far := f.rottenBlock(1, 9)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutRepaired(far)}), store.ErrNotFound)

	s.pass(30 * time.Minute)
	f.commit(s, store.PutRepaired(bad))
	s.reopen()
	f.requireHealed(s, puts)

	// A block that was healed keeps its age, and retention removes it with its messages as any other.
	s.pass(30 * time.Minute)
	require.Zero(t, s.prune(store.Retention{Age: 80 * time.Minute}))
	pruned := s.prune(store.Retention{Age: 50 * time.Minute, Messages: math.MaxInt64})
	total := int64(0)
	for _, put := range puts {
		total += int64(put.Block.BodyBytes())
	}
	require.Equal(t, store.Pruned{Blocks: len(puts), Bytes: total}, pruned)
	found, err := s.CertifiedByID(t.Context(), bad.Block.ID())
	require.NoError(t, err)
	require.True(t, found.Block.Pruned())
}

// requireDamaged requires that every read of a block reports it as damaged, and returns none of it.
// body says that the damage is in header or messages, and not in the certificate.
func (f *fixture) requireDamaged(s store.Store, bad store.PutCertified, body bool) {
	f.t.Helper()
	id, slot := bad.Block.ID(), bad.Block.Header.Slot()
	require := require.New(f.t)
	damage := func(err error) *store.CorruptError {
		f.t.Helper()
		require.ErrorIs(err, store.ErrCorrupt)
		var damage *store.CorruptError
		require.ErrorAs(err, &damage)
		require.Equal(id, damage.Block)
		if body {
			require.NotNil(damage.Certificate)
			require.Equal(bad.Certificate.Encode(), damage.Certificate.Encode())
			require.Equal(slot, damage.Slot)
		} else {
			require.Nil(damage.Certificate)
		}
		return damage
	}
	b, err := s.Block(f.t.Context(), id)
	if body {
		damage(err)
		require.Zero(b)
	} else {
		require.NoError(err)
	}
	c, err := s.Certified(f.t.Context(), slot)
	require.Equal(slot, damage(err).Slot)
	require.Zero(c)
	header, err := s.Header(f.t.Context(), slot)
	if err == nil {
		require.Equal(bad.Block.SignedHeader, header, "only messages or the certificate are damaged")
	} else {
		damage := new(store.CorruptError)
		require.ErrorAs(err, &damage)
		require.Equal(slot, damage.Slot)
	}
	c, err = s.CertifiedByID(f.t.Context(), id)
	damage(err)
	require.Zero(c)
	some, err := s.CertifiedFrom(f.t.Context(), slot, 10, math.MaxInt)
	require.Equal(slot, damage(err).Slot)
	require.Empty(some)
	entries, err := s.List(f.t.Context(), 2, keys.Public{}, 10, math.MaxInt)
	require.Equal(uint64(3), damage(err).Sequence)
	require.Empty(entries)
}

// requireRest requires that everything but the third block can be read.
func (f *fixture) requireRest(s store.Store, puts []store.PutCertified) {
	f.t.Helper()
	found, err := s.CertifiedFrom(f.t.Context(), f.slot(1, 1), 10, math.MaxInt)
	require.NoError(f.t, err)
	require.Len(f.t, found, 2)
	found, err = s.CertifiedFrom(f.t.Context(), f.slot(1, 4), 10, math.MaxInt)
	require.NoError(f.t, err)
	require.Len(f.t, found, 2)
	entries, err := s.List(f.t.Context(), 0, keys.Public{}, 10, math.MaxInt)
	require.NoError(f.t, err)
	require.Len(f.t, entries, 2)
	entries, err = s.List(f.t.Context(), 3, f.slot(1, 1).Creator, 10, math.MaxInt)
	require.NoError(f.t, err)
	require.Len(f.t, entries, 2)
	f.requireCertified(puts[3], entries[0].Certified)
	chain := f.load(s).Chains[0]
	require.Equal(f.t, uint64(5), chain.Certified)
	require.Empty(f.t, chain.Lost, "a certified block is not a vote that is open")
	_, err = s.Included(f.t.Context(), 0)
	require.NoError(f.t, err)
}

func (f *fixture) requireHealed(s store.Store, puts []store.PutCertified) {
	f.t.Helper()
	for _, put := range puts {
		b, err := s.Block(f.t.Context(), put.Block.ID())
		require.NoError(f.t, err)
		f.requireBlocks([]block.Block{put.Block}, []block.Block{b})
		found, err := s.CertifiedByID(f.t.Context(), put.Block.ID())
		require.NoError(f.t, err)
		f.requireCertified(put, found)
	}
	entries, err := s.List(f.t.Context(), 0, keys.Public{}, 10, math.MaxInt)
	require.NoError(f.t, err)
	for i, put := range puts {
		require.Equal(f.t, uint64(i+1), entries[i].Sequence, "a repaired block keeps its place")
		f.requireCertified(put, entries[i].Certified)
	}
	included, err := s.Included(f.t.Context(), 0)
	require.NoError(f.t, err)
	require.Len(f.t, included, len(entries))
}

// A damaged block that no member can send any more is stored without its messages.
func testGivenUp(t *testing.T, disk Rotting, part rottenPart) {
	f, s := newFixture(t, 1), &session{t: t, opener: disk.Open}
	s.reopen()
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	puts := []store.PutCertified{f.rottenBlock(1, 1), f.rottenBlock(1, 2)}
	f.commit(s, puts[0], puts[1])
	require.NoError(t, s.Close())
	old, replacement := part.find(puts[1])
	disk.Rot(t, old, replacement)
	s.Store = nil
	s.reopen()
	bare := store.PutRepaired(puts[1])
	bare.Block.Messages = nil
	f.commit(s, bare)
	found, err := s.CertifiedByID(t.Context(), bare.Block.ID())
	require.NoError(t, err)
	require.True(t, found.Block.Pruned())
	f.requireCertified(store.PutCertified(bare), found)
	_, err = s.Block(t.Context(), bare.Block.ID())
	require.ErrorIs(t, err, store.ErrPruned)

	f.commit(s, puts[1])
	s.reopen()
	f.requireHealed(s, puts)
}

func testRottenVote(t *testing.T, disk Rotting, part rottenPart) {
	if !part.vote {
		t.Skip("a vote has no certificate")
	}
	f, s := newFixture(t, 1), &session{t: t, opener: disk.Open}
	s.reopen()
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	whole, bad := f.rottenBlock(1, 1), f.rottenBlock(1, 2)
	f.commit(s, store.PutVote{Block: whole.Block}, store.PutVote{Block: bad.Block})
	require.NoError(t, s.Close())
	old, replacement := part.find(bad)
	disk.Rot(t, old, replacement)
	s.Store = nil
	s.reopen()
	chain := f.load(s).Chains[0]
	f.requireBlocks([]block.Block{whole.Block}, chain.Votes)
	require.Len(t, chain.Lost, 1)
	require.Equal(t, uint64(2), chain.Lost[0].Height)
	require.Equal(t, bad.Block.ID(), chain.Lost[0].Block)
	require.ErrorIs(t, chain.Lost[0].Err, store.ErrCorrupt)

	// The slot stays taken, and the block itself can be written again.
	other := f.block(f.slot(1, 2), "other", 10)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: other, Again: true}}), store.ErrVoted)
	f.commit(s, store.PutVote{Block: bad.Block, Again: true})
	s.reopen()
	chain = f.load(s).Chains[0]
	require.Empty(t, chain.Lost)
	f.requireBlocks([]block.Block{whole.Block, bad.Block}, chain.Votes)

	// It can be certified and removed like any other.
	f.commit(s, whole, bad, store.PutDelivered{Slot: f.slot(1, 2)})
	pruned, err := s.Prune(t.Context(), store.Retention{Age: 1})
	require.NoError(t, err)
	require.Equal(t, store.Pruned{Blocks: 2, Bytes: int64(whole.Block.BodyBytes() + bad.Block.BodyBytes())}, pruned)
	if _, err := s.Block(t.Context(), bad.Block.ID()); !errors.Is(err, store.ErrPruned) {
		t.Fatalf("a removed block is read with %v", err)
	}
}
