package check_test

import (
	"testing"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
)

// The target for a bundle of ten members and 240 mixnodes is 10 ms.
func BenchmarkBundle(b *testing.B) {
	d := contracttest.Description(10, 240)
	s := contracttest.Submission(d, 1)
	v, err := verify.Submission(d, s)
	if err != nil {
		b.Fatal(err)
	}
	bundle := &bundle{d: d, creator: 1, s: s, rewards: verify.Values{}.Fill(d, v.Result)}
	bundle.receipt = contract.Receipt{Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: v.BlockID(), Submitter: s.Submitter, AcceptedAt: d.End}
	bundle.record = contract.Record{Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Origin: contract.OriginSettlement}
	for creator := 2; creator <= 10; creator++ {
		bundle.late = append(bundle.late, contracttest.Submission(d, creator))
	}
	bundle.sign()
	bundle.seal()
	core, both := bundle.evidence(), bundle.evidence()
	core.Annex = nil
	for name, evidence := range map[string]check.Evidence{"core": core, "core and annex with nine late": both} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if r := check.New(check.Config{}).Next(evidence); r.Count(check.Fail) > 0 {
					b.Fatal(r.Text())
				}
			}
		})
	}
}
