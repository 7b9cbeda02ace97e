package remote_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/remote"
)

// Whatever a program sends is read or refused; what is read means the same when it is written
// again.
func FuzzProgramFrame(f *testing.F) {
	f.Add([]byte(`{"type":"register","version":1,"name":"a program"}`))
	f.Add([]byte(`{"type":"verdict","id":7,"verdict":"reject","reason":"no","drop":["0101010101010101010101010101010101010101010101010101010101010101"]}`))
	f.Add([]byte(`{"type":"verdict","id":7,"verdict":"later"}`))
	f.Add([]byte(`{"type":"wake"}`))
	f.Add([]byte(`{"type":"verdict","id":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := remote.DecodeProgram(data)
		if err != nil {
			require.ErrorIs(t, err, remote.ErrFrame)
			return
		}
		again, err := remote.DecodeProgram(frame.Encode())
		require.NoError(t, err)
		require.Equal(t, frame.Encode(), again.Encode())
	})
}

// A node is trusted more, and a program reads its frames all the same without falling over.
func FuzzNodeFrame(f *testing.F) {
	b, m := api.NewBlock(blockOf(f, 1, message(f, "hello"))), api.NewMessage(message(f, "hello"))
	f.Add(remote.Frame{Kind: remote.CheckBlock, ID: 1, WithinMS: 2000, Block: &b}.Encode())
	f.Add(remote.Frame{Kind: remote.CheckMessage, ID: 2, Message: &m}.Encode())
	f.Add([]byte(`{"type":"registered","version":1,"network":"n","key":"0101010101010101010101010101010101010101010101010101010101010101"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := remote.DecodeNode(data)
		if err != nil {
			require.ErrorIs(t, err, remote.ErrFrame)
			return
		}
		if frame.Block != nil {
			if canonical, err := frame.Block.Canonical(); err == nil {
				require.Equal(t, frame.Block.ID, canonical.ID())
			}
		}
		if frame.Message != nil {
			_, _ = frame.Message.Canonical()
		}
	})
}
