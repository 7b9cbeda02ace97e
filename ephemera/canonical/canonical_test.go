package canonical_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/canonicaltest"
)

// sample has a field of every kind that signed types use.
type sample struct {
	_      struct{} `cbor:",toarray"`
	Number uint64
	Signed int64
	Text   string
	Bytes  []byte
	Fixed  [4]byte
	Inner  inner
	List   []inner
}

type inner struct {
	_ struct{} `cbor:",toarray"`
	N uint32
}

func again(data []byte) ([]byte, error) {
	var s sample
	if err := canonical.Decode(data, 1<<16, &s); err != nil {
		return nil, err
	}
	return canonical.Encode(s), nil
}

func full() sample {
	return sample{Number: canonical.MaxNumber, Signed: 5, Text: "ä", Bytes: []byte{1, 2}, Fixed: [4]byte{3, 4, 5, 6}, Inner: inner{N: 7}, List: []inner{{N: 8}, {N: 300}}}
}

func TestOnlyTheCanonicalFormIsDecoded(t *testing.T) {
	canonicaltest.Strict(t, canonical.Encode(full()), again)
	canonicaltest.Strict(t, canonical.Encode(sample{}), again)
}

func TestEncodingIsRFC8949CoreDeterministic(t *testing.T) {
	require.Equal(t, "87"+"1b001fffffffffffff"+"05"+"62c3a4"+"420102"+"4403040506"+"8107"+"82"+"8108"+"8119012c",
		hex.EncodeToString(canonical.Encode(full())))
	require.Equal(t, "870000"+"60"+"40"+"4400000000"+"8100"+"80", hex.EncodeToString(canonical.Encode(sample{})), "nil is empty, never null")
}

func TestMaliciousEncodings(t *testing.T) {
	const tail = "60" + "40" + "4400000000" + "8100" + "80"
	for name, encoded := range map[string]string{
		"empty":                        "",
		"zero in two bytes":            "87" + "1800" + "00" + tail,
		"zero in nine bytes":           "87" + "1b0000000000000000" + "00" + tail,
		"array too short":              "86" + "0000" + "60" + "40" + "4400000000" + "8100",
		"array too long":               "88" + "0000" + tail + "00",
		"array of indefinite length":   "9f" + "0000" + tail + "ff",
		"text of indefinite length":    "87" + "0000" + "7f6161ff" + "40" + "4400000000" + "8100" + "80",
		"bytes of indefinite length":   "87" + "0000" + "60" + "5f4101ff" + "4400000000" + "8100" + "80",
		"a map for the struct":         "a1" + "664e756d62657200",
		"tagged":                       "c1" + "87" + "0000" + tail,
		"tagged inside":                "87" + "c200" + "00" + tail,
		"a bignum for a number":        "87" + "c24101" + "00" + tail,
		"a float for a number":         "87" + "f90000" + "00" + tail,
		"null for bytes":               "87" + "0000" + "60" + "f6" + "4400000000" + "8100" + "80",
		"null for a list":              "87" + "0000" + "60" + "40" + "4400000000" + "8100" + "f6",
		"null for a number":            "87" + "f600" + tail,
		"undefined for a struct":       "87" + "0000" + "60" + "40" + "4400000000" + "f7" + "80",
		"true for a number":            "87" + "f500" + tail,
		"negative for unsigned":        "87" + "2000" + tail,
		"negative for signed":          "87" + "0020" + tail,
		"unsigned above the domain":    "87" + "1b0020000000000000" + "00" + tail,
		"signed above the domain":      "87" + "00" + "1b0020000000000000" + tail,
		"beyond 32 bits":               "87" + "0000" + "60" + "40" + "4400000000" + "811b0000000100000000" + "80",
		"beyond int64":                 "87" + "00" + "1bffffffffffffffff" + tail,
		"text that is not UTF-8":       "87" + "0000" + "61ff" + "40" + "4400000000" + "8100" + "80",
		"bytes for text":               "87" + "0000" + "40" + "40" + "4400000000" + "8100" + "80",
		"text for bytes":               "87" + "0000" + "60" + "60" + "4400000000" + "8100" + "80",
		"fixed bytes too short":        "87" + "0000" + "60" + "40" + "43000000" + "8100" + "80",
		"fixed bytes too long":         "87" + "0000" + "60" + "40" + "450000000000" + "8100" + "80",
		"a list of numbers for bytes":  "87" + "0000" + "60" + "80" + "4400000000" + "8100" + "80",
		"a list of numbers for fixed":  "87" + "0000" + "60" + "40" + "8400000000" + "8100" + "80",
		"two values":                   "87" + "0000" + tail + "00",
		"a length beyond the end":      "87" + "0000" + "60" + "5b7fffffffffffffff",
		"a list of more than there is": "87" + "0000" + "60" + "40" + "4400000000" + "8100" + "9b7fffffffffffffff",
		"deep nesting":                 strings.Repeat("81", 100) + "00",
		"an end without a beginning":   "ff",
	} {
		t.Run(name, func(t *testing.T) {
			data, err := hex.DecodeString(encoded)
			require.NoError(t, err)
			_, err = again(data)
			require.Error(t, err)
		})
	}
}

func TestLimitIsCheckedFirst(t *testing.T) {
	data := canonical.Encode(full())
	var s sample
	require.ErrorIs(t, canonical.Decode(data, len(data)-1, &s), canonical.ErrTooLarge)
	require.NoError(t, canonical.Decode(data, len(data), &s))
}

func TestValuesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := sample{
			Number: rapid.Uint64Max(canonical.MaxNumber).Draw(t, "number"), Signed: rapid.Int64Range(0, canonical.MaxNumber).Draw(t, "signed"), Text: rapid.String().Draw(t, "text"),
			Bytes: rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"), Inner: inner{N: rapid.Uint32().Draw(t, "n")},
			List: rapid.SliceOf(rapid.Custom(func(t *rapid.T) inner { return inner{N: rapid.Uint32().Draw(t, "n")} })).Draw(t, "list"),
		}
		var have sample
		require.NoError(t, canonical.Decode(canonical.Encode(want), 1<<20, &have))
		require.Equal(t, want, have)
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(canonical.Encode(full()))
	f.Add(canonical.Encode(sample{}))
	f.Add([]byte{0x87, 0x18, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) { canonicaltest.Same(t, data, again) })
}

// What is decoded occupies at most 16 bytes for each encoded one, and a number or string costs what
// it needs.
func TestDecodingAllocatesASmallMultiple(t *testing.T) {
	canonicaltest.Growth(t, canonical.Encode(full()), 100_000, 16, 4<<10, func(data []byte) error {
		_, err := again(data)
		return err
	})
}

// dense is a list whose elements occupy 24 bytes for one encoded byte.
type dense struct {
	_    struct{} `cbor:",toarray"`
	List [][]byte
}

type bounded struct {
	_    struct{} `cbor:",toarray"`
	List [][]byte `most:"2"`
}

func TestDenseListsNeedABound(t *testing.T) {
	require.PanicsWithValue(t, "canonical: an element of [][]uint8 occupies 24 bytes for 1 encoded ones (limit their number with a tag)",
		func() { _ = canonical.Decode([]byte{0x81, 0x80}, 2, new(dense)) })
	var b bounded
	require.NoError(t, canonical.Decode([]byte{0x81, 0x82, 0x40, 0x40}, 4, &b))
	require.ErrorIs(t, canonical.Decode([]byte{0x81, 0x83, 0x40, 0x40, 0x40}, 5, &b), canonical.ErrShape)
}

// Types that cannot be decoded are programming errors.
func TestOnlyArraysStringsAndNumbersAreDecoded(t *testing.T) {
	for _, v := range []any{new(float64), new(bool), new(map[string]string), new(any), new(*uint64), new([2]uint64), new(struct{ A uint64 })} {
		require.Panics(t, func() { _ = canonical.Decode([]byte{0}, 1, v) }, "%T", v)
	}
}

// Older versions stored numbers above the domain: those are still read.
func TestStoredNumbersMayExceedTheDomain(t *testing.T) {
	s := full()
	s.Number, s.Signed = 1<<64-1, 1<<63-1
	encoded := canonical.Encode(s)
	var have sample
	require.ErrorIs(t, canonical.Decode(encoded, len(encoded), &have), canonical.ErrDomain)
	require.NoError(t, canonical.DecodeStored(encoded, &have))
	require.Equal(t, s, have)
}

func TestNumbersHaveADomain(t *testing.T) {
	require.NoError(t, canonical.CheckNumber(uint64(canonical.MaxNumber)))
	require.NoError(t, canonical.CheckNumber(int64(0)))
	require.ErrorIs(t, canonical.CheckNumber(uint64(canonical.MaxNumber+1)), canonical.ErrDomain)
	require.ErrorIs(t, canonical.CheckNumber(int64(-1)), canonical.ErrDomain)
}
