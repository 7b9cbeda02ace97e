package remote

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
)

// Any bytes of a program decode or are refused. A decoded frame survives encoding and decoding.
func FuzzProgramFrame(f *testing.F) {
	f.Add([]byte(`{"type":"register","version":1,"name":"a program"}`))
	f.Add([]byte(`{"type":"verdict","id":7,"verdict":"reject","reason":"no","drop":["0101010101010101010101010101010101010101010101010101010101010101"]}`))
	f.Add([]byte(`{"type":"verdict","id":7,"verdict":"later"}`))
	f.Add([]byte(`{"type":"wake"}`))
	f.Add([]byte(`{"type":"verdict","id":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := decodeProgramFrame(data)
		if err != nil {
			require.ErrorIs(t, err, errFrame)
			return
		}
		again, err := decodeProgramFrame(got.encode())
		require.NoError(t, err)
		require.Equal(t, got.encode(), again.encode())
	})
}

// The client trusts the node, but no bytes of it make the decoder panic.
func FuzzNodeFrame(f *testing.F) {
	b, m := api.NewBlock(blockOf(f, 1, message(f, "hello"))), api.NewMessage(message(f, "hello"))
	f.Add(frame{Kind: kindCheckBlock, ID: 1, WithinMS: 2000, Block: &b}.encode())
	f.Add(frame{Kind: kindCheckMessage, ID: 2, Message: &m}.encode())
	f.Add([]byte(`{"type":"registered","version":1,"network":"n","key":"0101010101010101010101010101010101010101010101010101010101010101"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := decodeNodeFrame(data)
		if err != nil {
			require.ErrorIs(t, err, errFrame)
			return
		}
		if got.Block != nil {
			if canonical, err := got.Block.Canonical(); err == nil {
				require.Equal(t, got.Block.ID, canonical.ID())
			}
		}
		if got.Message != nil {
			_, _ = got.Message.Canonical()
		}
	})
}

func TestFrameThatIsNotTextIsRefused(t *testing.T) {
	for _, reason := range []string{"\xff", `\ud800`} {
		_, err := decodeProgramFrame([]byte(`{"type":"verdict","id":1,"verdict":"reject","reason":"` + reason + `"}`))
		require.ErrorIs(t, err, errFrame)
		require.ErrorContains(t, err, "Unicode")
	}
}
