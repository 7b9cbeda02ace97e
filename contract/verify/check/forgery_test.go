package check_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// The forger is the owner of the contract, who signs with its key whatever is convenient, together
// with members who sign more than they should. Each forgery is found by the check that is named for
// it, whatever other checks find, too.

// forged is what a forger presents.
type forged struct {
	evidence []check.Evidence
	config   check.Config
}

func (s *story) presented() forged {
	f := forged{config: trusted()}
	for _, b := range s.epochs {
		f.evidence = append(f.evidence, b.evidence())
	}
	return f
}

// findings returns what the check with that name found about an epoch, in each bundle of it.
func (f forged) findings(t *testing.T, epoch contract.Epoch, name string) (found []check.Finding) {
	v := check.New(f.config)
	for _, evidence := range f.evidence {
		if r := v.Next(evidence); r.Epoch == epoch {
			found = append(found, finding(t, r, name))
		}
	}
	return found
}

// epoch returns the bundle of an epoch.
func (s *story) epoch(number contract.Epoch) *bundle { return s.epochs[number-1] }

// again signs all that the contract signs about an epoch.
func (b *bundle) again() {
	b.sign()
	b.seal()
}

// submit changes the winner's submission, which the winner signs again.
func (b *bundle) submit(change func(*contract.Submission)) {
	change(&b.s)
	b.s = b.s.Sign(contracttest.Key(b.creator))
	b.again()
}

func (b *bundle) block() block.Block {
	decoded, err := block.Decode(b.s.Block, b.d.Group.Limits())
	if err != nil {
		panic(err)
	}
	return decoded
}

// report replaces the messages of the winner's block, which the members 1, 2 and 3 sign again.
func (b *bundle) report(change func(messages []block.Message) []block.Message) {
	old := b.block()
	made := block.New(b.d.Group, old.Header.Creator, old.Header.Height, old.Header.Parent, old.Header.Time, change(slices.Clone(old.Messages)))
	b.certify(made)
}

// certify replaces the winner's block.
func (b *bundle) certify(made block.Block) {
	made.Signature = contracttest.Key(b.creator).Sign(made.Header.SigningBytes())
	b.submit(func(s *contract.Submission) {
		s.Block, s.Certificate = made.Encode(), contracttest.Certify(b.d, made, 1, 2, 3).Encode()
	})
}

// claim changes the submitted result.
func (b *bundle) claim(change func(*metrics.Result)) {
	result, err := metrics.DecodeResult(b.s.Result, metrics.LimitsFor(len(b.d.Mixnodes)))
	if err != nil {
		panic(err)
	}
	change(&result)
	b.submit(func(s *contract.Submission) {
		if s.Result, err = result.Encode(); err != nil {
			panic(err)
		}
	})
}

// pay changes the rewards.
func (b *bundle) pay(change func([]contract.Reward)) {
	b.rewards = slices.Clone(b.rewards)
	change(b.rewards)
	b.again()
}

// sealed changes the annex, which the contract signs again.
func (b *bundle) sealed(change func(*contract.Annex)) {
	change(&b.annex)
	b.annex = b.annex.Sign(contracttest.ContractKey())
}

func message(d contract.Description, signer int, network string, r metrics.Report) block.Message {
	payload, err := r.Encode()
	if err != nil {
		panic(err)
	}
	m, err := block.NewMessage(contracttest.Key(signer), network, d.Label(), payload, int64(d.End))
	if err != nil {
		panic(err)
	}
	return m
}

// unsigned returns a message with a wrong signature.
func unsigned(m block.Message) block.Message {
	encoded := m.Encode()
	encoded[len(encoded)-1] ^= 1
	changed, err := block.DecodeMessage(encoded, 1<<16)
	if err != nil {
		panic(err)
	}
	return changed
}

// forgery is a change of the honest story about an epoch.
type forgery struct {
	name  string
	epoch contract.Epoch
	check string
	forge func(s *story, b *bundle)
}

var forgedReports = []forgery{
	{"two reports are swapped", 5, "Merkle root", func(_ *story, b *bundle) {
		made := b.block()
		made.Messages[0], made.Messages[1] = made.Messages[1], made.Messages[0]
		b.submit(func(s *contract.Submission) { s.Block = made.Encode() })
	}},
	{"a reporter is omitted from a certified block", 5, "Merkle root", func(_ *story, b *bundle) {
		made := b.block()
		made.Messages = made.Messages[1:]
		b.submit(func(s *contract.Submission) { s.Block = made.Encode() })
	}},
	{"a report is exchanged", 5, "Merkle root", func(_ *story, b *bundle) {
		made, other := b.block(), contracttest.Report(b.d, 1)
		other.Values[0] = 0
		made.Messages[0] = contracttest.Message(b.d, 1, other)
		b.submit(func(s *contract.Submission) { s.Block = made.Encode() })
	}},
	{"too few reports", 5, "enough reports", func(_ *story, b *bundle) {
		b.report(func(m []block.Message) []block.Message { return m[:2] })
	}},
	{"reports of an earlier epoch are replayed", 5, "enough reports", func(s *story, b *bundle) {
		b.report(func([]block.Message) []block.Message { return s.epoch(2).block().Messages })
	}},
	{"a report is not signed", 5, "signatures", func(_ *story, b *bundle) {
		b.report(func(m []block.Message) []block.Message { m[0] = unsigned(m[0]); return m })
	}},
	{"a report is for another network", 5, "network", func(_ *story, b *bundle) {
		b.report(func(m []block.Message) []block.Message {
			m[0] = message(b.d, 1, "other", contracttest.Report(b.d, 1))
			return m
		})
	}},
}

var forgedBlocks = []forgery{
	{"a foreign certificate", 5, "certified", func(s *story, b *bundle) {
		b.submit(func(own *contract.Submission) { own.Certificate = s.epoch(6).s.Certificate })
	}},
	{"an echo of somebody else", 5, "signers", func(_ *story, b *bundle) {
		b.echoes(func(c *certificate.Certificate) {
			c.Signatures[0] = contracttest.Key(9).Sign(certificate.SigningBytes(b.d.Network, c.Slot, c.Block))
		})
	}},
	{"one echo counted twice", 5, "signers", func(_ *story, b *bundle) {
		b.echoes(func(c *certificate.Certificate) { c.Signatures[1] = c.Signatures[0] })
	}},
	{"a signer who is not a member", 5, "signers", func(_ *story, b *bundle) {
		b.echoes(func(c *certificate.Certificate) {
			c.Signers[0] |= 1 << 7
			c.Signatures = append(c.Signatures, c.Signatures[0])
		})
	}},
	{"too few echoes", 5, "quorum", func(_ *story, b *bundle) {
		b.submit(func(s *contract.Submission) { s.Certificate = contracttest.Certify(b.d, b.block(), 1, 2).Encode() })
	}},
	{"somebody else's block", 5, "block", func(s *story, b *bundle) {
		b.submit(func(own *contract.Submission) { own.Block, own.Certificate = b.late[0].Block, b.late[0].Certificate })
	}},
	{"a header that its creator did not sign", 5, "block", func(_ *story, b *bundle) {
		made := b.block()
		made.Signature[0] ^= 1
		b.submit(func(s *contract.Submission) { s.Block = made.Encode() })
	}},
	{"a chain that begins in the middle", 5, "parent", func(_ *story, b *bundle) {
		old := b.block()
		b.certify(block.New(b.d.Group, old.Header.Creator, 7, block.ID{}, old.Header.Time, old.Messages))
	}},
	{"a submission of another epoch", 5, "submission", func(s *story, b *bundle) { b.s = s.epoch(2).s; b.again() }},
	{"a submission that somebody else signed", 5, "submission", func(_ *story, b *bundle) {
		b.s.Signature = contracttest.Key(9).Sign([]byte("anything"))
		b.again()
	}},
}

// echoes changes the certificate.
func (b *bundle) echoes(change func(*certificate.Certificate)) {
	c, err := certificate.Decode(b.s.Certificate, b.d.Group.N())
	if err != nil {
		panic(err)
	}
	change(&c)
	b.submit(func(s *contract.Submission) { s.Certificate = c.Encode() })
}

var forgedPayments = []forgery{
	{"a result off by 0.01", 5, "columns", func(_ *story, b *bundle) {
		b.rewards = slices.Clone(b.rewards)
		b.rewards[0].Value++
		b.claim(func(r *metrics.Result) { r.Values[0]++ })
	}},
	{"a result from more values than there are", 5, "coverage", func(_ *story, b *bundle) {
		b.rewards = slices.Clone(b.rewards)
		b.rewards[0].Reports++
		b.claim(func(r *metrics.Result) { r.Reports[0]++ })
	}},
	{"a new uptime from too few values", carriedEpoch, "coverage", func(_ *story, b *bundle) {
		b.rewards = slices.Clone(b.rewards)
		b.rewards[1].Value, b.rewards[1].CarriedFrom = 5000, 0
		b.claim(func(r *metrics.Result) { r.Values[1] = 5000 })
	}},
	{"another value is paid than submitted", 5, "payment", func(_ *story, b *bundle) {
		b.pay(func(r []contract.Reward) { r[2].Value-- })
	}},
	{"a fresh value is replaced by an old one", 5, "payment", func(_ *story, b *bundle) {
		b.pay(func(r []contract.Reward) { r[2].CarriedFrom = 3 })
	}},
	{"a payment out of the bounds of the reports", 5, "bound", func(_ *story, b *bundle) {
		b.pay(func(r []contract.Reward) { r[0].Value = 0 })
	}},
	{"an invented old value", carriedEpoch, "carried", func(_ *story, b *bundle) {
		b.pay(func(r []contract.Reward) { r[1].Value++ })
	}},
	{"an older value than the newest", carriedEpoch, "carried", func(s *story, b *bundle) {
		b.pay(func(r []contract.Reward) { r[1].Value, r[1].CarriedFrom = s.epoch(1).rewards[1].Value, 1 })
	}},
	{"an old value is withheld", carriedEpoch, "carried", func(_ *story, b *bundle) {
		b.pay(func(r []contract.Reward) { r[1].Value, r[1].CarriedFrom = metrics.Missing, 0 })
	}},
}

var forgedSettlements = []forgery{
	{"a receipt of another contract", 5, "receipt", func(_ *story, b *bundle) {
		b.core.Receipt = b.receipt.Sign(contracttest.Key(9)).Encode()
	}},
	{"a receipt for another submitter", 5, "receipt", func(_ *story, b *bundle) {
		b.receipt.Submitter = contracttest.Key(4).Public()
		b.again()
	}},
	{"a receipt for another block", 5, "receipt", func(_ *story, b *bundle) { b.receipt.Block[0] ^= 1; b.again() }},
	{"rewards that the receipt does not sign", 5, "receipt", func(_ *story, b *bundle) {
		b.core.Rewards = slices.Clone(b.rewards)
		b.core.Rewards[0].Value++
	}},
	{"a rewarded epoch shown as missed", 5, "record", func(_ *story, b *bundle) {
		b.core.Submission, b.core.Rewards, b.core.Receipt = nil, nil, nil
	}},
	{"a record that a member signed", 5, "record", func(_ *story, b *bundle) {
		r := b.record
		r.SettledAt++
		r.Signature = contracttest.Key(1).Sign([]byte("record"))
		b.core.Record = r.Encode()
	}},
	{"a record of other rewards", 5, "record", func(_ *story, b *bundle) {
		r := b.record
		r.Rewards[0] ^= 1
		b.core.Record = r.Sign(contracttest.ContractKey()).Encode()
	}},
	{"a record of another description", 5, "record", func(_ *story, b *bundle) {
		r := b.record
		r.Description[0] ^= 1
		b.core.Record = r.Sign(contracttest.ContractKey()).Encode()
	}},
	{"a record that follows another one", 5, "chain", func(_ *story, b *bundle) {
		b.record.Previous[0] ^= 1
		b.again()
	}},
	// The owner declares epoch 2 missed and signs all records again, after members signed the first.
	{"a chain that was signed again", 4, "witness", func(s *story, _ *bundle) {
		second := s.epoch(2)
		second.rewards, second.record = nil, contract.Record{
			Network: second.d.Network, Epoch: 2, Description: second.d.Hash(), Status: contract.StatusMissed, Reason: "nobody submitted",
			SettledAt: second.d.End, Origin: contract.OriginSettlement, Previous: s.epoch(1).record.Hash(),
		}
		second.late = nil
		second.again()
		for number := contract.Epoch(3); number <= storyEpochs; number++ {
			s.epoch(number).record.Previous = s.epoch(number - 1).record.Hash()
			s.epoch(number).again()
		}
	}},
}

var forgedAnnexes = []forgery{
	{"an annex of another core", 5, "annex", func(s *story, b *bundle) { b.annex = s.epoch(6).annex }},
	{"an annex that a member signed", 5, "annex", func(_ *story, b *bundle) { b.annex.Signature[0] ^= 1 }},
	{"a late submission off by 0.01", 5, "late", func(_ *story, b *bundle) {
		result, err := metrics.DecodeResult(b.late[0].Result, metrics.LimitsFor(len(b.d.Mixnodes)))
		if err != nil {
			panic(err)
		}
		result.Values[0]++
		if b.late[0].Result, err = result.Encode(); err != nil {
			panic(err)
		}
		b.late[0] = b.late[0].Sign(contracttest.Key(2))
		b.seal()
	}},
	{"a false accusation of two reports", 5, "evidence", func(_ *story, b *bundle) {
		b.sealed(func(a *contract.Annex) {
			a.DoubleReports = []contract.DoubleReport{{Reporter: contracttest.Key(1).Public(), First: 0, Second: 1}}
		})
	}},
	{"a false accusation of two blocks", 5, "evidence", func(_ *story, b *bundle) {
		first := b.block().SignedHeader
		second := first
		second.Header.Time++
		if first.Header.ID().Compare(second.Header.ID()) > 0 {
			first, second = second, first
		}
		b.sealed(func(a *contract.Annex) { a.DoubleBlocks = []contract.DoubleBlock{{First: first, Second: second}} })
	}},
}

func TestEveryForgeryIsFoundByTheCheckThatIsNamedForIt(t *testing.T) {
	for _, f := range slices.Concat(forgedReports, forgedBlocks, forgedPayments, forgedSettlements, forgedAnnexes) {
		t.Run(f.name, func(t *testing.T) {
			s := told()
			f.forge(s, s.epoch(f.epoch))
			found := s.presented().findings(t, f.epoch, f.check)
			require.Len(t, found, 1)
			require.Equal(t, check.Fail, found[0].Outcome, "%s: %s", f.check, found[0].Value)
		})
	}
}

// Descriptions that members sign although they state another history than the epochs before show.
func TestForgedHistoriesAreFound(t *testing.T) {
	for name, change := range map[string]func(*contract.State){
		"a forged weight":     func(s *contract.State) { s.History[2].Squared++ },
		"an omitted reporter": func(s *contract.State) { s.History = s.History[1:] },
		"an older history":    func(s *contract.State) { *s = contract.State{} },
	} {
		s := newStory()
		s.description = func(d *contract.Description) {
			if d.Epoch == 6 {
				d.State.History = slices.Clone(d.State.History)
				change(&d.State)
			}
		}
		found := s.tell(storyEpochs).presented().findings(t, 6, "weights")
		require.Equal(t, check.Fail, found[0].Outcome, "%s: %s", name, found[0].Value)
	}
}

// Somebody who joins later has no bundle of epoch 1, and still finds what the bundles contradict.
func TestForgedHistoriesAreFoundWithoutTheBeginning(t *testing.T) {
	late := func(change func(*contract.Description)) check.Finding {
		s := newStory()
		s.description = change
		f := s.tell(storyEpochs + 2).presented()
		f.evidence, f.config.First = f.evidence[3:], 0
		return f.findings(t, storyEpochs+2, "weights")[0]
	}
	honest := late(nil)
	require.Equal(t, check.NotCheckable, honest.Outcome)
	require.Contains(t, honest.Value, "fit earlier descriptions alone")
	require.Equal(t, "bundles of epochs 1 to 6", honest.Needs)
	require.Equal(t, check.Fail, late(func(d *contract.Description) {
		if d.Epoch == storyEpochs+2 {
			d.State.History = slices.Clone(d.State.History)
			d.State.History[1].Squared++
		}
	}).Outcome)
}

// A forged epoch does not make the honest ones after it fail.
func TestEpochsAfterAForgedOneAreComparedWithHonestOnes(t *testing.T) {
	s := told()
	core := s.epoch(2).core.Encode()
	core[bytes.Index(core, []byte("m0002"))+200] ^= 1
	f := s.presented()
	f.evidence[1].Core = core
	v := check.New(f.config)
	for i, evidence := range f.evidence {
		failed := v.Next(evidence).Count(check.Fail)
		require.Equal(t, i == 1, failed > 0, "epoch %d: %s", i+1, v.Summary().Problems())
	}
}

func TestRemovedEpochsAreFound(t *testing.T) {
	f := told().presented()
	f.evidence = slices.Delete(f.evidence, 2, 3)
	require.Equal(t, check.Fail, f.findings(t, 4, "chain")[0].Outcome, "one in the middle")
	f.config.Consecutive, f.config.First = false, 0
	gap := f.findings(t, 4, "chain")[0]
	require.Equal(t, check.NotCheckable, gap.Outcome, "only two files were picked")
	require.Equal(t, "bundle of epoch 3", gap.Needs)

	f = told().presented()
	f.evidence = f.evidence[2:]
	require.Equal(t, check.Fail, f.findings(t, 3, "chain")[0].Outcome, "the beginning")
}

func TestSecondReceiptIsFound(t *testing.T) {
	s := told()
	f, b := s.presented(), s.epoch(6)
	b.receipt.AcceptedAt++
	b.again()
	f.evidence = append(f.evidence, b.evidence())
	found := f.findings(t, 6, "receipt")
	require.Len(t, found, 2)
	require.Equal(t, check.Pass, found[0].Outcome)
	require.Equal(t, check.Fail, found[1].Outcome)
	require.Contains(t, found[1].Value, "signed another receipt for epoch 6")
}

func TestMadeUpGroupsAndContractsAreFound(t *testing.T) {
	f := told().presented()
	f.config.Group = contracttest.Group(storyMembers + 1).ID()
	require.Equal(t, check.Fail, f.findings(t, 1, "group")[0].Outcome)
	f.config.Contract = contracttest.Key(1).Public()
	require.Equal(t, check.Fail, f.findings(t, 1, "contract key")[0].Outcome)
	f.config.Group, f.config.Contract = [32]byte{}, keys.Public{}
	require.Equal(t, check.NotCheckable, f.findings(t, 1, "group")[0].Outcome)
	require.Equal(t, check.NotCheckable, f.findings(t, 1, "contract key")[0].Outcome)
}

func TestDoctoredTablesAreFound(t *testing.T) {
	f := told().presented()
	var seen verify.Audited
	f.evidence[1].Copies = func(a verify.Audited) error { seen = a; return errors.New("the winner shown is another") }
	found := f.findings(t, 2, "tables")[0]
	require.Equal(t, check.Fail, found.Outcome)
	require.Equal(t, "the winner shown is another", found.Value)
	require.Len(t, seen.Reporters, storyMembers)
	require.Len(t, seen.Signers, 3)
}
