package pythontest

import (
	"bytes"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

var stranger = contracttest.Key(members + 1)

// forgery is an epoch of the story in which somebody lied and signed it, and what gives it away.
type forgery struct {
	name   string
	epoch  int
	lies   lies
	reason string
}

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
	{"another contract", 2, lies{description: func(d *contract.Description) { d.ContractKey = stranger.Public() }, contract: func(k *keys.Private) { *k = stranger }}, "the contract is not that of epoch 1"},
	{"record before the first", 1, lies{record: func(r *contract.Record) { r.Previous[0] = 1 }}, "the first record is not that of epoch 1"},
	{"epoch that nothing is carried from", 5, lies{rewards: func(r []contract.Reward) { r[2].CarriedFrom = 4 }}, "m0003 has no value, but an epoch that it is carried from"},
	{"message signed by nobody", 1, lies{submission: func(s *contract.Submission) {
		s.Block[len(s.Block)-1] ^= 1 // the last message, whose ID does not cover its signature
		*s = s.Sign(contracttest.Key(2))
	}}, "a message is not signed by its sender"},
	{"message of another network", 1, lies{messages: func(d contract.Description, m []block.Message) []block.Message {
		d.Network = "elsewhere"
		return append(m, contracttest.Message(d, 1, contracttest.Report(d, 1)))
	}}, "a message is of another network"},
	{"long message", 1, lies{description: limited(membership.Limits{PayloadBytes: 64, BlockMessages: 9, BlockBytes: 9999})}, "a message is too long"},
	{"many messages", 1, lies{description: limited(membership.Limits{PayloadBytes: 9999, BlockMessages: 3, BlockBytes: 9999})}, "the block has too many messages"},
	{"long block", 1, lies{description: limited(membership.Limits{PayloadBytes: 256, BlockMessages: 9, BlockBytes: 700})}, "the block is too long"},
	{"signer beyond the group", 1, lies{evidence: func(e *contract.Evidence) { e.Certificate.Signers[0] |= 16 }}, "the certificate has a signer who is not a member"},
	{"signers of a larger group", 1, lies{evidence: func(e *contract.Evidence) { e.Certificate.Signers = append(e.Certificate.Signers, 0) }}, "the certificate is of a group of another size"},
	{"signer without a signature", 1, lies{evidence: func(e *contract.Evidence) { e.Certificate.Signatures = e.Certificate.Signatures[:2] }}, "the certificate has not one signature for each signer"},
	{"result about another mixnode", 1, lies{result: func(r *metrics.Result) {
		r.Mixnodes = slices.Clone(r.Mixnodes)
		r.Mixnodes[4] = "m0006"
	}}, "the result is about other mixnodes than the description"},
	{"window of no length", 1, lies{description: func(d *contract.Description) { d.End = d.Start }}, "the epoch ends before it starts"},
	{"group of another network", 1, lies{description: func(d *contract.Description) { d.Network = "elsewhere" }}, "the group is of another network than the description"},
	{"state after the epoch itself", 4, lies{description: func(d *contract.Description) { d.State.Settled = 4 }}, "the description names a settled epoch that is not an earlier one"},
	{"state without a record", 4, lies{description: func(d *contract.Description) { d.State.Record = contract.Hash{} }}, "the description's state cannot be"},
	{"wmedian without a state", 6, lies{description: func(d *contract.Description) { d.Version, d.State = 1, contract.State{} }}, "wmedian needs a description with a state"},
	{"unauthorised key", 1, lies{description: func(d *contract.Description) { d.Rules.Authorised = stranger.Public() }}, "the authorised key does not fit the mode"},
	{"coverage of 0", 1, lies{description: func(d *contract.Description) { d.Rules.Coverage = 0 }}, "description: 0 is not a number of 1..65535"},
	{"unknown mode", 1, lies{description: func(d *contract.Description) { d.Rules.Mode = "half" }}, "description: 'half' is not the text that is expected here"},
	{"no description", 1, lies{core: func(c *contract.Core) { c.Description = nil }}, "description: the encoding ends too early, or is nested too deeply"},
	{"no receipt", 1, lies{core: func(c *contract.Core) { c.Receipt = nil }}, "a part of a rewarded epoch is missing"},
	{"key of small order", 1, lies{core: func(c *contract.Core) {
		first := contracttest.Group(members).Members()[0]
		c.Description = bytes.Replace(c.Description, first[:], make([]byte, 32), 1)
	}}, "a member has a key of small order"},
	{"short key", 1, lies{core: func(c *contract.Core) { c.Record = []byte{0x8c, 0x61, 'a', 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0} }}, "record: expected 32..32 bytes"},
	{"array for a record", 1, lies{core: func(c *contract.Core) { c.Record = []byte{0x80} }}, "record: expected a record, an array of 12"},
	{"number for a list", 1, lies{core: func(c *contract.Core) {
		s := must(contract.DecodeSubmission(c.Submission, len(c.Submission)))
		b := must(block.Decode(s.Block, membership.DefaultLimits()))
		s.Block = slices.Concat([]byte{0x82}, canonical.Encode(b.SignedHeader), []byte{0})
		c.Submission = s.Sign(contracttest.Key(2)).Encode()
	}}, "block: expected a list, or a list of another length"},
	{"epochs that overlap", 2, lies{description: func(d *contract.Description) { d.Start -= 500 }}, "the epoch starts before epoch 1 ends"},
}

func limited(l membership.Limits) func(*contract.Description) {
	return func(d *contract.Description) { d.Group = must(membership.NewGroup(d.Network, 1, d.Group.Members(), l)) }
}

func twoSigners(b block.Block) certificate.Certificate {
	return contracttest.Certify(contracttest.Description(members, mixnodes), b, 1, 2)
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
	"reports in descending order": {func(a *contract.Annex) {
		double := &a.DoubleReports[0]
		double.First, double.Second = double.Second, double.First
	}, "the messages of a double report are not in order"},
	"block of a stranger": {func(a *contract.Annex) {
		a.DoubleBlocks[0].First = contracttest.Block(contracttest.Description(members, mixnodes), members+1, nil).SignedHeader
	}, "a double block is not of a member of this group"},
	"message of the core": {func(a *contract.Annex) {
		messages := story[3].reports(must(contract.DecodeDescription(told().cores[3].Description)))
		a.Messages = append(a.Messages, messages[1].Encode())
		slices.SortFunc(a.Messages, bytes.Compare)
	}, "the annex has a message that its core has"},
	"result of the core": {func(a *contract.Annex) {
		s := must(contract.DecodeSubmission(told().cores[3].Submission, 1<<20))
		a.Results = append(a.Results, s.Result)
		slices.SortFunc(a.Results, bytes.Compare)
	}, "the annex has a result that its core has"},
	"blocks of two heights":  {func(a *contract.Annex) { a.DoubleBlocks[0].Second.Header.Height++ }, "a double block is of two slots"},
	"block signed by nobody": {func(a *contract.Annex) { a.DoubleBlocks[0].Second.Signature[7] ^= 1 }, "a double block is not signed by its creator"},
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
