package home

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// counter is the file that counts outside the store the commits that held votes. It has two slots,
// each in a page of its own. A count n is the number n+1 in the slot of its parity, so both slots
// are full from the beginning, with numbers that differ by one. A write that a power loss tears
// damages the older slot only.
//
// If one slot is damaged, the count is that of the other and one more: such a write began after the
// store's commit, so the store must hold that much.
type counter struct {
	file  *os.File
	count uint64
}

const (
	counterTitle = "ephemera votes 1" // at the beginning of each slot
	counterPage  = 4096               // between two slots: more than a disk writes at once
	counterBytes = len(counterTitle) + 8 + 4
)

// errDamaged reports a counter of which too little can be read.
var errDamaged = errors.New("its content is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openCounter opens the counter. It returns fs.ErrNotExist if the file does not exist, and
// errDamaged if the count is unknown.
func openCounter(path string) (*counter, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	data := make([]byte, counterPage+counterBytes+1)
	n, err := file.ReadAt(data, 0)
	if err != nil && err != io.EOF {
		return nil, errors.Join(err, file.Close())
	}
	count, err := decodeCounter(data[:n])
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &counter{file: file, count: count}, nil
}

// createCounter writes a counter, in place of what is there, and opens it.
func createCounter(path string, count uint64) (*counter, error) {
	if err := keys.ReplaceFile(path, encodeCounter(count)); err != nil {
		return nil, err
	}
	return openCounter(path)
}

// increment makes the next count durable. It returns store.ErrFull if the disk had no room for the
// write.
func (c *counter) increment() error {
	next := c.count + 1
	if _, err := c.file.WriteAt(encodeSlot(next+1), slotOffset(next+1)); err != nil {
		return full(err)
	}
	if err := syncData(c.file); err != nil {
		return err
	}
	c.count = next
	return nil
}

func slotOffset(number uint64) int64 { return int64(number%2) * counterPage }

func encodeSlot(number uint64) []byte {
	slot := binary.BigEndian.AppendUint64([]byte(counterTitle), number)
	return binary.BigEndian.AppendUint32(slot, crc32.Checksum(slot, castagnoli))
}

// decodeSlot returns the number in the slot for numbers of a parity.
func decodeSlot(slot []byte, parity uint64) (number uint64, ok bool) {
	number = binary.BigEndian.Uint64(slot[len(counterTitle):])
	return number, number%2 == parity && string(slot) == string(encodeSlot(number))
}

func encodeCounter(count uint64) []byte {
	data := make([]byte, counterPage+counterBytes)
	for _, number := range []uint64{count, count + 1} {
		copy(data[slotOffset(number):], encodeSlot(number))
	}
	return data
}

func decodeCounter(data []byte) (count uint64, err error) {
	if len(data) != counterPage+counterBytes {
		return 0, fmt.Errorf("%w: it has %d bytes, expected %d", errDamaged, len(data), counterPage+counterBytes)
	}
	even, okEven := decodeSlot(data[:counterBytes], 0)
	odd, okOdd := decodeSlot(data[counterPage:], 1)
	switch {
	case okEven && !okOdd:
		return even, nil // its number is even+1, because the other slot was being written
	case okOdd && !okEven:
		return odd, nil
	case okEven && okOdd && max(even, odd)-min(even, odd) == 1:
		return min(even, odd), nil
	}
	return 0, fmt.Errorf("%w: its slots do not belong together", errDamaged)
}

// openCounter opens the counter and compares it with the store's count. It returns why votes are
// missing or may be, or "", and raises the count in identity to the counter's.
func (h *Home) openCounter(identity *store.Identity) (lost string, err error) {
	h.votes, err = openCounter(h.path(CounterFile))
	switch {
	case errors.Is(err, fs.ErrNotExist) && !h.marker.votes:
		return "", nil // of an older program, or at the first start
	case errors.Is(err, fs.ErrNotExist):
		return "the counter of votes is missing", nil
	case errors.Is(err, errDamaged):
		return "the counter of votes cannot be read: " + err.Error(), nil
	case err != nil:
		return "", fmt.Errorf("read %s: %w", CounterFile, err)
	}
	counted, stored := h.votes.count, identity.Votes
	identity.Votes = max(counted, stored)
	switch {
	case stored < counted:
		return fmt.Sprintf("the counter of votes is at %d, the store at %d", counted, stored), nil
	case stored > counted+1:
		return fmt.Sprintf("the counter of votes is an older copy: it is at %d, the store at %d", counted, stored), nil
	}
	return "", nil
}

// setCounter sets the counter to the store's count. It is ahead by one after a crash between the
// two.
func (h *Home) setCounter(count uint64) error {
	if h.votes != nil && h.votes.count == count {
		return nil
	}
	if h.votes != nil {
		if err := h.votes.file.Close(); err != nil {
			return fmt.Errorf("close %s: %w", CounterFile, err)
		}
	}
	var err error
	if h.votes, err = createCounter(h.path(CounterFile), count); err != nil {
		return fmt.Errorf("write %s: %w", CounterFile, err)
	}
	return nil
}

// CountVotes makes durable that one more commit with votes is in the store.
func (h *Home) CountVotes() error {
	if err := h.votes.increment(); err != nil {
		return fmt.Errorf("write %s: %w", CounterFile, err)
	}
	return nil
}
