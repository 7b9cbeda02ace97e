package metrics

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ErrEncoding reports bytes that are not a canonical encoding.
var ErrEncoding = errors.New("not in canonical encoding")

// resultDomain separates hashes of results from all other hashes of the project.
const resultDomain = "nym-rewarding/metrics/result/v1"

// Limits bounds what a decoder accepts. A zero field accepts nothing. [LimitsFor] derives both
// fields from the number of mixnodes.
type Limits struct {
	Mixnodes int // largest number of mixnodes
	Bytes    int // largest length of the encoding
}

// LimitsFor returns the limits of a network with at most that many mixnodes: Bytes is the length of
// the longest report or result about them.
func LimitsFor(mixnodes int) Limits {
	const (
		frame  = 1 + 2 + 32 + 3*5             // array head, description, three list heads
		column = 2 + MaxMixIDLength + 3 + 3   // name, value, count
		most   = (1<<31 - 1 - frame) / column // so that a 32-bit int does not overflow
	)
	mixnodes = max(0, min(mixnodes, most))
	return Limits{Mixnodes: mixnodes, Bytes: frame + column*mixnodes}
}

// The encodings are CBOR arrays (RFC 8949) under its core deterministic rules (4.2.1): definite
// lengths, shortest integers, no maps, no tags. In CDDL (RFC 8610):
//
//	report = [ description: bstr .size 32, mixnodes: [+ name], values: [+ uptime] ]
//	result = [ mixnodes: [+ name], values: [+ uptime], reports: [+ uint .size 2] ]
//	name   = tstr                ; 1..64 bytes, strictly ascending
//	uptime = 0..10000 / null     ; null is missing
type (
	wireReport struct {
		_           struct{} `cbor:",toarray"`
		Description []byte
		Mixnodes    []MixID
		Values      []Uptime
	}
	wireResult struct {
		_        struct{} `cbor:",toarray"`
		Mixnodes []MixID
		Values   []Uptime
		Reports  []uint16
	}
	hashedResult struct {
		_       struct{} `cbor:",toarray"`
		Domain  string
		Network string
		Result  wireResult
	}
)

// Both modes are immutable and safe for concurrent use.
var (
	encoder = must(cbor.CoreDetEncOptions().EncMode())
	decoder = must(cbor.DecOptions{
		MaxNestedLevels:  4,
		MaxArrayElements: 1 << 24, // the length of the input bounds it first
		MaxMapPairs:      16,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		UTF8:             cbor.UTF8RejectInvalid,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the constant options are wrong
	}
	return v
}

// MarshalCBOR writes null for [Missing] and an unsigned integer for every other uptime.
func (u Uptime) MarshalCBOR() ([]byte, error) {
	switch {
	case !u.Valid():
		return nil, fmt.Errorf("%w: %d", ErrUptime, int32(u))
	case u == Missing:
		return []byte{cborNull}, nil
	case u < 24:
		return []byte{byte(u)}, nil
	case u < 1<<8:
		return []byte{cborUint8, byte(u)}, nil
	default:
		return []byte{cborUint16, byte(u >> 8), byte(u)}, nil
	}
}

// UnmarshalCBOR accepts exactly what MarshalCBOR returns.
func (u *Uptime) UnmarshalCBOR(data []byte) error {
	v := Uptime(Full + 1)
	switch {
	case len(data) == 1 && data[0] == cborNull:
		v = Missing
	case len(data) == 1 && data[0] < 24:
		v = Uptime(data[0])
	case len(data) == 2 && data[0] == cborUint8 && data[1] >= 24:
		v = Uptime(data[1])
	case len(data) == 3 && data[0] == cborUint16 && data[1] > 0:
		v = Uptime(data[1])<<8 | Uptime(data[2])
	}
	if v > Full {
		return fmt.Errorf("%w: bytes %x, expected 0 to %d or null", ErrUptime, data, Full)
	}
	*u = v
	return nil
}

// Initial bytes of RFC 8949, appendix B.
const (
	cborUint8  = 0x18
	cborUint16 = 0x19
	cborNull   = 0xf6
)

// Encode returns the canonical encoding of a valid report. The error is that of [Report.Validate].
func (r Report) Encode() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("encode report: %w", err)
	}
	return encoder.Marshal(wireReport{Description: r.Description[:], Mixnodes: r.Mixnodes, Values: r.Values})
}

// DecodeReport decodes the canonical encoding of a valid report. The error wraps [ErrTooLarge],
// [ErrEncoding], or what [Report.Validate] returns.
func DecodeReport(data []byte, limits Limits) (Report, error) {
	var w wireReport
	if err := decode(data, limits, &w); err != nil {
		return Report{}, fmt.Errorf("decode report: %w", err)
	}
	r := Report{Mixnodes: w.Mixnodes, Values: w.Values}
	if copy(r.Description[:], w.Description) != len(w.Description) || len(w.Description) != len(r.Description) {
		return Report{}, fmt.Errorf("decode report: %w: description of %d bytes, expected 32", ErrEncoding, len(w.Description))
	}
	if err := finish(data, limits, r.Mixnodes, r); err != nil {
		return Report{}, fmt.Errorf("decode report: %w", err)
	}
	return r, nil
}

// Encode returns the canonical encoding of a valid result. The error is that of [Result.Validate].
func (r Result) Encode() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("encode result: %w", err)
	}
	return encoder.Marshal(r.wire())
}

// DecodeResult decodes the canonical encoding of a valid result. The error wraps [ErrTooLarge],
// [ErrEncoding], or what [Result.Validate] returns.
func DecodeResult(data []byte, limits Limits) (Result, error) {
	var w wireResult
	if err := decode(data, limits, &w); err != nil {
		return Result{}, fmt.Errorf("decode result: %w", err)
	}
	r := Result{Mixnodes: w.Mixnodes, Values: w.Values, Reports: w.Reports}
	if err := finish(data, limits, r.Mixnodes, r); err != nil {
		return Result{}, fmt.Errorf("decode result: %w", err)
	}
	return r, nil
}

// Hash returns the SHA-256 of the canonical array [domain, network, result], so that equal results
// of two networks have different hashes. The error is that of [Result.Validate].
func (r Result) Hash(network string) ([32]byte, error) {
	if err := r.Validate(); err != nil {
		return [32]byte{}, fmt.Errorf("hash result: %w", err)
	}
	data, err := encoder.Marshal(hashedResult{Domain: resultDomain, Network: network, Result: r.wire()})
	if err != nil {
		return [32]byte{}, fmt.Errorf("hash result: %w", err)
	}
	return sha256.Sum256(data), nil
}

func (r Result) wire() wireResult {
	return wireResult{Mixnodes: r.Mixnodes, Values: r.Values, Reports: r.Reports}
}

// decode decodes data into one of the wire structs. It does not check that the encoding is
// canonical: see finish.
func decode(data []byte, limits Limits, into any) error {
	if len(data) > limits.Bytes {
		return fmt.Errorf("%w: %d bytes, expected at most %d", ErrTooLarge, len(data), limits.Bytes)
	}
	if err := decoder.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	return nil
}

// finish checks that the decoded value is within limits and valid, and that data is its canonical
// encoding: CBOR decoders also accept longer integers and, for some fields, null.
func finish(data []byte, limits Limits, mixnodes []MixID, decoded interface{ Encode() ([]byte, error) }) error {
	if len(mixnodes) > limits.Mixnodes {
		return fmt.Errorf("%w: %d mixnodes, expected at most %d", ErrTooLarge, len(mixnodes), limits.Mixnodes)
	}
	again, err := decoded.Encode()
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return fmt.Errorf("%w: the canonical encoding of the content differs", ErrEncoding)
	}
	return nil
}
