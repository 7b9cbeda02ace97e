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

// datastore is kad-dht's datastore, in memory. It holds a bounded number of records of each author;
// a further one removes the author's oldest.
type datastore struct {
	ds.Batching
	network    string
	maxRecords int // of one author

	mu    sync.Mutex
	order map[keys.Public][]ds.Key // keys of each author's records, in the order of their first Put
}

func newDatastore(network string, maxRecords int) *datastore {
	return &datastore{Batching: dssync.MutexWrap(ds.NewMapDatastore()), network: network, maxRecords: maxRecords, order: map[keys.Public][]ds.Key{}}
}

// Put stores a record. kad-dht has validated it.
func (s *datastore) Put(ctx context.Context, key ds.Key, value []byte) error {
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
		if len(held) >= s.maxRecords {
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
func (s *datastore) Delete(ctx context.Context, key ds.Key) error {
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

// Batch returns a batch that calls Put and Delete, so that the bounds hold for it too.
func (s *datastore) Batch(context.Context) (ds.Batch, error) { return ds.NewBasicBatch(s), nil }
