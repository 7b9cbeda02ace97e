package contract_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
)

func TestCaughtIsSaidInOneSentence(t *testing.T) {
	for want, c := range map[string]contract.Caught{
		"nymapi-1 signed two reports in epochs 1 to 5":                                 {Offence: contract.TwoReports, Epochs: []int64{1, 2, 3, 4, 5}, Count: 5},
		"nymapi-1 signed two reports in epoch 4":                                       {Offence: contract.TwoReports, Epochs: []int64{4}, Count: 1},
		"nymapi-1 signed two blocks at heights 4, 5 of its chain":                      {Offence: contract.TwoBlocks, Epochs: []int64{4, 5}, Count: 2},
		"nymapi-1 signed a report that does not count in epoch 3":                      {Offence: contract.RefusedReport, Epochs: []int64{3}, Count: 1},
		"nymapi-1 submitted what the contract refused, 9 times, in epochs 1, 3, 4":     {Offence: contract.RefusedSubmission, Epochs: []int64{1, 3, 4}, Count: 9},
		"nymapi-1 signed two reports in epochs 1, 3, 4, 6 to 8":                        {Offence: contract.TwoReports, Epochs: []int64{1, 3, 4, 6, 7, 8}, Count: 6},
		"nymapi-1 submitted what the contract refused, once, in epoch 7 and 2 earlier": {Offence: contract.RefusedSubmission, Epochs: []int64{7}, Earlier: 2, Count: 1},
	} {
		c.Name = "nymapi-1"
		require.Equal(t, want, c.Sentence())
	}
}

func TestCaughtListsTheNewestEpochs(t *testing.T) {
	c := contract.Caught{Name: "nymapi-1", Offence: contract.TwoReports, Count: contract.MaxCaughtEpochs + 3}
	for epoch := range int64(contract.MaxCaughtEpochs + 3) {
		c.Epochs = append(c.Epochs, epoch+1)
	}
	c = c.Told()
	require.Equal(t, []any{contract.MaxCaughtEpochs, int64(4), 3}, []any{len(c.Epochs), c.Epochs[0], c.Earlier})
	require.Equal(t, c, c.Told())
	require.Equal(t, "nymapi-1 signed two reports in epochs 4 to 1003 and 3 earlier", c.Text)
}
