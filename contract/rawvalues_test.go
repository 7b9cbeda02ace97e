package contract_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract"
)

func TestRawValuesSurviveTheirEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		percents := rapid.SliceOfN(rapid.ByteRange(0, 100), 0, 100)
		raw := contract.RawValues(rapid.SliceOfN(percents, 0, 20).Draw(t, "raw"))
		for _, values := range raw {
			slices.Sort(values)
		}
		decoded, err := contract.DecodeRawValues(raw.Encode())
		require.NoError(t, err)
		require.Equal(t, raw.Encode(), decoded.Encode())
		for i := range raw {
			require.Equal(t, append([]byte{}, raw[i]...), append([]byte{}, decoded[i]...))
		}
	})
}

func TestRawValuesOfNoContractAreRefused(t *testing.T) {
	for why, data := range map[string][]byte{
		"do not ascend":              contract.RawValues{{2, 1}}.Encode(),
		"a value of 101 percent":     contract.RawValues{{}, {101}}.Encode(),
		"101 values":                 contract.RawValues{make([]byte, 101)}.Encode(),
		"too few for mixnode 1":      {0x82, 0x41, 2, 0x41, 7},
		"1 more than":                {0x82, 0x41, 0, 0x41, 7},
		"raw values: ":               {0x81, 0x40},
		"invalid contract data: raw": nil,
	} {
		_, err := contract.DecodeRawValues(data)
		require.ErrorIs(t, err, contract.ErrInvalid)
		require.ErrorContains(t, err, why)
	}
}

func FuzzRawValues(f *testing.F) {
	f.Add(contract.RawValues{{0, 50, 100}, {}}.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		raw, err := contract.DecodeRawValues(data)
		if err == nil {
			require.Equal(t, data, raw.Encode())
		}
	})
}
