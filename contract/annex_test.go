package contract_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// core returns the core of epoch 1, which the creator won.
func core(d contract.Description, creator int) contract.Core {
	evidence := contracttest.Evidence(d, creator)
	result := contracttest.Result(d, evidence)
	s, err := contract.NewSubmission(contracttest.Key(creator), d, result, evidence)
	if err != nil {
		panic(err)
	}
	rewards := make([]contract.Reward, len(d.Mixnodes))
	for i, id := range d.Mixnodes {
		rewards[i] = contract.Reward{Mixnode: id, Value: result.Values[i], Reports: result.Reports[i]}
	}
	receipt := contract.Receipt{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: evidence.Block.ID(), Rewards: contract.HashRewards(d.Network, d.Epoch, rewards),
		Submitter: s.Submitter, AcceptedAt: d.End + 40,
	}.Sign(contracttest.ContractKey())
	record := contract.Record{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Status: contract.StatusRewarded, Rewards: receipt.Rewards,
		Submission: contract.Digest(s.Encode()), SettledAt: d.End + 40, Origin: contract.OriginSettlement,
	}.Sign(contracttest.ContractKey())
	return contract.Core{
		Version: contract.CoreVersion, Description: d.Encode(), Submission: s.Encode(), Rewards: rewards, Record: record.Encode(), Receipt: receipt.Encode(),
	}
}

func missedCore(d contract.Description) contract.Core {
	record := contract.Record{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Status: contract.StatusMissed, Reason: "nobody submitted a result in time",
		SettledAt: d.End + 2000, Origin: contract.OriginSettlement,
	}.Sign(contracttest.ContractKey())
	return contract.Core{Version: contract.CoreVersion, Description: d.Encode(), Record: record.Encode()}
}

// collected returns late submissions of the Nym-APIs with these numbers, one refused submission,
// and proofs against Nym-API 1.
func collected(d contract.Description, late ...int) contract.Collected {
	all := contract.Collected{
		Refused: []contract.Refused{{
			Submitter: contracttest.Key(3).Public(), ReceivedAt: d.End + 60, Digest: contract.Hash{7}, Bytes: 812, Verdict: contract.VerdictInvalid,
			Type: contract.WrongResult.Type(), Reason: "mixnode m0001: submitted 90.00, the block's reports give 91.00",
		}},
		Dropped: 2,
	}
	for i, number := range slices.Backward(late) {
		all.Late = append(all.Late, contract.Received{Submission: contracttest.Submission(d, number).Encode(), At: d.End + contract.Millis(50+i)})
	}
	other := contracttest.Report(d, 1)
	other.Values[0]++
	all.DoubleReports = [][2]block.Message{{contracttest.Message(d, 1, other), contracttest.Messages(d, 1)[0]}}
	first, second := contracttest.Block(d, 1, contracttest.Messages(d, 1)), contracttest.Block(d, 1, nil)
	all.DoubleBlocks = [][2]block.SignedHeader{{first.SignedHeader, second.SignedHeader}}
	return all
}

func annex(d contract.Description, c contract.Core) contract.Annex {
	a, err := collected(d, 1, 3).Seal(c, d.End+2000, contracttest.ContractKey())
	if err != nil {
		panic(err)
	}
	return a
}

func TestAnnexGivesBackWhatWasReceived(t *testing.T) {
	d := contracttest.Description(4, 3)
	for name, c := range map[string]contract.Core{"rewarded": core(d, 2), "missed": missedCore(d)} {
		all := collected(d, 4, 1, 3)
		a, err := all.Seal(c, d.End+2000, contracttest.ContractKey())
		require.NoError(t, err, name)
		require.True(t, a.Verify())
		again, err := contract.DecodeAnnex(a.Encode())
		require.NoError(t, err)
		require.Equal(t, a.Encode(), again.Encode())
		require.True(t, again.Verify())

		opened, err := again.Open(c)
		require.NoError(t, err)
		require.Len(t, opened.Late, 3)
		for _, received := range all.Late {
			require.True(t, slices.ContainsFunc(opened.Late, func(s contract.Submission) bool { return bytes.Equal(s.Encode(), received.Submission) }))
		}
		var proof []block.MessageID
		for _, m := range opened.DoubleReports[0] {
			require.True(t, m.Verify())
			require.Equal(t, a.DoubleReports[0].Reporter, m.Sender())
			proof = append(proof, m.ID())
		}
		require.NotEqual(t, proof[0], proof[1])
	}
}

// The nine others submit the same ten reports with their own certificates, or fewer reports with
// other results.
func TestBundleOf240MixnodesIsSmall(t *testing.T) {
	d := contracttest.Description(10, 240)
	c := core(d, 1)
	for _, alike := range []bool{true, false} {
		all := collected(d)
		for creator := 2; creator <= 10; creator++ {
			s := contracttest.Submission(d, creator)
			if !alike {
				s = submissionWithout(d, creator, []int{1, 2, 3, 8, 9, 10}[creator%6], []int{8, 9, 1, 2}[creator%4])
			}
			all.Late = append(all.Late, contract.Received{Submission: s.Encode(), At: d.End + 50})
		}
		a, err := all.Seal(c, d.End+2000, contracttest.ContractKey())
		require.NoError(t, err)
		require.Len(t, a.Messages, 1, "the reports of late submissions are in the core")
		require.Equal(t, alike, len(a.Results) == 0, "and so is their result")
		inCore, inAnnex := len(c.Encode()), len(a.Encode())
		t.Logf("10 Nym-APIs, 240 mixnodes, nine late submissions with %d other results: core %d bytes, annex %d bytes", len(a.Results), inCore, inAnnex)
		require.LessOrEqual(t, inCore+inAnnex, 120_000)
	}
}

// submissionWithout returns a submission whose block lacks the reports of some Nym-APIs.
func submissionWithout(d contract.Description, creator int, absent ...int) contract.Submission {
	numbers := slices.DeleteFunc(contracttest.Numbers(d.Group.N()), func(n int) bool { return slices.Contains(absent, n) })
	b := contracttest.Block(d, creator, contracttest.Messages(d, numbers...))
	evidence := &contract.Evidence{Block: b, Certificate: contracttest.Certify(d, b, contracttest.Numbers(d.Group.Q())...)}
	s, err := contract.NewSubmission(contracttest.Key(creator), d, contracttest.Result(d, evidence), evidence)
	if err != nil {
		panic(err)
	}
	return s
}

// A reporter can sign one message in two ways. Its ID is the same, the submissions' bytes are not.
func TestAnnexKeepsEachSignatureOfAMessage(t *testing.T) {
	d := contracttest.Description(4, 3)
	c := core(d, 2)
	evidence := contracttest.Evidence(d, 3)
	encoded := evidence.Block.Messages[0].Encode()
	encoded[len(encoded)-1] ^= 1
	twin, err := block.DecodeMessage(encoded, 1<<20)
	require.NoError(t, err)
	require.Equal(t, evidence.Block.Messages[0].ID(), twin.ID())
	evidence.Block.Messages[0] = twin
	s, err := contract.NewSubmission(contracttest.Key(3), d, contracttest.Result(d, evidence), evidence)
	require.NoError(t, err)
	a, err := contract.Collected{Late: []contract.Received{{Submission: s.Encode()}}}.Seal(c, 5, contracttest.ContractKey())
	require.NoError(t, err)
	require.Len(t, a.Messages, 1)
	opened, err := a.Open(c)
	require.NoError(t, err)
	require.Equal(t, s.Encode(), opened.Late[0].Encode())
}

func TestAnnexWithoutEphemera(t *testing.T) {
	d := contracttest.Description(4, 3)
	d.Rules.Mode, d.Rules.Authorised = contract.ModeSingle, contracttest.Key(1).Public()
	s, err := contract.NewSubmission(contracttest.Key(1), d, contracttest.SingleResult(contracttest.Report(d, 1)), nil)
	require.NoError(t, err)
	c := missedCore(d)
	a, err := contract.Collected{Late: []contract.Received{{Submission: s.Encode()}}}.Seal(c, 5, contracttest.ContractKey())
	require.NoError(t, err)
	opened, err := a.Open(c)
	require.NoError(t, err)
	require.Equal(t, s.Encode(), opened.Late[0].Encode())
}

func TestOpenRefusesWhatDoesNotBelongToTheCore(t *testing.T) {
	d := contracttest.Description(4, 3)
	c := core(d, 2)
	winning, err := contract.DecodeSubmission(c.Submission, len(c.Submission))
	require.NoError(t, err)
	extra := contracttest.Message(d, 3, contracttest.Report(contracttest.Description(5, 3), 3)).Encode()
	for _, fault := range []struct {
		problem string
		change  func(*contract.Annex)
	}{
		{"it is for core", func(a *contract.Annex) { a.Core[0] ^= 1 }},
		{"of contract", func(a *contract.Annex) { a.Epoch++ }},
		{"message: place 99", func(a *contract.Annex) { a.Late[0].Messages[0] = 99 }},
		{"its parts have digest", func(a *contract.Annex) { a.Late[0].Digest[0] ^= 1 }},
		{"its parts have digest", func(a *contract.Annex) { slices.Reverse(a.Late[0].Messages) }},
		{"result: place 1", func(a *contract.Annex) { a.Late[0].Result = 1 }},
		{"its parts have digest", func(a *contract.Annex) { a.Results, a.Late[0].Result = [][]byte{{1}}, 1 }},
		{"result: place 1 is not used", func(a *contract.Annex) { a.Results = [][]byte{{1}} }},
		{"a result is the winner's", func(a *contract.Annex) { a.Results = [][]byte{winning.Result} }},
		{"header", func(a *contract.Annex) { a.Late[0].Header = []byte{0x80} }},
		{"double report", func(a *contract.Annex) { a.DoubleReports[0].Second = 99 }},
		{"message: place 5 is not used", func(a *contract.Annex) { a.Messages = append(a.Messages, extra) }},
		{"a message is in the core", func(a *contract.Annex) { a.Messages = append(a.Messages, contracttest.Messages(d, 1)[0].Encode()) }},
		{"place 5: ", func(a *contract.Annex) { a.Messages = append(a.Messages, []byte{1}) }},
	} {
		a := annex(d, c)
		fault.change(&a)
		_, err := a.Open(c)
		require.ErrorIs(t, err, contract.ErrInvalid, fault.problem)
		require.ErrorContains(t, err, fault.problem)
	}
	_, err = annex(d, c).Open(missedCore(d))
	require.ErrorContains(t, err, "it is for core")
}

func TestInvalidCoresAreRefused(t *testing.T) {
	d := contracttest.Description(4, 3)
	for name, change := range map[string]func(*contract.Core){
		"version 3":                   func(c *contract.Core) { c.Version = 3 },
		"no description":              func(c *contract.Core) { c.Description = nil },
		"no record":                   func(c *contract.Core) { c.Record = nil },
		"no receipt":                  func(c *contract.Core) { c.Receipt = nil },
		"no rewards":                  func(c *contract.Core) { c.Rewards = nil },
		"missed with a receipt":       func(c *contract.Core) { c.Submission, c.Rewards = nil, nil },
		"version 1 of a missed epoch": func(c *contract.Core) { *c = contract.Core{Version: 1, Description: c.Description} },
	} {
		c := core(d, 2)
		change(&c)
		require.ErrorIs(t, c.Validate(), contract.ErrInvalid, name)
		_, err := contract.DecodeCore(c.Encode())
		require.ErrorIs(t, err, contract.ErrInvalid, name)
	}
	withRecord := core(d, 2)
	withRecord.Version = 1
	require.ErrorIs(t, withRecord.Validate(), contract.ErrInvalid)
	laterForm := core(d, 2).Encode()
	laterForm[1] = 1
	_, err := contract.DecodeCore(laterForm)
	require.ErrorIs(t, err, contract.ErrInvalid)
	old := core(d, 2)
	old.Version, old.Record = 1, nil
	again, err := contract.DecodeCore(old.Encode())
	require.NoError(t, err)
	require.Equal(t, old, again)
}

func TestInvalidAnnexesAreRefused(t *testing.T) {
	d := contracttest.Description(4, 3)
	for name, change := range map[string]func(*contract.Annex){
		"no network":              func(a *contract.Annex) { a.Network = "" },
		"version 2":               func(a *contract.Annex) { a.Version = 2 },
		"epoch 0":                 func(a *contract.Annex) { a.Epoch = 0 },
		"no core":                 func(a *contract.Annex) { a.Core = contract.Hash{} },
		"two of one submitter":    func(a *contract.Annex) { a.Late[1] = a.Late[0] },
		"late out of order":       func(a *contract.Annex) { slices.Reverse(a.Late) },
		"no certificate":          func(a *contract.Annex) { a.Late[0].Certificate = nil },
		"messages without header": func(a *contract.Annex) { a.Late[0].Header, a.Late[0].Certificate = nil, nil },
		"results out of order":    func(a *contract.Annex) { a.Results = [][]byte{{2}, {1}} },
		"one message twice":       func(a *contract.Annex) { a.Messages = append(a.Messages, a.Messages[0]) },
		"an accepted submission":  func(a *contract.Annex) { a.Refused[0].Verdict = contract.VerdictAccepted },
		"a long reason":           func(a *contract.Annex) { a.Refused[0].Reason = string(make([]byte, contract.MaxReasonBytes+1)) },
		"a long type":             func(a *contract.Annex) { a.Refused[0].Type = string(make([]byte, 129)) },
		"refused out of order":    func(a *contract.Annex) { a.Refused = append(a.Refused, a.Refused[0]); a.Refused[1].ReceivedAt = 1 },
		"one report as two":       func(a *contract.Annex) { a.DoubleReports[0].Second = a.DoubleReports[0].First },
		"two of one reporter":     func(a *contract.Annex) { a.DoubleReports = append(a.DoubleReports, a.DoubleReports[0]) },
		"one header as two":       func(a *contract.Annex) { a.DoubleBlocks[0].Second = a.DoubleBlocks[0].First },
		"headers out of order":    func(a *contract.Annex) { b := &a.DoubleBlocks[0]; b.First, b.Second = b.Second, b.First },
		"headers of two slots":    func(a *contract.Annex) { a.DoubleBlocks[0].Second.Header.Height++ },
		"headers of a network":    func(a *contract.Annex) { a.DoubleBlocks[0].Second.Header.Network = "other" },
		"one double block, twice": func(a *contract.Annex) { a.DoubleBlocks = append(a.DoubleBlocks, a.DoubleBlocks[0]) },
	} {
		a := annex(d, core(d, 2))
		change(&a)
		require.ErrorIs(t, a.Validate(), contract.ErrInvalid, name)
		_, err := contract.DecodeAnnex(a.Encode())
		require.ErrorIs(t, err, contract.ErrInvalid, name)
	}
}

func TestSignatureOfAnAnnexCoversEverything(t *testing.T) {
	d := contracttest.Description(4, 3)
	for name, change := range map[string]func(*contract.Annex){
		"version":  func(a *contract.Annex) { a.Version++ },
		"network":  func(a *contract.Annex) { a.Network = "other" },
		"contract": func(a *contract.Annex) { a.Contract = contracttest.Key(1).Public() },
		"epoch":    func(a *contract.Annex) { a.Epoch++ },
		"core":     func(a *contract.Annex) { a.Core[0] ^= 1 },
		"sealed":   func(a *contract.Annex) { a.SealedAt++ },
		"late":     func(a *contract.Annex) { a.Late = a.Late[1:] },
		"messages": func(a *contract.Annex) { a.Messages = nil },
		"results":  func(a *contract.Annex) { a.Results = [][]byte{{1}} },
		"refused":  func(a *contract.Annex) { a.Refused = nil },
		"dropped":  func(a *contract.Annex) { a.Dropped++ },
		"reports":  func(a *contract.Annex) { a.DoubleReports = nil },
		"blocks":   func(a *contract.Annex) { a.DoubleBlocks = nil },
	} {
		a := annex(d, core(d, 2))
		require.True(t, a.Verify())
		change(&a)
		require.False(t, a.Verify(), name)
	}
}

// Whatever decodes is encoded again as the same bytes, and opening it does not panic.
func FuzzAnnex(f *testing.F) {
	d := contracttest.Description(4, 3)
	c := core(d, 2)
	f.Add(annex(d, c).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := contract.DecodeAnnex(data)
		if err != nil {
			return
		}
		if again := a.Encode(); !bytes.Equal(again, data) {
			t.Fatalf("%x decodes, but is encoded as %x", data, again)
		}
		a.Core = c.Digest()
		if _, err := a.Open(c); err == nil && a.Contract == (keys.Public{}) {
			t.Fatal("opened an annex of nobody")
		}
	})
}

// The document's vectors are those of the committed files.
func TestDocumentStatesTheVectors(t *testing.T) {
	document, err := os.ReadFile("../docs/BUNDLE.md")
	require.NoError(t, err)
	d := contracttest.Description(4, 3)
	c := core(d, 2)
	s, err := contract.DecodeSubmission(c.Submission, len(c.Submission))
	require.NoError(t, err)
	evidence := contracttest.Evidence(d, 2)
	r, err := contract.DecodeRecord(c.Record)
	require.NoError(t, err)
	missed, err := contract.DecodeRecord(missedCore(d).Record)
	require.NoError(t, err)
	public := d.ContractKey
	for _, row := range [][2]string{
		{"contract key", hex.EncodeToString(public[:])},
		{"group ID", d.Group.ID().String()},
		{"description hash", d.Hash().String()},
		{"ID of the first message", evidence.Block.Messages[0].ID().String()},
		{"root of the messages", hex.EncodeToString(evidence.Block.Header.Root[:])},
		{"block ID", evidence.Block.ID().String()},
		{"hash of the rewards", contract.HashRewards(d.Network, d.Epoch, c.Rewards).String()},
		{"digest of the submission", contract.Digest(s.Encode()).String()},
		{"hash of the record", r.Hash().String()},
		{"hash of the missed epoch's record", missed.Hash().String()},
		{"digest of the core", c.Digest().String()},
		{"digest of the annex", contract.Digest(annex(d, c).Encode()).String()},
	} {
		require.Contains(t, string(document), "| "+row[0]+" | `"+row[1]+"` |")
	}
}

// Sealing and opening an annex of 240 mixnodes with nine late submissions.
func BenchmarkAnnex(b *testing.B) {
	d := contracttest.Description(10, 240)
	c := core(d, 1)
	all := collected(d, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	a, err := all.Seal(c, d.End+2000, contracttest.ContractKey())
	require.NoError(b, err)
	encoded := a.Encode()
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			if _, err := all.Seal(c, d.End+2000, contracttest.ContractKey()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			a, err := contract.DecodeAnnex(encoded)
			if err == nil {
				_, err = a.Open(c)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
