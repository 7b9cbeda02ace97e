package attacker

import (
	"bytes"
	"context"
)

// nulls sends CBOR whose few bytes name many values, or deep ones: decoding must not allocate much
// more than the frame.
func nulls(ctx context.Context, m *member) {
	bad := [][]byte{
		append([]byte{9, 0x81, 0x9a, 0, 1, 0xff, 0xff}, bytes.Repeat([]byte{0xf6}, 131071)...),
		append([]byte{6, 0x81, 0x9a, 0, 0x0f, 0x42, 0x40}, make([]byte, 1_000_000)...),
		append([]byte{6}, bytes.Repeat([]byte{0x81}, 100_000)...),
		append([]byte{1, 0x82, 0x80, 0x9a, 0, 0x10, 0, 0}, bytes.Repeat([]byte{0xf6}, 1<<20)...),
		{10, 0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{5, 0x81, 0x9f},
		{14, 0x81, 0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0xff},
		{},
	}
	m.flood(ctx, func(turn int) []byte { return bad[turn%len(bad)] })
}
