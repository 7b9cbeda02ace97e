package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// listed is a store that only lists, and counts how often.
type listed struct {
	store.Store
	entries []store.Entry
	lists   int
}

func (l *listed) List(_ context.Context, after uint64, creator keys.Public, count, bytes int) (found []store.Entry, err error) {
	l.lists++
	for _, e := range l.entries {
		if e.Sequence <= after || creator != (keys.Public{}) && e.Block.Header.Creator != creator {
			continue
		}
		if bytes -= e.Block.BodyBytes(); len(found) == count || len(found) > 0 && bytes < 0 {
			break
		}
		found = append(found, e)
	}
	return found, nil
}

func (l *listed) last(context.Context) (uint64, error) {
	if len(l.entries) == 0 {
		return 0, nil
	}
	return l.entries[len(l.entries)-1].Sequence, nil
}

// add adds a block of a creator with a message of a size, some sequences above the last one.
func (l *listed) add(t *testing.T, creator byte, size int, gap uint64) {
	t.Helper()
	key, err := keys.Generate()
	require.NoError(t, err)
	message, err := block.NewMessage(key, "net", "x", make([]byte, size), 1)
	require.NoError(t, err)
	last, _ := l.last(t.Context())
	var e store.Entry
	e.Sequence, e.Block.Messages = last+gap, []block.Message{message}
	e.Block.Header.Creator = keys.Public{creator}
	l.entries = append(l.entries, e)
}

func TestSubscribersThatAreUpToDateReadTheStoreOnce(t *testing.T) {
	of := &listed{}
	of.add(t, 1, 10, 7)
	tail := newTail(of, of.last)
	end, err := tail.end(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 7, end)
	of.add(t, 2, 10, 1)
	of.lists = 0
	var reading sync.WaitGroup
	for range 100 {
		reading.Go(func() {
			found, next, err := tail.after(t.Context(), end, keys.Public{})
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.EqualValues(t, 8, next)
			found, next, err = tail.after(t.Context(), end, keys.Public{1})
			require.NoError(t, err)
			require.Empty(t, found)
			require.EqualValues(t, 8, next)
		})
	}
	reading.Wait()
	require.Equal(t, 1, of.lists)
}

// What one subscriber has in memory while it is slow does not depend on how far it is behind.
func TestSubscribersTakeLittleAtATime(t *testing.T) {
	of := &listed{}
	tail := newTail(of, of.last)
	require.NoError(t, tail.start(t.Context()))
	for range 400 {
		of.add(t, 1, 10<<10, 1)
	}
	for sequence, fromTail := range map[uint64]bool{0: false, 399 - 20: true} {
		if fromTail {
			for range 8 {
				_, err := tail.read(t.Context())
				require.NoError(t, err)
			}
		}
		found, _, err := tail.after(t.Context(), sequence, keys.Public{})
		require.NoError(t, err)
		bytes, bound := 0, historyBytes
		if fromTail {
			bound = pageBytes
		}
		for _, e := range found {
			bytes += e.Block.BodyBytes()
		}
		require.LessOrEqual(t, bytes, bound)
		require.LessOrEqual(t, tail.bytes, tailBytes)
		require.LessOrEqual(t, len(tail.entries), listBlocks)
	}
}

// subscriber reads blocks above from, and is at a sequence.
type subscriber struct {
	creator  keys.Public
	from, at uint64
	got      []uint64
}

func (s *subscriber) read(t *testing.T, of *tail) {
	t.Helper()
	found, next, err := of.after(t.Context(), s.at, s.creator)
	require.NoError(t, err)
	require.GreaterOrEqual(t, next, s.at)
	for _, e := range found {
		s.got = append(s.got, e.Sequence)
	}
	s.at = next
}

// Subscribers of any creator that begin anywhere, while blocks are added, get each block once and
// in order.
func TestSubscribersMissNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	of := &listed{}
	tail := newTail(of, of.last)
	var all []*subscriber
	for range 3000 {
		switch random.IntN(3) {
		case 0:
			of.add(t, byte(1+random.IntN(3)), random.IntN(40<<10), 1+random.Uint64N(3))
		case 1:
			s := &subscriber{}
			if random.IntN(2) == 0 {
				s.creator = keys.Public{byte(1 + random.IntN(4))}
			}
			last, _ := of.last(t.Context())
			s.from = random.Uint64N(last + 1)
			if random.IntN(2) == 0 {
				end, err := tail.end(t.Context())
				require.NoError(t, err)
				require.Equal(t, last, end)
				s.from = end
			}
			s.at = s.from
			all = append(all, s)
		case 2:
			for _, s := range all {
				if random.IntN(4) == 0 {
					s.read(t, tail)
				}
			}
		}
		all = all[max(0, len(all)-20):]
	}
	require.NotEmpty(t, all)
	for i, s := range all {
		for before := s.at + 1; before != s.at; {
			before = s.at
			s.read(t, tail)
		}
		var want []uint64
		for _, e := range of.entries {
			if e.Sequence > s.from && (s.creator == keys.Public{} || s.creator == e.Block.Header.Creator) {
				want = append(want, e.Sequence)
			}
		}
		require.Equal(t, want, s.got, fmt.Sprint("subscriber ", i))
	}
}
