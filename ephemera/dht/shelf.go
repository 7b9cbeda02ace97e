package dht

import (
	"context"
	"slices"
	"sync"

	ds "github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	recpb "github.com/libp2p/go-libp2p-record/pb"
	"google.golang.org/protobuf/proto"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// shelf is kad-dht's datastore: in memory, and bounded for each storing member. One that stores too
// much loses its own oldest records.
type shelf struct {
	ds.Batching
	network string
	most    int // records of one member

	mu    sync.Mutex
	order map[keys.Public][]ds.Key // in the order in which they first came
}

func newShelf(network string, most int) *shelf {
	return &shelf{Batching: dssync.MutexWrap(ds.NewMapDatastore()), network: network, most: most, order: map[keys.Public][]ds.Key{}}
}

// Put stores a record that the validator accepted.
func (s *shelf) Put(ctx context.Context, key ds.Key, value []byte) error {
	var envelope recpb.Record
	if err := proto.Unmarshal(value, &envelope); err != nil {
		return err
	}
	parsed, err := parsePath(s.network, string(envelope.GetKey()))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.order[parsed.Member]
	if !slices.Contains(held, key) {
		if len(held) >= s.most {
			if err := s.Batching.Delete(ctx, held[0]); err != nil {
				return err
			}
			held = slices.Delete(held, 0, 1)
		}
		s.order[parsed.Member] = append(held, key)
	}
	return s.Batching.Put(ctx, key, value)
}

// Delete removes a record that expired.
func (s *shelf) Delete(ctx context.Context, key ds.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for member, held := range s.order {
		if i := slices.Index(held, key); i >= 0 {
			s.order[member] = slices.Delete(held, i, i+1)
		}
		if len(s.order[member]) == 0 {
			delete(s.order, member)
		}
	}
	return s.Batching.Delete(ctx, key)
}

// Batch goes around the bound nowhere: each of its operations is one of the shelf's.
func (s *shelf) Batch(context.Context) (ds.Batch, error) { return ds.NewBasicBatch(s), nil }
