package contract_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func stateful() contract.Description {
	d := contracttest.Description(4, 3)
	d.Epoch = 9
	d.State = contract.State{Settled: 7, Record: contract.Hash{7}}
	for _, member := range d.Group.Members() {
		d.State.History = append(d.State.History, contract.Deviation{Reporter: member, Squared: 5})
	}
	return d
}

// Descriptions that contracts of version 1 made keep their bytes and their hash.
func TestDescriptionsOfVersion1AreRead(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "description-v1.hex"))
	require.NoError(t, err)
	data, err := hex.DecodeString(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	old, err := contract.DecodeDescription(data)
	require.NoError(t, err)
	require.Equal(t, data, old.Encode())
	require.Equal(t, "8e65d06f", old.Hash().Short())

	same := contracttest.Description(4, 3)
	require.NotEqual(t, same.Hash(), old.Hash())
	same.Version = 1
	require.Equal(t, same, old)
	require.Equal(t, same.Hash(), old.Hash())
}

func TestStatesThatCannotBeAreRefused(t *testing.T) {
	require.NoError(t, stateful().Validate())
	for name, change := range map[string]func(d *contract.Description){
		"version 0":            func(d *contract.Description) { d.Version = 0 },
		"version 3":            func(d *contract.Description) { d.Version = 3 },
		"version 1 with state": func(d *contract.Description) { d.Version = 1 },
		"wmedian in version 1": func(d *contract.Description) {
			d.Version, d.State, d.Rules.Estimator = 1, contract.State{}, "wmedian"
		},
		"settled later":     func(d *contract.Description) { d.State.Settled = 9 },
		"no record":         func(d *contract.Description) { d.State.Record = contract.Hash{} },
		"nothing settled":   func(d *contract.Description) { d.State.Settled = 0 },
		"history of nobody": func(d *contract.Description) { d.State.Settled, d.State.Record = 0, contract.Hash{} },
		"out of order":      func(d *contract.Description) { d.State.History[1] = d.State.History[0] },
		"a large deviation": func(d *contract.Description) { d.State.History[0].Squared = metrics.MaxDeviation + 1 },
	} {
		d := stateful()
		change(&d)
		require.ErrorIs(t, d.Validate(), contract.ErrInvalid, name)
		if d.Version > 1 { // version 1 is encoded without what it cannot have
			_, err := contract.DecodeDescription(d.Encode())
			require.ErrorIs(t, err, contract.ErrInvalid, name)
		}
	}
}

// A state follows from the one before, and holds whom either epoch knows.
func TestStateAfterAnEpoch(t *testing.T) {
	d := contracttest.Description(4, 3)
	b := contracttest.Block(d, 1, contracttest.Messages(d, 1, 2, 3))
	matrix, _, err := verify.Matrix(b, d)
	require.NoError(t, err)
	r := contract.Record{Network: d.Network, Epoch: 1}
	first := contract.State{}.After(r, d, matrix)
	require.Equal(t, []any{contract.Epoch(1), r.Hash()}, []any{first.Settled, first.Record})
	require.Equal(t, metrics.History(nil).Fold(matrix, 1), first.Metrics())
	require.Len(t, first.History, 3)
	require.NoError(t, func() error { d := d; d.Epoch, d.State = 2, first; return d.Validate() }())

	r.Epoch = 2
	missed := first.After(r, d, metrics.Matrix{})
	require.Equal(t, []any{contract.Epoch(2), first.History}, []any{missed.Settled, missed.History})
}
