// Package archive copies groups and certified blocks from one store to another through a file. It
// does not copy votes: two nodes with the same votes and key, or one with old votes, could sign two
// blocks for a slot (PROTOCOL.md R8).
//
// The file is a title line followed by records: a kind (one byte), a length (four bytes, big
// endian) and that many bytes. A group record contains membership.Group.Encode. A block record
// contains the length of block.Block.Encode (four bytes, big endian), that encoding, and
// certificate.Certificate.Encode; a block without its messages is one whose messages retention
// removed. The last record contains the SHA-256 of everything before it. Groups come before their
// blocks. Import trusts nothing in the file: it verifies every signature, and accepts only groups
// that the caller trusts.
package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// ErrInvalid reports a file that is not an archive, or is damaged.
var ErrInvalid = errors.New("invalid archive")

const title = "ephemera archive v1\n"

// Kinds of records.
const (
	kindGroup = 'g'
	kindBlock = 'b'
	kindEnd   = 'e'
)

// Record is a group or a certified block. Nothing of the block is verified yet.
type Record struct {
	Group     *membership.Group // nil if the record is a block
	Certified store.Certified
}

// Summary counts what was exported or imported.
type Summary struct {
	Groups int `json:"groups"`
	Blocks int `json:"blocks"`
	Pruned int `json:"pruned"` // blocks among Blocks without messages, because retention removed them
	Known  int `json:"known"`  // blocks that were not imported, because the store already had them
}

// pageBlocks and pageBytes bound one read from a store and one commit to it.
const (
	pageBlocks = 64
	pageBytes  = 4 << 20
)

// Source is the part of a store that is exported.
type Source interface {
	Groups(ctx context.Context) ([]store.Group, error)
	List(ctx context.Context, after uint64, creator keys.Public, count, bytes int) ([]store.Entry, error)
}

// Export writes all groups of a store, then its certified blocks in the order in which they were
// committed. If blocks are damaged in the store, it leaves them out, completes the archive and
// returns an *IncompleteError.
func Export(ctx context.Context, to io.Writer, from Source) (Summary, error) {
	var s Summary
	w := newWriter(to)
	groups, err := from.Groups(ctx)
	if err != nil {
		return s, fmt.Errorf("export groups: %w", err)
	}
	for _, g := range groups {
		if err := w.record(kindGroup, g.Group.Encode()); err != nil {
			return s, err
		}
		s.Groups++
	}
	var left []error
	for after := uint64(0); ; {
		page, err := from.List(ctx, after, keys.Public{}, pageBlocks, pageBytes)
		if damage := damagedInStore(err); damage != nil {
			left, after = append(left, damage), damage.Sequence
			continue
		}
		if err != nil {
			return s, fmt.Errorf("export blocks: %w", err)
		}
		if len(page) == 0 {
			if err := w.end(); err != nil {
				return s, err
			}
			return s, incomplete(left)
		}
		for _, entry := range page {
			if err := w.block(entry.Certified); err != nil {
				return s, err
			}
			after = entry.Sequence
			s.count(entry.Certified)
		}
	}
}

func (s *Summary) count(c store.Certified) {
	s.Blocks++
	if c.Block.Pruned() {
		s.Pruned++
	}
}

// writer writes records and their hash.
type writer struct {
	buffer *bufio.Writer
	hash   hash.Hash
	err    error
}

func newWriter(to io.Writer) *writer {
	w := &writer{buffer: bufio.NewWriterSize(to, 1<<16), hash: sha256.New()}
	w.write([]byte(title))
	return w
}

// write writes data unless an earlier write failed. It keeps the first error for record to return.
func (w *writer) write(data []byte) {
	if w.err == nil {
		_, _ = w.hash.Write(data) // a hash never fails
		_, w.err = w.buffer.Write(data)
	}
}

func (w *writer) record(kind byte, parts ...[]byte) error {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	w.write(binary.BigEndian.AppendUint32([]byte{kind}, uint32(size)))
	for _, part := range parts {
		w.write(part)
	}
	return w.err
}

func (w *writer) block(c store.Certified) error {
	b := c.Block.Encode()
	return w.record(kindBlock, binary.BigEndian.AppendUint32(nil, uint32(len(b))), b, c.Certificate.Encode())
}

func (w *writer) end() error {
	if err := w.record(kindEnd, w.hash.Sum(nil)); err != nil {
		return err
	}
	return w.buffer.Flush()
}

// Reader reads records. It is not safe for concurrent use.
type Reader struct {
	from    *bufio.Reader
	hash    hash.Hash
	begun   bool
	ended   bool
	records int
}

// NewReader returns a Reader of an archive.
func NewReader(from io.Reader) *Reader {
	return &Reader{from: bufio.NewReaderSize(from, 1<<16), hash: sha256.New()}
}

// maxRecord bounds the size of a record, in bytes: a block of the largest limits with a certificate
// of the largest group.
var maxRecord = 4 + block.MaxBytes(membership.MaxLimits()) + certificate.MaxBytes(membership.MaxMembers)

// Next returns the next record. It returns io.EOF after the last record of a complete archive, and
// ErrInvalid if the archive is truncated or damaged. If only the contents of one record are
// damaged, the next call returns the record after it.
func (r *Reader) Next() (Record, error) {
	if r.ended {
		return Record{}, io.EOF
	}
	if !r.begun {
		head, err := r.take(len(title))
		if err != nil && !errors.Is(err, ErrInvalid) {
			return Record{}, err
		}
		if err != nil || string(head) != title {
			return Record{}, fmt.Errorf("%w: it does not begin with the line %q", ErrInvalid, title[:len(title)-1])
		}
		r.begun = true
	}
	before := r.hash.Sum(nil)
	head, err := r.take(5)
	if err != nil {
		return Record{}, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if int64(size) > int64(maxRecord) {
		return Record{}, fmt.Errorf("%w: a record has %d bytes, expected at most %d", ErrInvalid, size, maxRecord)
	}
	data, err := r.take(int(size))
	if err != nil {
		return Record{}, err
	}
	r.records++
	switch head[0] {
	case kindGroup:
		group, err := membership.DecodeGroup(data)
		if err != nil {
			return Record{}, &recordError{r.records, fmt.Errorf("%w: %w", ErrInvalid, err)}
		}
		return Record{Group: group}, nil
	case kindBlock:
		record, err := decodeBlock(data)
		if err != nil {
			return Record{}, &recordError{r.records, err}
		}
		return record, nil
	case kindEnd:
		return Record{}, r.end(before, data)
	}
	return Record{}, fmt.Errorf("%w: a record has the unknown kind %q", ErrInvalid, head[0])
}

// end checks the archive's sum and that nothing follows. It returns io.EOF if both are right.
// before is the hash of everything before the last record, which contains sum.
func (r *Reader) end(before, sum []byte) error {
	if !bytes.Equal(before, sum) {
		return fmt.Errorf("%w: its SHA-256 differs from the one at its end (copy the file again)", ErrInvalid)
	}
	if _, err := r.from.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: there is data after its end (copy the file again)", ErrInvalid)
	}
	r.ended = true
	return io.EOF
}

// take reads exactly size bytes. It allocates only as much as the archive contains, so that a false
// length costs nothing.
func (r *Reader) take(size int) ([]byte, error) {
	var data bytes.Buffer
	if _, err := io.CopyN(&data, r.from, int64(size)); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: it is truncated (copy the file again)", ErrInvalid)
		}
		return nil, fmt.Errorf("read archive: %w", err)
	}
	_, _ = r.hash.Write(data.Bytes()) // a hash never fails
	return data.Bytes(), nil
}

func decodeBlock(data []byte) (Record, error) {
	if len(data) < 4 || int64(binary.BigEndian.Uint32(data)) > int64(len(data)-4) {
		return Record{}, fmt.Errorf("%w: a block record of %d bytes is too short for its block", ErrInvalid, len(data))
	}
	size := 4 + int(binary.BigEndian.Uint32(data))
	b, err := block.Decode(data[4:size], membership.MaxLimits())
	if err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	c, err := certificate.Decode(data[size:], membership.MaxMembers)
	if err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Record{Certified: store.Certified{Block: b, Certificate: c}}, nil
}
