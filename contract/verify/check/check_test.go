package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
)

func TestEveryCheckOfAHonestContractPasses(t *testing.T) {
	reports, summary := told().verifyAll(trusted())
	for _, r := range reports {
		for _, f := range r.Findings {
			require.Equal(t, check.Pass, f.Outcome, "epoch %d, %s: %s", r.Epoch, f.Name, f.Value)
		}
	}
	require.Equal(t, contract.Epoch(4), summary.Witness.Epoch)
}
