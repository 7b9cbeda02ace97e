package check_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

const (
	storyMembers  = 4
	storyMixnodes = 3
	storyEpochs   = 6
	missedEpoch   = 4
	carriedEpoch  = 3 // m0002 has too few reports
)

// bundle is a settled epoch with what its parts are made of, so that a forger can make others.
type bundle struct {
	d       contract.Description
	creator int // number of the winner
	s       contract.Submission
	rewards []contract.Reward
	receipt contract.Receipt
	record  contract.Record
	late    []contract.Submission
	annex   contract.Annex
	core    contract.Core
}

// story is a contract of four Nym-APIs that has settled six epochs: the fourth was missed, and in
// the third a mixnode is paid an old value. Three members submit.
type story struct {
	epochs []*bundle
	states []contract.State
	values verify.Values
	heads  map[int]block.Block
	// changes of a forger, before anything is signed about an epoch
	description func(*contract.Description)
	messages    func(d contract.Description, creator int, m []block.Message) []block.Message
	settled     func(*bundle) // before receipt and record are signed
}

func newStory() *story {
	return &story{states: []contract.State{{}}, values: verify.Values{}, heads: map[int]block.Block{}}
}

// told returns the whole story.
func told() *story {
	s := newStory()
	for _, b := range honest().epochs {
		own := *b
		own.late = slices.Clone(b.late)
		s.epochs = append(s.epochs, &own)
	}
	return s
}

// honest is told once, because it takes many signatures.
var honest = sync.OnceValue(func() *story { return newStory().tell(storyEpochs) })

func (s *story) tell(epochs int) *story {
	for range epochs {
		s.next()
	}
	return s
}

// number is that of the epoch to come.
func (s *story) number() contract.Epoch { return contract.Epoch(len(s.epochs) + 1) }

func (s *story) next() *bundle {
	d := contracttest.Description(storyMembers, storyMixnodes)
	d.Epoch = s.number()
	shift := contract.Millis(d.Epoch-1) * 1000
	d.Start, d.End = d.Start+shift, d.End+shift
	d.Rules.Estimator = metrics.WeightedByHistory().Name()
	d.State = s.states[max(0, len(s.states)-2)] // the epoch before is open when this one begins
	if s.description != nil {
		s.description(&d)
	}
	b := &bundle{d: d}
	if d.Epoch != missedEpoch {
		b.creator = 1 + int(d.Epoch)%storyMembers
		b.s = s.submit(d, b.creator)
		for _, other := range contracttest.Numbers(storyMembers)[:3] {
			if other != b.creator {
				b.late = append(b.late, s.submit(d, other))
			}
		}
	}
	s.settle(b)
	b.seal()
	s.epochs = append(s.epochs, b)
	return b
}

// submit returns what a member submits: a block of its own chain.
func (s *story) submit(d contract.Description, creator int) contract.Submission {
	reporters := contracttest.Numbers(storyMembers)
	if creator == 2 {
		reporters = reporters[:3] // one report came too late for it
	}
	messages := make([]block.Message, len(reporters))
	for i, number := range reporters {
		r := contracttest.Report(d, number)
		if d.Epoch == carriedEpoch && number > 2 {
			r.Values[1] = metrics.Missing
		}
		messages[i] = contracttest.Message(d, number, r)
	}
	if s.messages != nil {
		messages = s.messages(d, creator, messages)
	}
	b := s.block(d, creator, messages)
	return contracttest.Submit(d, creator, &contract.Evidence{Block: b, Certificate: contracttest.Certify(d, b, 1, 2, 3)})
}

func (s *story) block(d contract.Description, creator int, messages []block.Message) block.Block {
	height, parent := uint64(1), block.ID{}
	if before, ok := s.heads[creator]; ok {
		height, parent = before.Header.Height+1, before.ID()
	}
	b := block.New(d.Group, contracttest.Key(creator).Public(), height, parent, int64(d.End), messages)
	b.Signature = contracttest.Key(creator).Sign(b.Header.SigningBytes())
	s.heads[creator] = b
	return b
}

// settle makes what the contract signs about an epoch.
func (s *story) settle(b *bundle) {
	d := b.d
	b.record = contract.Record{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Status: contract.StatusMissed, Reason: "nobody submitted", SettledAt: d.End + 3000, Origin: contract.OriginSettlement,
	}
	if len(s.epochs) > 0 {
		b.record.Previous = s.epochs[len(s.epochs)-1].record.Hash()
	}
	var matrix metrics.Matrix
	if d.Epoch != missedEpoch {
		v, err := verify.Certified(d, b.s)
		if err != nil {
			panic(err)
		}
		claimed, err := metrics.DecodeResult(b.s.Result, metrics.LimitsFor(len(d.Mixnodes)))
		if err != nil {
			panic(err)
		}
		b.rewards = s.values.Fill(d, claimed)
		s.values.Learn(d.Epoch, claimed)
		matrix = v.Matrix
		b.receipt = contract.Receipt{
			Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: v.BlockID(), Submitter: b.s.Submitter, AcceptedAt: d.End + 12,
		}
	}
	if s.settled != nil {
		s.settled(b)
	}
	b.sign()
	s.states = append(s.states, s.states[len(s.states)-1].After(b.record, d, matrix))
}

// sign makes receipt, record and core of the parts.
func (b *bundle) sign() {
	key := contracttest.ContractKey()
	b.core = contract.Core{Version: contract.CoreVersion, Description: b.d.Encode()}
	if b.rewards != nil {
		rewards := contract.HashRewards(b.d.Network, b.d.Epoch, b.rewards)
		b.receipt.Rewards = rewards
		b.receipt = b.receipt.Sign(key)
		b.record.Status, b.record.Reason, b.record.SettledAt = contract.StatusRewarded, "", b.receipt.AcceptedAt
		b.record.Rewards, b.record.Submission = rewards, contract.Digest(b.s.Encode())
		b.core.Submission, b.core.Rewards, b.core.Receipt = b.s.Encode(), b.rewards, b.receipt.Encode()
	}
	b.record = b.record.Sign(key)
	b.core.Record = b.record.Encode()
}

// seal makes the annex of the core.
func (b *bundle) seal() {
	var all contract.Collected
	for i, s := range b.late {
		all.Late = append(all.Late, contract.Received{Submission: s.Encode(), At: b.d.End + 20 + contract.Millis(i)})
	}
	all.Refused = []contract.Refused{{
		Submitter: contracttest.Key(4).Public(), ReceivedAt: b.d.End + 30, Bytes: 7, Verdict: contract.VerdictInvalid, Type: contract.WrongResult.Type(), Reason: "wrong",
	}}
	var err error
	if b.annex, err = all.Seal(b.core, b.d.End+3000, contracttest.ContractKey()); err != nil {
		panic(err)
	}
}

func (b *bundle) evidence() check.Evidence {
	return check.Evidence{Source: "epoch-" + b.d.Epoch.String() + ".core", Core: b.core.Encode(), Annex: b.annex.Encode()}
}

// trusted is what somebody knows who was given the group and the contract's key.
func trusted() check.Config {
	names := map[keys.Public]string{}
	for _, p := range contracttest.Peers(storyMembers) {
		names[p.Key] = p.Name
	}
	return check.Config{
		Group: contracttest.Group(storyMembers).ID(), Contract: contracttest.ContractKey().Public(), Names: names, Consecutive: true, First: 1,
	}
}

// verifyAll checks all bundles of a story.
func (s *story) verifyAll(config check.Config) ([]check.Report, check.Summary) {
	v := check.New(config)
	var reports []check.Report
	for _, b := range s.epochs {
		reports = append(reports, v.Next(b.evidence()))
	}
	return reports, v.Summary()
}

// finding returns what the check with that name found.
func finding(t testing.TB, r check.Report, name string) check.Finding {
	at := slices.IndexFunc(r.Findings, func(f check.Finding) bool { return f.Name == name })
	require.GreaterOrEqual(t, at, 0, "no check %q in %v", name, r.Findings)
	return r.Findings[at]
}
