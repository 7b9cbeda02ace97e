package verify_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// unsigned returns a block for Matrix, which does not check signatures.
func unsigned(d contract.Description, messages []block.Message) block.Block {
	return block.New(d.Group, contracttest.Key(1).Public(), 1, block.ID{}, 0, messages)
}

func resultOf(t require.TestingT, d contract.Description, messages []block.Message) metrics.Result {
	matrix, _, err := verify.Matrix(unsigned(d, messages), d)
	require.NoError(t, err)
	result, err := verify.Result(matrix, d)
	require.NoError(t, err)
	return result
}

func message(t require.TestingT, signer int, label string, payload []byte) block.Message {
	m, err := block.NewMessage(contracttest.Key(signer), contracttest.Network, label, payload, 1)
	require.NoError(t, err)
	return m
}

// garbage returns messages that do not count in any block that holds the reports of members 1..n
// before them.
func garbage(t require.TestingT, d contract.Description) []block.Message {
	n := d.Group.N()
	later, fewer := d, contracttest.Report(d, 1)
	later.Epoch = 2
	fewer.Mixnodes, fewer.Values = fewer.Mixnodes[1:], fewer.Values[1:]
	second := contracttest.Report(d, 1)
	second.Values = slices.Repeat([]metrics.Uptime{0}, len(second.Values))
	return []block.Message{
		message(t, 1, d.Label(), []byte("garbage")),
		message(t, 2, d.Label(), nil),
		message(t, 1, "other", []byte{0x83}),
		contracttest.Message(d, n+1, contracttest.Report(d, n+1)), // not a member
		contracttest.Message(d, 1, contracttest.Report(later, 1)), // of another epoch
		contracttest.Message(d, 1, fewer),
		contracttest.Message(d, 1, second),
	}
}

func TestOrderOfReportsNeverChangesTheResult(t *testing.T) {
	d := contracttest.Description(7, 6)
	messages := contracttest.Messages(d, contracttest.Numbers(7)...)
	expected := resultOf(t, d, messages)
	rapid.Check(t, func(t *rapid.T) {
		require.Equal(t, expected, resultOf(t, d, rapid.Permutation(messages).Draw(t, "messages")))
	})
}

func TestGarbageChangesNothing(t *testing.T) {
	d := contracttest.Description(7, 6)
	reports := contracttest.Messages(d, 2, 3, 4, 5, 6)
	reports = append([]block.Message{contracttest.Message(d, 1, contracttest.Report(d, 1))}, reports...)
	expected := resultOf(t, d, reports)
	rapid.Check(t, func(t *rapid.T) {
		messages := slices.Clone(reports)
		for _, g := range rapid.Permutation(garbage(t, d)).Draw(t, "garbage") {
			// After the report of member 1, because the first of two reports by one member counts.
			at := rapid.IntRange(1, len(messages)).Draw(t, "place")
			messages = slices.Insert(messages, at, g)
		}
		payload := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "payload")
		messages = append(messages, message(t, rapid.IntRange(1, 7).Draw(t, "sender"), d.Label(), payload))
		require.Equal(t, expected, resultOf(t, d, messages))
	})
}

func TestTheFirstOfTwoReportsByOneMemberCounts(t *testing.T) {
	d := contracttest.Description(4, 3)
	first, second := contracttest.Report(d, 1), contracttest.Report(d, 1)
	second.Values = []metrics.Uptime{1, 2, 3}
	a, b := contracttest.Message(d, 1, first), contracttest.Message(d, 1, second)
	rest := contracttest.Messages(d, 2, 3)
	matrix, reporters, err := verify.Matrix(unsigned(d, append([]block.Message{b, a}, rest...)), d)
	require.NoError(t, err)
	require.Equal(t, b.ID(), reporters[0].Message)
	at := slices.IndexFunc(matrix.Rows, func(r metrics.Row) bool { return r.Reporter == contracttest.Key(1).Public().PeerID() })
	require.Equal(t, second.Values, matrix.Rows[at].Values)
}

// A report names the description that it was made for, so a replayed report of an earlier epoch
// does not count.
func TestReplayedReportDoesNotCount(t *testing.T) {
	earlier := contracttest.Description(4, 3)
	d := earlier
	d.Epoch, d.Start, d.End = earlier.Epoch+1, earlier.End, earlier.End+(earlier.End-earlier.Start)
	fresh := contracttest.Messages(d, 1, 2, 3)
	replayed := contracttest.Message(earlier, 4, contracttest.Report(earlier, 4))
	with, reporters, err := verify.Matrix(contracttest.Block(d, 1, append([]block.Message{replayed}, fresh...)), d)
	require.NoError(t, err)
	require.Len(t, reporters, 3)
	without, _, err := verify.Matrix(contracttest.Block(d, 1, fresh), d)
	require.NoError(t, err)
	require.Equal(t, without, with)
	_, _, err = verify.Matrix(contracttest.Block(d, 1, append([]block.Message{replayed}, fresh[:2]...)), d)
	require.ErrorIs(t, err, verify.ErrTooFewReports, "it does not replace a missing one")
}

func TestLabelsMakeNoDifference(t *testing.T) {
	d := contracttest.Description(4, 3)
	encoded, err := contracttest.Report(d, 1).Encode()
	require.NoError(t, err)
	messages := append(contracttest.Messages(d, 2, 3, 4), message(t, 1, "something else", encoded))
	require.Equal(t, resultOf(t, d, contracttest.Messages(d, 1, 2, 3, 4)), resultOf(t, d, messages))
}

func TestBlockNeedsTheReportsOfAllButF(t *testing.T) {
	for n, need := range map[int]int{1: 1, 2: 2, 3: 3, 4: 3, 7: 5, 10: 7} {
		d := contracttest.Description(n, 2)
		_, reporters, err := verify.Matrix(unsigned(d, contracttest.Messages(d, contracttest.Numbers(need)...)), d)
		require.NoError(t, err)
		require.Len(t, reporters, need)
		_, _, err = verify.Matrix(unsigned(d, contracttest.Messages(d, contracttest.Numbers(need-1)...)), d)
		require.ErrorIs(t, err, verify.ErrTooFewReports)
		require.ErrorIs(t, err, verify.ErrNotOfEpoch)
	}
	d, other := contracttest.Description(4, 2), contracttest.Description(5, 2)
	_, _, err := verify.Matrix(unsigned(other, contracttest.Messages(d, 1, 2, 3, 4)), d)
	require.ErrorIs(t, err, verify.ErrNotOfEpoch)
	require.NotErrorIs(t, err, verify.ErrTooFewReports)
}

func TestColumnBelowCoverageHasNoValue(t *testing.T) {
	d := contracttest.Description(4, 2)
	var messages []block.Message
	for i := range 4 {
		r := contracttest.Report(d, i+1)
		if i > 1 {
			r.Values[0] = metrics.Missing
		}
		messages = append(messages, contracttest.Message(d, i+1, r))
	}
	result := resultOf(t, d, messages)
	require.Equal(t, []metrics.Uptime{metrics.Missing, 9026}, result.Values)
	require.Equal(t, []uint16{2, 4}, result.Reports)
}

func TestUnknownEstimatorIsAnError(t *testing.T) {
	d := contracttest.Description(4, 2)
	matrix, _, err := verify.Matrix(unsigned(d, contracttest.Messages(d, 1, 2, 3)), d)
	require.NoError(t, err)
	d.Rules.Version++
	_, err = verify.Result(matrix, d)
	require.ErrorIs(t, err, contract.ErrInvalid)
	d.Rules.Estimator = "oracle"
	_, err = verify.Result(matrix, d)
	require.ErrorIs(t, err, contract.ErrInvalid)
}

func TestJustifiedSubmissionIsVerified(t *testing.T) {
	for _, n := range []int{1, 2, 4, 10} {
		d := contracttest.Description(n, 8)
		v, err := verify.Submission(d, contracttest.Submission(d, n))
		require.NoError(t, err)
		require.Len(t, v.Reporters, n)
		require.Len(t, v.Signers, d.Group.Q())
		require.Equal(t, v.Block.ID(), v.BlockID())
	}
}

func TestCountsOfReportsAreComparedToo(t *testing.T) {
	d := contracttest.Description(4, 2)
	e := contracttest.Evidence(d, 1)
	result := contracttest.Result(d, e)
	result.Reports[1] = 3
	s, err := contract.NewSubmission(contracttest.Key(1), d, result, e)
	require.NoError(t, err)
	_, err = verify.Submission(d, s)
	require.ErrorIs(t, err, contract.WrongResult)
	require.EqualError(t, err, "mixnode m0002: submitted with 3 values, the block holds 4")
}

func TestEveryChangedBitOfASubmissionIsDetected(t *testing.T) {
	d := contracttest.Description(4, 2)
	good := contracttest.Submission(d, 1).Encode()
	var remembered verify.Messages
	for creator := 1; creator <= 2; creator++ {
		alone, err := verify.Submission(d, contracttest.Submission(d, creator))
		require.NoError(t, err)
		together, err := remembered.Submission(d, contracttest.Submission(d, creator))
		require.NoError(t, err)
		require.Equal(t, alone, together)
	}
	rapid.Check(t, func(t *rapid.T) {
		bad := slices.Clone(good)
		bit := rapid.IntRange(0, 8*len(good)-1).Draw(t, "bit")
		bad[bit/8] ^= 1 << (bit % 8)
		s, err := contract.DecodeSubmission(bad, len(bad))
		if err != nil {
			return
		}
		_, err = verify.Submission(d, s)
		require.Error(t, err)
		_, err = remembered.Submission(d, s)
		require.Error(t, err, "among others about the epoch")
	})
}

func TestSingleResultIsMadeOfOneReport(t *testing.T) {
	d := contracttest.Description(4, 2)
	d.Rules.Mode, d.Rules.Authorised = contract.ModeSingle, contracttest.Key(3).Public()
	for _, c := range []struct {
		values  []metrics.Uptime
		reports []uint16
		ok      bool
	}{
		{[]metrics.Uptime{5, metrics.Missing}, []uint16{1, 0}, true},
		{[]metrics.Uptime{5, 6}, []uint16{1, 2}, false},
		{[]metrics.Uptime{5, 6}, []uint16{1, 0}, false},
		{[]metrics.Uptime{5, metrics.Missing}, []uint16{1, 1}, false},
	} {
		s, err := contract.NewSubmission(contracttest.Key(3), d, metrics.Result{Mixnodes: d.Mixnodes, Values: c.values, Reports: c.reports}, nil)
		require.NoError(t, err)
		_, err = verify.Submission(d, s)
		if c.ok {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, contract.WrongResult)
		}
	}
	alone := metrics.Result{Mixnodes: d.Mixnodes, Values: []metrics.Uptime{5, 6}, Reports: []uint16{1, 1}}
	s, err := contract.NewSubmission(contracttest.Key(3), d, alone, contracttest.Evidence(d, 3))
	require.NoError(t, err)
	_, err = verify.Submission(d, s)
	require.ErrorIs(t, err, contract.BadEvidence, "a block proves nothing here")
}

// core returns the evidence of an epoch as a contract stores it. Its record names none before.
func core(d contract.Description, creator int, values verify.Values) contract.Core {
	s := contracttest.Submission(d, creator)
	v, err := verify.Submission(d, s)
	if err != nil {
		panic(err)
	}
	rewards := values.Fill(d, v.Result)
	receipt := contract.Receipt{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: v.BlockID(),
		Rewards: contract.HashRewards(d.Network, d.Epoch, rewards), Submitter: s.Submitter, AcceptedAt: d.End,
	}.Sign(contracttest.ContractKey())
	c := contract.Core{Version: contract.CoreVersion, Description: d.Encode(), Submission: s.Encode(), Receipt: receipt.Encode(), Rewards: rewards}
	r := recordOf(c)
	if d.Epoch > 1 {
		r.Previous = contract.Hash{1}
	}
	c.Record = r.Sign(contracttest.ContractKey()).Encode()
	return c
}

func TestAuditDetectsEveryChange(t *testing.T) {
	d := contracttest.Description(4, 3)
	good := core(d, 2, nil)
	audited, err := verify.Audit(good)
	require.NoError(t, err)
	require.Equal(t, contracttest.Key(2).Public(), audited.Submission.Submitter)
	old := good
	old.Version, old.Record = 1, nil
	audited, err = verify.Audit(old)
	require.NoError(t, err, "a file of an earlier version")
	require.Zero(t, audited.Record)

	resign := func(b contract.Core, change func(*contract.Receipt)) contract.Core {
		r, err := contract.DecodeReceipt(b.Receipt)
		require.NoError(t, err)
		change(&r)
		b.Receipt = r.Sign(contracttest.ContractKey()).Encode()
		return b
	}
	with := func(change func(*contract.Core)) contract.Core {
		c := good
		change(&c)
		return c
	}
	paid := func(change func([]contract.Reward)) contract.Core {
		b := good
		b.Rewards = slices.Clone(good.Rewards)
		change(b.Rewards)
		return resign(b, func(r *contract.Receipt) { r.Rewards = contract.HashRewards(d.Network, d.Epoch, b.Rewards) })
	}
	stolen := resign(good, func(*contract.Receipt) {})
	r, err := contract.DecodeReceipt(good.Receipt)
	require.NoError(t, err)
	stolen.Receipt = r.Sign(contracttest.Key(9)).Encode()
	other := d
	other.Epoch = 2
	for name, b := range map[string]contract.Core{
		"rewards changed without the receipt": with(func(c *contract.Core) { c.Rewards = c.Rewards[:2] }),
		"another value is paid":               paid(func(r []contract.Reward) { r[0].Value++ }),
		"another number of reports":           paid(func(r []contract.Reward) { r[0].Reports-- }),
		"another mixnode":                     paid(func(r []contract.Reward) { r[0].Mixnode = "m0000" }),
		"a fresh value is replaced":           paid(func(r []contract.Reward) { r[0].Value, r[0].CarriedFrom = 1, 1 }),
		"another contract's receipt":          stolen,
		"a receipt for another submitter":     resign(good, func(r *contract.Receipt) { r.Submitter = contracttest.Key(1).Public() }),
		"a receipt for another block":         resign(good, func(r *contract.Receipt) { r.Block[0] ^= 1 }),
		"a receipt for another epoch":         resign(good, func(r *contract.Receipt) { r.Epoch = 7 }),
		"another description":                 with(func(c *contract.Core) { c.Description = other.Encode() }),
		"another submission":                  with(func(c *contract.Core) { c.Submission = contracttest.Submission(d, 1).Encode() }),
		"another contract's record":           with(func(c *contract.Core) { c.Record = recordOf(good).Sign(contracttest.Key(9)).Encode() }),
		"a forged record": with(func(c *contract.Core) {
			c.Record = slices.Clone(c.Record)
			c.Record[len(c.Record)-1] ^= 1
		}),
		"a record of another submission": with(func(c *contract.Core) {
			r := recordOf(good)
			r.Submission[0] ^= 1
			c.Record = r.Sign(contracttest.ContractKey()).Encode()
		}),
		"nothing": {},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify.Audit(b)
			require.ErrorIs(t, err, verify.ErrMismatch)
		})
	}
}

func TestRefusalsWrapTheirCause(t *testing.T) {
	d := contracttest.Description(4, 2)
	b := contracttest.Block(d, 1, contracttest.Messages(d, 1))
	s, err := contract.NewSubmission(contracttest.Key(1), d, contracttest.SingleResult(contracttest.Report(d, 1)),
		&contract.Evidence{Block: b, Certificate: contracttest.Certify(d, b, 1, 2, 3)})
	require.NoError(t, err)
	_, err = verify.Submission(d, s)
	require.ErrorIs(t, err, contract.TooFewReports)
	require.ErrorIs(t, err, verify.ErrTooFewReports)
	require.NotErrorIs(t, err, contract.NotCertified)
}

// The target for one verification with ten members and 240 mixnodes is 5 ms.
func BenchmarkSubmission(b *testing.B) {
	for _, n := range []int{4, 10} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			d := contracttest.Description(n, 240)
			encoded := contracttest.Submission(d, 1).Encode()
			b.SetBytes(int64(len(encoded)))
			for b.Loop() {
				s, err := contract.DecodeSubmission(encoded, len(encoded))
				if err == nil {
					_, err = verify.Submission(d, s)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
