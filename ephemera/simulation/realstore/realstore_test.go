package realstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation/realstore"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Drawn schedules leave SQLite and Pebble in the same state as the model of a disk.
func TestRealStoresKeepWhatTheModelKeeps(t *testing.T) {
	schedules := 60
	if testing.Short() {
		schedules = 8
	}
	summary := simulation.Search{
		Seed: 1, Schedules: schedules, Range: simulation.Range{RealEvery: 1, MaxNodes: 7}, Options: realstore.Options,
	}.Run(t.Context())
	for _, found := range summary.Found {
		t.Error(found.Result.Violations[0], found.Shrunk)
	}
	require.Equal(t, schedules, summary.Schedules)
}

// forgetting is a store that forgets every second commit.
type forgetting struct {
	store.Store
	commits int
}

func (f *forgetting) Commit(ctx context.Context, writes []store.Write) error {
	if f.commits++; f.commits%2 == 0 {
		return nil
	}
	return f.Store.Commit(ctx, writes)
}

// forgetful makes the stores of realstore forgetful.
type forgetful struct{ simulation.Stores }

func (f forgetful) Open(node int, fresh bool) (store.Store, error) {
	st, err := f.Stores.Open(node, fresh)
	if st == nil || err != nil {
		return nil, errors.Join(err)
	}
	return &forgetting{Store: st}, nil
}

func TestStoreThatForgetsIsAViolation(t *testing.T) {
	schedule := simulation.Draw(1, simulation.Range{RealEvery: 1, MaxNodes: 5})
	options := realstore.Options(schedule)
	options.Stores = forgetful{options.Stores}
	result, err := simulation.Run(schedule, options)
	require.NoError(t, err)
	require.NotEmpty(t, result.Violations)
	require.Equal(t, "store", result.Violations[0].Promise)
}
