package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/archive"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
)

const network = "archive-test"

var ctx = context.Background()

func key(i int) keys.Private { return keys.FromSeed([32]byte{byte(i + 1)}) }

func groupOf(t require.TestingT, number uint64, n int) *membership.Group {
	members := make([]keys.Public, n)
	for i := range members {
		members[i] = key(i).Public()
	}
	group, err := membership.NewGroup(network, number, members, membership.Limits{})
	require.NoError(t, err)
	return group
}

// certified returns a certified block of the first member, signed by the first q members.
func certified(t require.TestingT, group *membership.Group, height uint64, parent block.ID, payloads ...string) store.Certified {
	var messages []block.Message
	for i, payload := range payloads {
		m, err := block.NewMessage(key(i%group.N()), network, "x", []byte(payload), int64(i+1))
		require.NoError(t, err)
		messages = append(messages, m)
	}
	b := block.New(group, key(0).Public(), height, parent, 1, messages)
	b.Signature = key(0).Sign(b.Header.SigningBytes())
	signatures := map[int]keys.Signature{}
	for i := range group.Q() {
		index, _ := group.Index(key(i).Public())
		signatures[index] = key(i).Sign(certificate.SigningBytes(network, b.Header.Slot(), b.ID()))
	}
	return store.Certified{Block: b, Certificate: certificate.New(group, b.Header.Slot(), b.ID(), signatures)}
}

// filled returns a store with a group and a chain of blocks, whose numbers of messages are counts.
func filled(t require.TestingT, group *membership.Group, counts ...int) *memory.Store {
	s := memory.New()
	writes := []store.Write{store.PutGroup{Group: group}}
	parent := block.ID{}
	for i, count := range counts {
		payloads := make([]string, count)
		for j := range payloads {
			payloads[j] = string(rune('a'+i)) + string(rune('a'+j))
		}
		c := certified(t, group, uint64(i+1), parent, payloads...)
		parent = c.Block.ID()
		writes = append(writes, store.PutCertified(c))
	}
	require.NoError(t, s.SetIdentity(ctx, store.Identity{Network: network, Key: key(0).Public()}))
	require.NoError(t, s.Commit(ctx, writes))
	return s
}

func empty(t require.TestingT, self keys.Public) *memory.Store {
	s := memory.New()
	require.NoError(t, s.SetIdentity(ctx, store.Identity{Network: network, Key: self}))
	return s
}

var stranger = keys.FromSeed([32]byte{200}).Public()

func trusting(groups ...*membership.Group) archive.Options {
	return archive.Options{Network: network, Self: stranger, Trusted: func(g *membership.Group) bool {
		for _, known := range groups {
			if known.ID() == g.ID() {
				return true
			}
		}
		return false
	}}
}

func TestWhatIsExportedIsImportedOnce(t *testing.T) {
	roundTrip(t, 1, make([]int, 70)) // several pages
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{1, 4, 7}).Draw(t, "n")
		roundTrip(t, n, rapid.SliceOfN(rapid.IntRange(0, 3), 0, 4).Draw(t, "messages of each block"))
	})
}

func roundTrip(t require.TestingT, n int, counts []int) {
	group := groupOf(t, 1, n)
	from, to := filled(t, group, counts...), empty(t, stranger)
	var file bytes.Buffer
	exported, err := archive.Export(ctx, &file, from)
	require.NoError(t, err)
	require.Equal(t, archive.Summary{Groups: 1, Blocks: len(counts)}, exported)

	imported, err := archive.Import(ctx, bytes.NewReader(file.Bytes()), to, trusting(group))
	require.NoError(t, err)
	require.Equal(t, exported, imported)
	again, err := archive.Import(ctx, bytes.NewReader(file.Bytes()), to, trusting())
	require.NoError(t, err)
	require.Equal(t, archive.Summary{Known: len(counts)}, again)

	want, err := from.List(ctx, 0, keys.Public{}, 100, 1<<30)
	require.NoError(t, err)
	have, err := to.List(ctx, 0, keys.Public{}, 100, 1<<30)
	require.NoError(t, err)
	require.Len(t, have, len(want))
	for i := range want {
		require.Equal(t, want[i].Block.Encode(), have[i].Block.Encode())
		require.Equal(t, want[i].Certificate, have[i].Certificate)
	}
}

func TestPrunedBlocksAreImportedAndCompletedLater(t *testing.T) {
	group := groupOf(t, 1, 4)
	whole := filled(t, group, 2)
	entries, err := whole.List(ctx, 0, keys.Public{}, 1, 1)
	require.NoError(t, err)
	pruned := entries[0].Certified
	pruned.Block.Messages = nil
	from := empty(t, key(0).Public())
	require.NoError(t, from.Commit(ctx, []store.Write{
		store.PutGroup{Group: group}, store.PutCertified(pruned),
	}))
	to := empty(t, stranger)
	var headers, bodies bytes.Buffer
	_, err = archive.Export(ctx, &headers, from)
	require.NoError(t, err)
	_, err = archive.Export(ctx, &bodies, whole)
	require.NoError(t, err)

	summary, err := archive.Import(ctx, &headers, to, trusting(group))
	require.NoError(t, err)
	require.Equal(t, archive.Summary{Groups: 1, Blocks: 1, Pruned: 1}, summary)
	_, err = archive.Import(ctx, &bodies, to, trusting(group))
	require.NoError(t, err)
}

// listed is a store that lists blocks without checking them.
type listed struct {
	*memory.Store
	blocks []store.Certified
}

func (l listed) List(_ context.Context, after uint64, _ keys.Public, _, _ int) (entries []store.Entry, err error) {
	for i, c := range l.blocks[after:] {
		entries = append(entries, store.Entry{Sequence: after + uint64(i) + 1, Certified: c})
	}
	return entries, nil
}

// A bit that flipped on the disk costs one block, at both ends.
func TestDamagedBlocksAreNamedAndTheRestIsCopied(t *testing.T) {
	group := groupOf(t, 1, 4)
	disk := memory.NewDisk()
	from, err := disk.Open()
	require.NoError(t, err)
	writes, blocks := []store.Write{store.PutGroup{Group: group}}, []store.Certified{}
	parent := block.ID{}
	for i, payload := range []string{"the first", "the second", "the third"} {
		c := certified(t, group, uint64(i+1), parent, payload)
		parent = c.Block.ID()
		writes, blocks = append(writes, store.PutCertified(c)), append(blocks, c)
	}
	require.NoError(t, from.Commit(ctx, writes))
	var whole bytes.Buffer
	_, err = archive.Export(ctx, &whole, from)
	require.NoError(t, err)
	require.NotZero(t, disk.Rot([]byte("the second"), []byte("the secund")))
	name := blocks[1].Block.ID().String()
	var incomplete *archive.IncompleteError

	var file bytes.Buffer
	exported, err := archive.Export(ctx, &file, from)
	require.ErrorAs(t, err, &incomplete)
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.ErrorContains(t, err, name)
	require.Equal(t, archive.Summary{Groups: 1, Blocks: 2}, exported)
	to := empty(t, stranger)
	imported, err := archive.Import(ctx, &file, to, trusting(group))
	require.NoError(t, err)
	require.Equal(t, exported, imported)

	// A file with a damaged block: it cannot be decoded, or is not what was signed.
	forged := blocks[1]
	forged.Block.Messages = certified(t, group, 2, blocks[0].Block.ID(), "other").Block.Messages
	broken := bytes.Clone(whole.Bytes())
	at := bytes.Index(broken, []byte("the second"))
	broken[at-1] ^= 0x80 // the head of the text
	var changed bytes.Buffer
	_, err = archive.Export(ctx, &changed, listed{from, []store.Certified{blocks[0], forged, blocks[2]}})
	require.NoError(t, err)
	for _, data := range [][]byte{broken, changed.Bytes()} {
		to := empty(t, stranger)
		imported, err := archive.Import(ctx, bytes.NewReader(data), to, trusting(group))
		require.ErrorAs(t, err, &incomplete)
		require.Len(t, incomplete.Left, 1)
		require.Equal(t, archive.Summary{Groups: 1, Blocks: 2}, imported)
		held, err := to.CertifiedByID(ctx, blocks[2].Block.ID())
		require.NoError(t, err)
		require.Equal(t, blocks[2].Block.Encode(), held.Block.Encode())
	}

	// A whole file repairs the store.
	imported, err = archive.Import(ctx, &whole, from, trusting(group))
	require.NoError(t, err)
	require.Equal(t, archive.Summary{Blocks: 1, Known: 2}, imported)
	_, err = archive.Export(ctx, io.Discard, from)
	require.NoError(t, err)
}

func TestUntrustedGroupsAreRefused(t *testing.T) {
	group := groupOf(t, 1, 4)
	var file bytes.Buffer
	_, err := archive.Export(ctx, &file, filled(t, group, 1))
	require.NoError(t, err)
	to := empty(t, stranger)
	_, err = archive.Import(ctx, bytes.NewReader(file.Bytes()), to, trusting(groupOf(t, 2, 4)))
	require.ErrorIs(t, err, archive.ErrUntrusted)
	require.ErrorContains(t, err, group.ID().String())
	other := trusting(group)
	other.Network = "other"
	_, err = archive.Import(ctx, bytes.NewReader(file.Bytes()), to, other)
	require.ErrorContains(t, err, `network "archive-test"`)
	groups, err := to.Groups(ctx)
	require.NoError(t, err)
	require.Empty(t, groups)
}

// A block that the node signed but does not know shows that another node uses its key, or that the
// store is not its own (R8).
func TestUnknownBlocksThatTheNodeSignedAreRefusedWhereItStillSigns(t *testing.T) {
	group := groupOf(t, 3, 4)
	var file bytes.Buffer
	_, err := archive.Export(ctx, &file, filled(t, group, 1))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		self  keys.Public
		muted uint64
		want  error
	}{
		"creator":             {key(0).Public(), 0, archive.ErrOwn},
		"echoed":              {key(1).Public(), 2, archive.ErrOwn},
		"member without echo": {key(3).Public(), 0, nil},
		"muted in the group":  {key(0).Public(), 3, nil},
		"not a member of it":  {stranger, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			options := trusting(group)
			options.Self, options.MutedThrough = c.self, c.muted
			_, err := archive.Import(ctx, bytes.NewReader(file.Bytes()), empty(t, c.self), options)
			require.ErrorIs(t, err, c.want)
		})
	}
}

// A forger can write a correct checksum, so only the signatures count.
func TestForgedBlocksAreRefused(t *testing.T) {
	group := groupOf(t, 1, 4)
	for name, forge := range map[string]func(*store.Certified){
		"echo":           func(c *store.Certified) { c.Certificate.Signatures[0][0]++ },
		"too few echoes": func(c *store.Certified) { c.Certificate.Signatures = c.Certificate.Signatures[1:] },
		"header":         func(c *store.Certified) { c.Block.Signature[0]++ },
		"other message": func(c *store.Certified) {
			c.Block.Messages = certified(t, group, 1, block.ID{}, "other").Block.Messages
		},
		"header of a pruned block":     func(c *store.Certified) { c.Block.Messages, c.Block.Signature = nil, keys.Signature{} },
		"echo of a pruned block":       func(c *store.Certified) { c.Block.Messages, c.Certificate.Signatures[0][0] = nil, 0 },
		"certificate of another block": func(c *store.Certified) { c.Certificate = certified(t, group, 1, block.ID{}, "other").Certificate },
	} {
		t.Run(name, func(t *testing.T) {
			c := certified(t, group, 1, block.ID{}, "a")
			forge(&c)
			from, to := empty(t, key(0).Public()), empty(t, stranger)
			require.NoError(t, from.Commit(ctx, []store.Write{store.PutGroup{Group: group}}))
			var file bytes.Buffer
			_, err := archive.Export(ctx, &file, listed{from, []store.Certified{c}})
			require.NoError(t, err)
			_, err = archive.Import(ctx, &file, to, trusting(group))
			require.True(t, errors.Is(err, block.ErrInvalid) || errors.Is(err, certificate.ErrInvalid), "%v", err)
			held, err := to.List(ctx, 0, keys.Public{}, 1, 1)
			require.NoError(t, err)
			require.Empty(t, held)
		})
	}
}

// Any changed, added or missing byte is detected.
func TestDamagedArchivesAreRefused(t *testing.T) {
	group := groupOf(t, 1, 4)
	var file bytes.Buffer
	_, err := archive.Export(ctx, &file, filled(t, group, 2, 1))
	require.NoError(t, err)
	whole := file.Bytes()
	rapid.Check(t, func(t *rapid.T) {
		data := bytes.Clone(whole)
		switch at := rapid.IntRange(0, len(data)-1).Draw(t, "at"); rapid.IntRange(0, 2).Draw(t, "damage") {
		case 0:
			data[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		case 1:
			data = data[:at]
		default:
			data = append(data, byte(at))
		}
		_, err := archive.Import(ctx, bytes.NewReader(data), empty(t, stranger), trusting(group))
		known := false
		for _, want := range []error{archive.ErrInvalid, archive.ErrUntrusted, block.ErrInvalid, certificate.ErrInvalid} {
			known = known || errors.Is(err, want)
		}
		require.True(t, known, "%v", err)
	})
}

func FuzzReader(f *testing.F) {
	group := groupOf(f, 1, 4)
	var file bytes.Buffer
	_, err := archive.Export(ctx, &file, filled(f, group, 2, 1))
	require.NoError(f, err)
	f.Add(file.Bytes())
	f.Add([]byte("ephemera archive v1\nb\xff\xff\xff\xff"))
	f.Add([]byte("ephemera archive v1\ne\x00\x00\x00\x20"))
	f.Fuzz(func(t *testing.T, data []byte) {
		reader := archive.NewReader(bytes.NewReader(data))
		for range 100 {
			record, err := reader.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				require.ErrorIs(t, err, archive.ErrInvalid)
				return
			}
			if record.Group == nil {
				_ = certificate.VerifyBlock(group, record.Certified.Block, record.Certified.Certificate)
			}
		}
	})
}

// An archive of the other half of a split group stops the chain: both certificates are kept, what
// is stored stays, and what builds on the other block is left out (R5).
func TestSecondCertifiedBlockOfASlotStopsItsChain(t *testing.T) {
	group := groupOf(t, 1, 4)
	mine, theirs := filled(t, group, 1), filled(t, group, 2, 1, 1)
	var file bytes.Buffer
	_, err := archive.Export(ctx, &file, theirs)
	require.NoError(t, err)
	for range 2 {
		imported, err := archive.Import(ctx, bytes.NewReader(file.Bytes()), mine, trusting(group))
		require.ErrorIs(t, err, store.ErrConflict)
		require.Zero(t, imported.Blocks)
	}
	forks, err := mine.Forks(ctx)
	require.NoError(t, err)
	require.Len(t, forks, 1)
	require.NoError(t, certificate.VerifyFork(group, forks[0].A, forks[0].B))
	state, err := mine.Load(ctx, group.ID())
	require.NoError(t, err)
	require.Equal(t, uint64(1), state.Chains[0].Certified)
}
