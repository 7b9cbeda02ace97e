package canonicaltest

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
)

// Growth checks that decoding allocates at most factor bytes for each byte of its input, and slack
// more. It decodes the valid encoding and hostile ones made from it: in place of each item, long
// lists of the shortest items that there are, and strings that claim to be longer than the input.
// size is the length of the hostile lists in bytes; 0 leaves the hostile encodings out.
func Growth(t *testing.T, encoded []byte, size, factor, slack int, decode func([]byte) error) {
	t.Helper()
	require.NoError(t, decode(encoded))
	Allocates(t, encoded, factor, slack, decode)
	if size == 0 {
		return
	}
	for _, data := range hostile(encoded, size) {
		Allocates(t, data, factor, slack, decode)
	}
}

// Allocates checks that decoding these bytes, valid or not, allocates at most factor bytes for each
// of them, and slack more. Fuzz targets call it.
func Allocates(t *testing.T, data []byte, factor, slack int, decode func([]byte) error) {
	t.Helper()
	limit := uint64(factor*len(data) + slack)
	used := allocated(limit, func() { _ = decode(data) })
	require.LessOrEqual(t, used, limit, "%d bytes allocate %d: %.80x", len(data), used, data)
}

// allocated returns how many bytes f allocates. If they exceed the limit, it runs f again, because
// other goroutines allocate too and pools are filled at first.
func allocated(limit uint64, f func()) uint64 {
	least := ^uint64(0)
	for range 3 {
		if least <= limit {
			break
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// fillers are short encodings: numbers, empty strings, lists and maps, simple values, tags, and
// lists inside lists.
var fillers = [][]byte{
	{0x00},
	{0x17},
	{0x20},
	{0x40},
	{0x60},
	{0x80},
	{0xa0},
	{0xf4},
	{0xf6},
	{0xf7},
	{0xf9, 0, 0},
	{0xc0, 0x00},
	{0x81, 0x80},
	{0x82, 0xf6, 0xf6},
	{0x82, 0x40, 0x40},
	{0x82, 0x80, 0x80},
	{0x9f, 0xff},
	{0x5f, 0xff},
}

// hostile returns copies of encoded in which one item is replaced.
func hostile(encoded []byte, size int) [][]byte {
	var replacements [][]byte
	for _, filler := range fillers {
		count := size / len(filler)
		list := bytes.Repeat(filler, count)
		replacements = append(replacements, append(canonical.AppendArray(nil, count), list...),
			append([]byte{0x9f}, append(list, 0xff)...), canonical.AppendBytes(nil, append(canonical.AppendArray(nil, count), list...)))
	}
	for _, head := range [][]byte{{0x9b}, {0xbb}, {0x5b}, {0x7b}} {
		replacements = append(replacements, append(head, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), append(head, 0, 0, 0, 0, 0, 1, 0, 0))
	}
	replacements = append(replacements, bytes.Repeat([]byte{0x81}, size), bytes.Repeat([]byte{0xc1}, size))
	var all [][]byte
	for _, replacement := range replacements {
		all = replaced(all, encoded, replacement, 40)
	}
	return all
}

// replaced appends copies of encoded in which one of its items is the replacement. Of a long list
// it takes the first items. Byte strings that hold a list are opened.
func replaced(all [][]byte, encoded, replacement []byte, most int) [][]byte {
	major, n, rest := split(encoded)
	all = append(all, replacement)
	head := encoded[:len(encoded)-len(rest)]
	switch {
	case major == 4:
		for at := 0; n > 0 && most > 0; n, most = n-1, most-1 {
			length := itemLength(rest[at:])
			for _, changed := range replaced(nil, rest[at:at+length], replacement, most) {
				all = append(all, bytes.Join([][]byte{head, rest[:at], changed, rest[at+length:]}, nil))
			}
			at += length
		}
	case major == 2 && n > 0 && rest[0]>>5 == 4 && itemLength(rest) == n:
		for _, changed := range replaced(nil, rest, replacement, most) {
			all = append(all, canonical.AppendBytes(nil, changed))
		}
	}
	return all
}

// split returns the major type and the argument of a canonical item, and what follows its head. The
// major type of bytes that do not form an item is 7.
func split(data []byte) (major byte, argument int, rest []byte) {
	major, argument, data = data[0]>>5, int(data[0]&0x1f), data[1:]
	if argument < 24 {
		return major, argument, data
	}
	size := 1 << (argument - 24)
	if argument > 27 || size > len(data) {
		return 7, 0, nil
	}
	argument = 0
	for _, b := range data[:size] {
		argument = argument<<8 | int(b)
	}
	return major, argument, data[size:]
}

// itemLength returns the length of the item that data begins with, or -1 if it begins with no
// item.
func itemLength(data []byte) int {
	if len(data) == 0 {
		return -1
	}
	major, n, rest := split(data)
	length := len(data) - len(rest)
	switch major {
	case 0, 1:
		return length
	case 2, 3:
		if n < 0 || n > len(rest) {
			return -1
		}
		return length + n
	case 4:
		for range n {
			item := itemLength(data[min(length, len(data)):])
			if item < 0 {
				return -1
			}
			length += item
		}
		return length
	}
	return -1
}
