package pythontest

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

const (
	members  = 4 // of which one may be faulty, and three are a quorum
	mixnodes = 5
)

// chapter is what happens in one epoch.
type chapter struct {
	estimator string
	creator   int   // of the winning block, 0 if the epoch is missed
	parent    bool  // the block is the second one of its creator
	daemon    bool  // the submission is signed by the creator's node
	gap       bool  // too few reports have a value for the third mixnode
	liar      bool  // Nym-API 4 reports much less than the others
	noise     bool  // the block holds messages that do not count
	signers   []int // of the certificate
}

// story is six epochs: the second carries a value, the third is missed, in the fourth and the sixth
// the estimator weighs the reporters by their past, and in the fifth a value is too old to carry.
var story = []chapter{
	{estimator: "median", creator: 2, signers: []int{1, 2, 3}},
	{estimator: "mad", creator: 1, gap: true, liar: true, signers: []int{1, 2, 3, 4}},
	{estimator: "median"},
	{estimator: "wmedian", creator: 3, gap: true, daemon: true, noise: true, liar: true, signers: []int{2, 3, 4}},
	{estimator: "trimmed", creator: 2, parent: true, gap: true, signers: []int{1, 3, 4}},
	{estimator: "wmedian", creator: 4, liar: true, signers: []int{1, 2, 4}},
}

// lies change parts of an epoch before they are signed, so that only the content is wrong. Each may
// be nil.
type lies struct {
	description func(*contract.Description)
	messages    func(contract.Description, []block.Message) []block.Message
	header      func(*block.Header)
	creator     func(*keys.Signature)
	evidence    func(*contract.Evidence)
	result      func(*metrics.Result)
	submission  func(*contract.Submission)
	submitter   func(*keys.Private)
	rewards     func([]contract.Reward)
	receipt     func(*contract.Receipt)
	record      func(*contract.Record)
	contract    func(*keys.Private)
	core        func(*contract.Core)
}

func change[T any](lie func(*T), part *T) {
	if lie != nil {
		lie(part)
	}
}

// teller settles the epochs of a story one after the other, as the contract does.
type teller struct {
	states []contract.State // after each epoch, from the state before the first on
	values verify.Values
	cores  []contract.Core
}

func newTeller() *teller {
	return &teller{states: []contract.State{{}}, values: verify.Values{}}
}

// describe returns the description of the next epoch. It is made while the epoch before is open, so
// it knows the state after the one before that.
func (t *teller) describe() contract.Description {
	number := len(t.cores) + 1
	d := contracttest.Description(members, mixnodes)
	d.Epoch, d.Rules.Estimator = contract.Epoch(number), story[number-1].estimator
	d.Rules.CarryLimit = 3
	d.Start += contract.Millis(number-1) * 1000
	d.End = d.Start + 1000
	d.State = t.states[max(0, number-2)]
	return d
}

// reports returns the messages of the members in the chapter.
func (c chapter) reports(d contract.Description) []block.Message {
	var messages []block.Message
	for _, number := range contracttest.Numbers(members) {
		messages = append(messages, contracttest.Message(d, number, c.report(d, number)))
	}
	if c.noise {
		second := c.report(d, 1)
		second.Values[0] = 0
		stranger := contracttest.Message(d, members+1, c.report(d, 1))
		messages = append([]block.Message{stranger}, append(messages, contracttest.Message(d, 1, second))...)
	}
	return messages
}

func (c chapter) report(d contract.Description, number int) metrics.Report {
	r := contracttest.Report(d, number)
	for i := range r.Values {
		r.Values[i] += metrics.Uptime(31 * int(d.Epoch) * ((number*i)%5 + 1))
		if c.liar && number == members {
			r.Values[i] -= 4000
		}
	}
	if c.gap && number > 2 {
		r.Values[2] = metrics.Missing
	}
	return r
}

// evidence returns the certified block of a creator with these messages.
func (c chapter) evidence(d contract.Description, creator int, messages []block.Message, l lies) *contract.Evidence {
	key := contracttest.Key(creator)
	height, parent := uint64(1), block.ID{}
	if c.parent {
		height, parent = 2, block.ID{7}
	}
	b := block.New(d.Group, key.Public(), height, parent, int64(d.End), messages)
	change(l.header, &b.Header)
	b.Signature = key.Sign(b.Header.SigningBytes())
	change(l.creator, &b.Signature)
	e := &contract.Evidence{Block: b, Certificate: contracttest.Certify(d, b, c.signers...)}
	change(l.evidence, e)
	return e
}

// result returns the result of messages, or of all reports if those are too few.
func (c chapter) result(d contract.Description, messages []block.Message) metrics.Result {
	known := d
	known.Rules.Estimator, known.Rules.Version = c.estimator, 1
	matrix, _, err := verify.Matrix(contracttest.Block(d, 1, messages), d)
	if err != nil {
		matrix, _, err = verify.Matrix(contracttest.Block(d, 1, c.reports(d)), d)
	}
	if err != nil {
		panic(err)
	}
	return must(verify.Result(matrix, known))
}

// submit returns the creator's submission.
func (c chapter) submit(d contract.Description, creator int, messages []block.Message, l lies) contract.Submission {
	if l.messages != nil {
		messages = l.messages(d, messages)
	}
	e := c.evidence(d, creator, messages, l)
	result := c.result(d, messages)
	change(l.result, &result)
	key := contracttest.Key(creator)
	change(l.submitter, &key)
	s := must(contract.NewSubmission(key, d, result, e))
	change(l.submission, &s)
	if c.daemon {
		body := s.Encode()
		body = slices.Concat([]byte{0x88}, body[1:len(body)-2-len(s.Signature)]) // an array of 8
		s.Signature = key.Sign(keys.ApplicationBytes("contract/submission/v1", d.Network, body))
	}
	return s
}

// settle settles the next epoch of the story.
func (t *teller) settle(l lies) {
	d := t.describe()
	c := story[d.Epoch-1]
	change(l.description, &d)
	signer := contracttest.ContractKey()
	change(l.contract, &signer)
	record := contract.Record{
		Network: d.Network, Epoch: d.Epoch, Previous: t.states[d.Epoch-1].Record, Description: d.Hash(), Status: contract.StatusMissed,
		Reason: "nobody submitted a result in time", SettledAt: d.End + 40, Origin: contract.OriginSettlement,
	}
	core := contract.Core{Version: contract.CoreVersion, Description: d.Encode()}
	var matrix metrics.Matrix
	if c.creator != 0 {
		matrix = t.reward(d, &core, &record, c.submit(d, c.creator, c.reports(d), l), l, signer)
	}
	change(l.record, &record)
	record = record.Sign(signer)
	core.Record = record.Encode()
	change(l.core, &core)
	t.cores = append(t.cores, core)
	t.states = append(t.states, t.states[d.Epoch-1].After(record, d, matrix))
}

// reward adds what only a rewarded epoch has.
func (t *teller) reward(d contract.Description, core *contract.Core, record *contract.Record, s contract.Submission, l lies, signer keys.Private) metrics.Matrix {
	result := must(metrics.DecodeResult(s.Result, metrics.LimitsFor(mixnodes)))
	b := must(block.Decode(s.Block, membership.DefaultLimits()))
	core.Submission, core.Rewards = s.Encode(), t.values.Fill(d, result)
	t.values.Learn(d.Epoch, result)
	if l.rewards != nil {
		l.rewards(core.Rewards)
	}
	receipt := contract.Receipt{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: b.ID(), Rewards: contract.HashRewards(d.Network, d.Epoch, core.Rewards),
		Submitter: s.Submitter, AcceptedAt: d.End + 40,
	}
	record.Status, record.Reason, record.Rewards, record.Submission = contract.StatusRewarded, "", receipt.Rewards, contract.Digest(core.Submission)
	change(l.receipt, &receipt)
	core.Receipt = receipt.Sign(signer).Encode()
	matrix, _, err := verify.Matrix(b, d)
	if err != nil { // a lie left too few reports
		return metrics.Matrix{}
	}
	return matrix
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
