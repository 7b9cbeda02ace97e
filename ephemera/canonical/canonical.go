// Package canonical encodes everything that members sign, hash or compare: deterministic CBOR (RFC
// 8949 §4.2.1) made of arrays, strings and unsigned integers, with definite lengths and no maps,
// tags or floats. A struct type opts in with a blank first field tagged `cbor:",toarray"`.
//
// Decode accepts exactly the bytes that Encode produces for a value in its domain: numbers are at
// most MaxNumber and text is UTF-8. CBOR decoders are lenient: they take 0x1800 for 0, null for a
// struct, and cut byte strings to fit an array. Decode therefore checks the bytes against the type
// before it allocates anything, and afterwards encodes the decoded value again and compares, so
// that a value has one encoding and one hash on every machine. Package keys adds the domain tag
// that precedes the encoding in signing bytes.
//
// What Decode allocates is at most a small multiple of the bytes: see shape. The count of a list is
// limited further by the tag `most:"64"` of its field.
//
// The package is unstable: it is public only because the modules of this repository share it.
package canonical

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// ErrNotCanonical reports bytes that decode to a value but differ from its encoding.
var ErrNotCanonical = errors.New("encoding is not canonical")

// ErrTooLarge reports an input longer than the caller's limit.
var ErrTooLarge = errors.New("encoding is too large")

// maxElements bounds each array. The longest legal array is the member list of a group of 100,000.
const maxElements = 1 << 17

var (
	encMode = must(cbor.EncOptions{
		Sort:          cbor.SortCoreDeterministic,
		ShortestFloat: cbor.ShortestFloat16,
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsForbidden,
		NilContainers: cbor.NilContainerAsEmpty,
		// No encoded type has a marshaler of its own. Looking for one took a third of the decoding time.
		BinaryMarshaler: cbor.BinaryMarshalerNone,
	}.EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  16,
		MaxArrayElements: maxElements,
		MaxMapPairs:      16,
		UTF8:             cbor.UTF8RejectInvalid,

		BinaryUnmarshaler: cbor.BinaryUnmarshalerNone,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("canonical: invalid options: %v", err))
	}
	return v
}

// Appender is a type that appends its own canonical encoding, for speed. The bytes must be those
// that reflection would produce, and each such type has a test for it. A struct that embeds an
// Appender inherits the method, so it must define its own or never be encoded.
type Appender interface {
	AppendCanonical(dst []byte) []byte
}

// Encode returns the canonical bytes of v. It panics if v's type cannot be encoded, which is a
// programming error.
func Encode(v any) []byte {
	if a, ok := v.(Appender); ok {
		return a.AppendCanonical(make([]byte, 0, 512))
	}
	return must(encMode.Marshal(v))
}

// Decode decodes data into v, which must be a pointer. Data of more than limit bytes fails with
// ErrTooLarge, a number above MaxNumber with ErrDomain. Trailing bytes, a wrong number of fields,
// tags and non-canonical forms are errors; after an error the contents of v are undefined.
func Decode(data []byte, limit int, v any) error {
	if len(data) > limit {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), limit)
	}
	return decode(data, MaxNumber, v)
}

// DecodeStored is Decode for what this program encoded itself and kept. It accepts any number that
// fits into its type, because older versions kept numbers above MaxNumber.
func DecodeStored(data []byte, v any) error { return decode(data, math.MaxUint64, v) }

func decode(data []byte, most uint64, v any) error {
	if err := shapeOf(reflect.TypeOf(v).Elem()).check(data, most); err != nil {
		return err
	}
	if t, ok := v.(Taker); ok {
		t.TakeCanonical(&Items{rest: data})
	} else if err := decMode.Unmarshal(data, v); err != nil {
		return err
	}
	again, err := reencode(v, len(data))
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return ErrNotCanonical
	}
	return nil
}

func reencode(v any, size int) ([]byte, error) {
	if a, ok := v.(Appender); ok {
		return a.AppendCanonical(make([]byte, 0, size)), nil
	}
	return encMode.Marshal(v)
}
