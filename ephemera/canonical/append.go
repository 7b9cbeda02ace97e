package canonical

import "encoding/binary"

// The functions below append single items as Encode would write them. They serve the few types that
// are hashed so often that reflection would dominate the cost. Every type that uses them has a test
// against Encode.

// CBOR major types (RFC 8949 §3.1), in the three high bits of an item's first byte.
const (
	majorUnsigned = 0 << 5
	majorNegative = 1 << 5
	majorBytes    = 2 << 5
	majorText     = 3 << 5
	majorArray    = 4 << 5
)

// AppendArray appends the head of an array of n items.
func AppendArray(dst []byte, n int) []byte { return appendHead(dst, majorArray, uint64(n)) }

// AppendBytes appends a byte string.
func AppendBytes(dst, value []byte) []byte {
	return append(appendHead(dst, majorBytes, uint64(len(value))), value...)
}

// AppendBytesHead appends the head of a byte string of n bytes. The caller appends the bytes.
func AppendBytesHead(dst []byte, n int) []byte { return appendHead(dst, majorBytes, uint64(n)) }

// AppendText appends a text string, which must be valid UTF-8.
func AppendText(dst []byte, value string) []byte {
	return append(appendHead(dst, majorText, uint64(len(value))), value...)
}

// AppendUint appends an unsigned integer.
func AppendUint(dst []byte, value uint64) []byte { return appendHead(dst, majorUnsigned, value) }

// AppendInt appends an integer.
func AppendInt(dst []byte, value int64) []byte {
	if value < 0 {
		return appendHead(dst, majorNegative, uint64(-1-value))
	}
	return appendHead(dst, majorUnsigned, uint64(value))
}

// appendHead appends the head of an item: its major type and the shortest form of its argument.
func appendHead(dst []byte, major byte, argument uint64) []byte {
	switch {
	case argument < 24:
		return append(dst, major|byte(argument))
	case argument < 1<<8:
		return append(dst, major|24, byte(argument))
	case argument < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(argument))
	case argument < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(argument))
	default:
		return binary.BigEndian.AppendUint64(append(dst, major|27), argument)
	}
}
