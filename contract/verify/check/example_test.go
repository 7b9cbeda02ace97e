package check_test

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
)

// A stranger has two trusted values, the group's ID and the contract's key, and the bundles of two
// epochs.
func Example() {
	bundles := told().epochs[:2]
	verifier := check.New(check.Config{
		Group:    contracttest.Group(storyMembers).ID(),
		Contract: contracttest.ContractKey().Public(),
	})
	for _, b := range bundles {
		report := verifier.Next(check.Evidence{Source: "a file", Core: b.core.Encode(), Annex: b.annex.Encode()})
		for _, finding := range report.Findings {
			if finding.Name == "quorum" || finding.Name == "columns" || finding.Name == "chain" {
				fmt.Printf("epoch %d, %s: %s: %s\n", report.Epoch, finding.Name, finding.Outcome, finding.Value)
			}
		}
	}
	summary := verifier.Summary()
	fmt.Printf("%d epochs, %d failed, %d proven\n", summary.Epochs, summary.Failed, summary.Proven)
	// Output:
	// epoch 1, quorum: pass: 3 of 4 members signed, 3 needed
	// epoch 1, columns: pass: 3 of 3 recomputed by wmedian as submitted
	// epoch 1, chain: pass: the first record of the contract
	// epoch 2, quorum: pass: 3 of 4 members signed, 3 needed
	// epoch 2, columns: pass: 3 of 3 recomputed by wmedian as submitted
	// epoch 2, chain: pass: follows record dcdb51c0 of epoch 1
	// 2 epochs, 0 failed, 2 proven
}
