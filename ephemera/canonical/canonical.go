// Package canonical is the one encoding of everything that members sign, hash or compare: CBOR
// arrays (RFC 8949 §4.2.1 core deterministic), definite lengths, no maps, no tags, no floats. Types
// opt in with `cbor:",toarray"`.
//
// Decode accepts exactly the bytes that Encode makes: decoders of CBOR are lenient (0x1800 for 0,
// byte strings that are cut to fit an array), so Decode encodes again what it decoded and compares.
// One value therefore has one encoding and one hash on every machine. Signing bytes with their
// domain tag: package keys.
//
// The package is unstable: it is public only because the modules of this repository share it.
package canonical

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ErrNotCanonical reports bytes that decode but are not what Encode makes of their value.
var ErrNotCanonical = errors.New("encoding is not canonical")

// ErrTooLarge reports an input longer than the caller's limit.
var ErrTooLarge = errors.New("encoding is too large")

// maxElements bounds every array before it is allocated: 100,000 members of a group is the largest
// that is legal. A short input can name many elements (null decodes to a zero struct), so callers
// that expect fewer give Decode a small byte limit.
const maxElements = 1 << 17

var (
	encMode = must(cbor.EncOptions{
		Sort:          cbor.SortCoreDeterministic,
		ShortestFloat: cbor.ShortestFloat16,
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsForbidden,
		NilContainers: cbor.NilContainerAsEmpty,
		// No type brings a marshaler of its own, and asking every type for one took a third of the time
		// of decoding.
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

// Appender is a type that appends its own canonical encoding: the bytes that reflection would make
// of it, which a test of the type holds it to. Embedding one inherits the method, so a type that
// embeds one is an Appender of its own or never encoded itself.
type Appender interface {
	AppendCanonical(dst []byte) []byte
}

// Encode returns the canonical bytes of v. It panics if v's type cannot be encoded, which is a
// fault of the program.
func Encode(v any) []byte {
	if a, ok := v.(Appender); ok {
		return a.AppendCanonical(make([]byte, 0, 512))
	}
	return must(encMode.Marshal(v))
}

// Decode fills v, a pointer, from data of at most limit bytes. Trailing bytes, wrong arity, tags
// and non-canonical forms are errors.
func Decode(data []byte, limit int, v any) error {
	if len(data) > limit {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), limit)
	}
	if err := decMode.Unmarshal(data, v); err != nil {
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
