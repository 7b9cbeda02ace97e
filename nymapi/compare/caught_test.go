package compare

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

func TestCaughtNamesWhoDidWhatAndWhen(t *testing.T) {
	a, b, stranger := keys.Public{1}, keys.Public{2}, keys.Public{3}
	names := map[keys.Public]string{a: "nymapi-10", b: "nymapi-9"}
	found := offences{}
	for _, epoch := range []int64{1, 2, 3, 4, 7} {
		found.set(a, contract.TwoReports, epoch, 1)
		found.set(a, contract.TwoReports, epoch, 1) // another Nym-API holds it as well
	}
	found.set(b, contract.TwoBlocks, 6, 1)
	refusal := func(key keys.Public) contract.Attempt {
		return contract.Attempt{Submitter: key, Verdict: contract.VerdictInvalid}
	}
	first := missedRecord(1, "")
	first.Detail.Attempts = []contract.Attempt{refusal(b), refusal(stranger), refusal(b), {Submitter: a, Verdict: contract.VerdictLate}}
	found.addSubmissions([]Record{first}, names)
	list := found.list(Ephemera, names, func(epoch int) int64 { return int64(epoch) + 10 })
	require.Equal(t, []Caught{
		{Mode: Ephemera, Caught: contract.Caught{Name: "nymapi-9", Offence: contract.RefusedSubmission, Epochs: []int64{11}, Count: 2}},
		{Mode: Ephemera, Caught: contract.Caught{Name: "nymapi-9", Offence: contract.TwoBlocks, Epochs: []int64{6}, Count: 1}},
		{Mode: Ephemera, Caught: contract.Caught{Name: "nymapi-10", Offence: contract.TwoReports, Epochs: []int64{11, 12, 13, 14, 17}, Count: 5}},
	}, list, "a stranger is nobody's Nym-API")
	require.Equal(t, "nymapi-9 submitted what the contract refused, 2 times, in epoch 11", list[0].Sentence())
	require.Equal(t, "nymapi-9 signed two blocks at height 6 of its chain", list[1].Sentence())
	require.Equal(t, "nymapi-10 signed two reports in epochs 11 to 14, 17", list[2].Sentence())
}
