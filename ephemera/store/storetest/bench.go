package storetest

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

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

// BenchmarkRound measures what one of ten members stores in a round in which each member's block
// holds the same ten new messages of 3 kB: ten votes, then ten certificates with the cursors of the
// round before, in as many commits of equal size as the name says. fresh returns an opener of a
// new, empty store.
func BenchmarkRound(b *testing.B, fresh func(b *testing.B) Opener) {
	const members = 10
	var signers []keys.Private
	var public []keys.Public
	for i := range members {
		signers = append(signers, keys.FromSeed([32]byte{byte(i + 1)}))
		public = append(public, signers[i].Public())
	}
	group, err := membership.NewGroup("bench", 1, public, membership.Limits{})
	require.NoError(b, err)
	for _, commits := range []int{4, 10, 20} {
		b.Run(fmt.Sprintf("commits=%d", commits), func(b *testing.B) {
			s, err := fresh(b)()
			require.NoError(b, err)
			defer func() { require.NoError(b, s.Close()) }()
			height := uint64(0)
			var used time.Duration
			for b.Loop() {
				b.StopTimer()
				height++
				writes := roundWrites(b, group, signers, height)
				start := cpuTime(b)
				b.StartTimer()
				for some := range slices.Chunk(writes, (len(writes)+commits-1)/commits) {
					if err := s.Commit(b.Context(), some); err != nil {
						b.Fatal(err)
					}
				}
				used += cpuTime(b) - start
			}
			b.ReportMetric(used.Seconds()*1000/float64(height), "cpu-ms/op")
		})
	}
}

// cpuTime returns the CPU time of the process.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// roundWrites returns the writes of one round: the votes, then the rest.
func roundWrites(b *testing.B, group *membership.Group, signers []keys.Private, height uint64) []store.Write {
	var messages []block.Message
	for i, key := range signers {
		m, err := block.NewMessage(key, "bench", "report", make([]byte, 3<<10), int64(10*height)+int64(i))
		require.NoError(b, err)
		messages = append(messages, m)
	}
	var votes, rest []store.Write
	for _, key := range signers {
		blk := block.New(group, key.Public(), height, block.ID{}, 0, messages)
		blk.Signature = keys.Signature{1}
		echoes := map[int]keys.Signature{}
		for i := range group.Q() {
			echoes[i] = keys.Signature{1}
		}
		proof := certificate.New(group, blk.Header.Slot(), blk.ID(), echoes)
		votes = append(votes, store.PutVote{Block: blk})
		rest = append(rest, store.PutCertified{Block: blk, Certificate: proof})
		rest = append(rest, store.PutDelivered{Slot: block.Slot{Group: group.ID(), Creator: key.Public(), Height: height - 1}})
	}
	return append(votes, rest...)
}
