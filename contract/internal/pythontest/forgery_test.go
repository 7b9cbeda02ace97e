package pythontest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// forgery is an epoch of the story in which somebody lied and signed it, and what gives it away.
type forgery struct {
	name   string
	epoch  int
	lies   lies
	reason string
}

var stranger = contracttest.Key(members + 1)

// forgeries are by those that sign the part in question, so no signature over it is broken.
var forgeries = []forgery{
	{"result off by 0.01", 1, lies{result: func(r *metrics.Result) { r.Values[0]++ }}, "the result is not the one that follows from the block"},
	{"value left out", 4, lies{result: func(r *metrics.Result) { r.Values[0] = metrics.Missing }}, "the result is not the one that follows from the block"},
	{"another estimator", 5, lies{description: func(d *contract.Description) { d.Rules.Estimator = "trimmean" }}, "the estimator trimmean is unknown"},
	{"newer estimator", 5, lies{description: func(d *contract.Description) { d.Rules.Version = 2 }}, "the estimator has an unknown version"},
	{"two reports", 1, lies{messages: func(_ contract.Description, m []block.Message) []block.Message { return m[:2] }}, "the reports of 2 members count, 3 are needed"},
	{"report of another epoch", 2, lies{messages: func(d contract.Description, m []block.Message) []block.Message {
		d.Epoch = 1
		return append(m[:2:2], contracttest.Messages(d, 3)...)
	}}, "the reports of 2 members count, 3 are needed"},
	{"message twice", 1, lies{messages: func(_ contract.Description, m []block.Message) []block.Message { return append(m, m[0]) }}, "the block has a message twice"},
	{"messages in another order", 1, lies{evidence: func(e *contract.Evidence) { slices.Reverse(e.Block.Messages) }}, "the root is not that of the block's messages"},
	{"message left out", 1, lies{evidence: func(e *contract.Evidence) { e.Block.Messages = e.Block.Messages[:3] }}, "the block has another number of messages than its header says"},
	{"count in the header", 1, lies{header: func(h *block.Header) { h.Count = 3 }}, "the block has another number of messages than its header says"},
	{"group in the header", 1, lies{header: func(h *block.Header) { h.Group[0] ^= 1 }}, "the block is of another group"},
	{"parent of the first block", 1, lies{header: func(h *block.Header) { h.Parent[0] = 1 }}, "the block has a parent at height 1, or none above"},
	{"no parent", 5, lies{header: func(h *block.Header) { h.Parent = block.ID{} }}, "the block has a parent at height 1, or none above"},
	{"header signed by nobody", 1, lies{creator: func(s *keys.Signature) { s[40] ^= 1 }}, "the creator did not sign the header"},
	{"block of a stranger", 1, lies{header: func(h *block.Header) { h.Creator = stranger.Public() }, submitter: func(k *keys.Private) { *k = stranger }}, "the creator of the block is not a member"},
	{"block of another member", 1, lies{submitter: func(k *keys.Private) { *k = contracttest.Key(3) }}, "the submitter did not create the block"},
	{"two signers", 1, lies{evidence: func(e *contract.Evidence) { e.Certificate = twoSigners(e.Block) }}, "2 members signed the block, 3 are needed"},
	{"certificate of another block", 1, lies{evidence: func(e *contract.Evidence) { e.Certificate.Block[0] ^= 1 }}, "the certificate is for another block"},
	{"certificate of another height", 1, lies{evidence: func(e *contract.Evidence) { e.Certificate.Slot.Height++ }}, "the certificate is for another slot"},
	{"signature in a certificate", 1, lies{evidence: func(e *contract.Evidence) { e.Certificate.Signatures[1][3] ^= 1 }}, "a signature of the certificate is not that of its member"},
	{"submission signed by nobody", 1, lies{submission: func(s *contract.Submission) { s.Signature[3] ^= 1 }}, "the submitter did not sign the submission"},
	{"submission for another epoch", 2, lies{submission: func(s *contract.Submission) {
		s.Epoch = 1
		*s = s.Sign(contracttest.Key(1))
	}}, "the submission is of another epoch than the description"},
	{"rewards unlike the result", 1, lies{rewards: func(r []contract.Reward) { r[0].Value++ }}, "m0001 is not paid the value of the result"},
	{"reports unlike the result", 1, lies{rewards: func(r []contract.Reward) { r[0].Reports-- }}, "the rewards are of other mixnodes or reports"},
	{"carried value forged", 2, lies{rewards: func(r []contract.Reward) { r[2].Value-- }}, "m0003 is not paid its newest value"},
	{"nothing carried", 2, lies{rewards: func(r []contract.Reward) { r[2].Value, r[2].CarriedFrom = metrics.Missing, 0 }}, "m0003 is not paid its newest value"},
	{"old value carried", 5, lies{rewards: func(r []contract.Reward) { r[2].Value, r[2].CarriedFrom = 9136, 1 }}, "m0003 is paid a value that cannot be carried from epoch 1"},
	{"value carried from a later epoch", 2, lies{rewards: func(r []contract.Reward) { r[2].CarriedFrom = 2 }}, "m0003 is paid a value that cannot be carried from epoch 2"},
	{"receipt for another block", 1, lies{receipt: func(r *contract.Receipt) { r.Block[0] ^= 1 }}, "the receipt is for another submission"},
	{"receipt for another member", 1, lies{receipt: func(r *contract.Receipt) { r.Submitter = contracttest.Key(1).Public() }}, "the receipt is for another submission"},
	{"receipt for other rewards", 1, lies{receipt: func(r *contract.Receipt) { r.Rewards[0] ^= 1 }}, "the receipt is for other rewards"},
	{"receipt for another epoch", 2, lies{receipt: func(r *contract.Receipt) { r.Epoch = 1 }}, "the receipt is of another epoch than the description"},
	{"another contract's signatures", 1, lies{contract: func(k *keys.Private) { *k = stranger }}, "the receipt is of another epoch than the description"},
	{"record of other rewards", 1, lies{record: func(r *contract.Record) { r.Rewards[0] ^= 1 }}, "the record is of other rewards"},
	{"record of another submission", 1, lies{record: func(r *contract.Record) { r.Submission[0] ^= 1 }}, "the record is of other rewards"},
	{"rewarded epoch recorded as missed", 2, lies{record: func(r *contract.Record) { r.Status, r.Reason = contract.StatusMissed, "nobody submitted" }}, "the record has another status"},
	{"missed epoch without a reason", 3, lies{record: func(r *contract.Record) { r.Reason = "" }}, "the record has a reason without need, or none"},
	{"cut chain", 2, lies{record: func(r *contract.Record) { r.Previous[0] ^= 1 }}, "the record does not follow that of epoch 1"},
	{"deviations forged", 4, lies{description: func(d *contract.Description) {
		d.State.History = slices.Clone(d.State.History)
		d.State.History[0].Squared++
	}}, "the deviations are not those after epoch 2"},
	{"deviation removed", 4, lies{description: func(d *contract.Description) { d.State.History = d.State.History[1:] }}, "the deviations are not those after epoch 2"},
	{"another record in the description", 4, lies{description: func(d *contract.Description) { d.State.Record[0] ^= 1 }}, "the description names another record of epoch 2"},
	{"older epoch in the description", 5, lies{description: func(d *contract.Description) { d.State = contract.State{} }}, "the description names an older settled epoch than one before"},
	{"epochs that overlap", 2, lies{description: func(d *contract.Description) { d.Start -= 500 }}, "the epoch starts before epoch 1 ends"},
}

func twoSigners(b block.Block) certificate.Certificate {
	return contracttest.Certify(contracttest.Description(members, mixnodes), b, 1, 2)
}

// A liar can sign what it likes, but the rest does not fit.
func TestForgedEpochsAreRefused(t *testing.T) {
	tasks := make([]bundles, len(forgeries))
	for i, f := range forgeries {
		teller := newTeller()
		for range f.epoch - 1 {
			teller.settle(lies{})
		}
		teller.settle(f.lies)
		tasks[i] = teller.bundles()
	}
	for i, answer := range batch[bundles, string](t, tasks) {
		want := fmt.Sprintf("FAIL epoch-%d.core: %s", forgeries[i].epoch, forgeries[i].reason)
		require.Equal(t, want, answer, forgeries[i].name)
	}
}

// annexForgeries change the annex of epoch 4, which the contract then signs.
var annexForgeries = map[string]struct {
	lie    func(*contract.Annex)
	reason string
}{
	"another core":              {func(a *contract.Annex) { a.Core[0] ^= 1 }, "no file is the core that the annex is signed for"},
	"another epoch":             {func(a *contract.Annex) { a.Epoch = 3 }, "the annex is of another epoch than its core"},
	"late digest":               {func(a *contract.Annex) { a.Late[0].Digest[0] ^= 1 }, "a late submission does not have its digest"},
	"late submitter":            {func(a *contract.Annex) { a.Late[0].Submitter[31] ^= 1 }, "a late submission does not have its digest"},
	"late submissions swap":     {func(a *contract.Annex) { slices.Reverse(a.Late) }, "a list is not strictly ascending"},
	"late messages swap":        {func(a *contract.Annex) { slices.Reverse(a.Late[0].Messages) }, "a late submission does not have its digest"},
	"place beyond the last":     {func(a *contract.Annex) { a.Late[0].Messages[0] = 99 }, "a place of a message is beyond the last"},
	"result beyond the last":    {func(a *contract.Annex) { a.Late[0].Result = 99 }, "a place of a result is beyond the last"},
	"result of no submission":   {func(a *contract.Annex) { a.Results = append(a.Results, []byte{0xff}) }, "the annex has a result that nothing uses"},
	"message that nobody needs": {func(a *contract.Annex) { a.Messages = append(a.Messages, []byte{0xff}) }, "the annex has a message that nothing uses"},
	"one report twice":          {func(a *contract.Annex) { a.DoubleReports[0].Second = a.DoubleReports[0].First }, "the annex has a message that nothing uses"},
	"report of another member":  {func(a *contract.Annex) { a.DoubleReports[0].First++ }, "a double report is not about this epoch"},
	"another reporter":          {func(a *contract.Annex) { a.DoubleReports[0].Reporter = contracttest.Key(2).Public() }, "a double report is not about this epoch"},
	"one block twice":           {func(a *contract.Annex) { a.DoubleBlocks[0].Second = a.DoubleBlocks[0].First }, "the headers of a double block are not in order, or the same"},
	"blocks of two heights":     {func(a *contract.Annex) { a.DoubleBlocks[0].Second.Header.Height++ }, "a double block is of two slots"},
	"block signed by nobody":    {func(a *contract.Annex) { a.DoubleBlocks[0].Second.Signature[7] ^= 1 }, "a double block is not signed by its creator"},
	"too many refused": {func(a *contract.Annex) {
		for range 8 {
			a.Refused = append(a.Refused, a.Refused[0])
		}
	}, "there are too many refused submissions of one sender"},
	"refused out of order": {func(a *contract.Annex) {
		a.Refused = append(a.Refused, a.Refused[0])
		a.Refused[1].ReceivedAt--
	}, "the refused submissions are not in the order of their times"},
}

func TestForgedAnnexesAreRefused(t *testing.T) {
	teller, files := tell()
	core := teller.cores[3]
	var names []string
	var tasks []bundles
	for name, f := range annexForgeries {
		annex := seal(core)
		f.lie(&annex)
		names = append(names, name)
		tasks = append(tasks, bundles{"core": core.Encode(), "annex": annex.Sign(contracttest.ContractKey()).Encode()})
	}
	names = append(names, "signed by nobody")
	tasks = append(tasks, bundles{"core": core.Encode(), "annex": seal(core).Sign(stranger).Encode()})
	for i, answer := range batch[bundles, string](t, tasks) {
		reason := "the annex is of another epoch than its core" // the stranger's key is in it
		if f, ok := annexForgeries[names[i]]; ok {
			reason = f.reason
		}
		require.True(t, strings.HasPrefix(answer, "FAIL annex: ") && strings.HasSuffix(answer, reason), "%s: %s", names[i], answer)
	}
	require.Contains(t, files, "epoch-4.annex")
}

// Every byte of a bundle is signed or hashed.
func TestFlippedBytesAreRefused(t *testing.T) {
	_, files := tell()
	const step = 31 // bytes; all of them take a minute
	pair := bundles{"core": files["epoch-4.core"], "annex": files["epoch-4.annex"]}
	var tasks []bundles
	for name, data := range pair {
		for i := 0; i < len(data); i += step {
			flipped := bytes.Clone(data)
			flipped[i] ^= 1 << (i % 8)
			tasks = append(tasks, pair.with(name, flipped))
		}
		tasks = append(tasks, pair.with(name, append(bytes.Clone(data), 0)), pair.with(name, data[:len(data)-1]))
	}
	for i, answer := range batch[bundles, string](t, tasks) {
		require.True(t, strings.HasPrefix(answer, "FAIL "), "task %d: %s", i, answer)
	}
}

// The encoding of a core can be changed without changing any value.
func TestOtherEncodingsAreRefused(t *testing.T) {
	_, files := tell()
	core := files["epoch-1.core"]
	// The same array, with its length in a byte of its own.
	long := append([]byte{0x98, 0x06}, core[1:]...)
	twice := bundles{"a": core, "b": core}
	answers := batch[bundles, string](t, []bundles{{"core": long}, twice, {"annex": files["epoch-4.annex"]}})
	require.Equal(t, []string{
		"FAIL core: core: the encoding is not the deterministic one", "FAIL b: there are two cores of epoch 1",
		"FAIL annex: no file is the core that the annex is signed for",
	}, answers)
}
