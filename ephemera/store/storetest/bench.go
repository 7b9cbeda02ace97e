package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// BenchmarkCommit measures durable commits of 1, 10 and 100 writes, which alternate between votes
// and certificates: the vote stores a block of ten new messages of 3 kB, and the next write is the
// block's certificate. fresh returns an opener of a new, empty store.
func BenchmarkCommit(b *testing.B, fresh func(b *testing.B) Opener) {
	key := keys.FromSeed([32]byte{1})
	group, err := membership.NewGroup("bench", 1, []keys.Public{key.Public()}, membership.Limits{})
	require.NoError(b, err)
	for _, size := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("writes=%d", size), func(b *testing.B) {
			s, err := fresh(b)()
			require.NoError(b, err)
			defer func() { require.NoError(b, s.Close()) }()
			writesMade, blocks := 0, 0
			var next store.PutCertified
			for b.Loop() {
				b.StopTimer()
				var writes []store.Write
				for range size {
					if writesMade++; writesMade%2 == 0 {
						writes = append(writes, next)
						blocks++
						continue
					}
					next = benchmarkBlock(b, group, key, uint64(writesMade/2+1))
					writes = append(writes, store.PutVote{Block: next.Block})
				}
				b.StartTimer()
				if err := s.Commit(b.Context(), writes); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(blocks)/b.Elapsed().Seconds(), "blocks/s")
		})
	}
}

func benchmarkBlock(b *testing.B, group *membership.Group, key keys.Private, height uint64) store.PutCertified {
	messages := make([]block.Message, 10)
	for i := range messages {
		var err error
		messages[i], err = block.NewMessage(key, "bench", "report", make([]byte, 3<<10), int64(10*height)+int64(i))
		require.NoError(b, err)
	}
	blk := block.New(group, key.Public(), height, block.ID{}, 0, messages)
	blk.Signature = keys.Signature{1}
	proof := certificate.New(group, blk.Header.Slot(), blk.ID(), map[int]keys.Signature{0: {1}})
	return store.PutCertified{Block: blk, Certificate: proof}
}
