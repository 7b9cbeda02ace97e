// Package contracttest makes signed data for tests: groups, descriptions, reports, certified blocks
// and submissions. All keys come from fixed seeds, so two runs produce the same bytes. Only tests
// import it.
//
// The package is unstable: it is public only because the modules of this repository share it.
package contracttest

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Network is the name of the network of all test data.
const Network = "contract-test"

// Key returns the key of the Nym-API with that number, from 1.
func Key(number int) keys.Private {
	return keys.FromSeed([32]byte{'n', 'y', 'm', byte(number >> 8), byte(number)})
}

// ContractKey returns the key of the test contract.
func ContractKey() keys.Private {
	return keys.FromSeed([32]byte{'c', 'o', 'n', 't', 'r', 'a', 'c', 't'})
}

// Peers returns n Nym-APIs, called nymapi-1 to nymapi-n.
func Peers(n int) []membership.Peer {
	peers := make([]membership.Peer, n)
	for i := range peers {
		peers[i] = membership.Peer{
			Key: Key(i + 1).Public(), Name: fmt.Sprintf("nymapi-%d", i+1), Addresses: []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", 30001+i)},
		}
	}
	return peers
}

// Group returns group 1, whose members are n Nym-APIs.
func Group(n int) *membership.Group {
	members := make([]keys.Public, n)
	for i := range members {
		members[i] = Key(i + 1).Public()
	}
	return must(membership.NewGroup(Network, 1, members, membership.Limits{}))
}

// Mixnodes returns n names, m0001 and so on.
func Mixnodes(n int) []metrics.MixID {
	ids := make([]metrics.MixID, n)
	for i := range ids {
		ids[i] = metrics.MixID(fmt.Sprintf("m%04d", i+1))
	}
	return ids
}

// Description returns epoch 1 of n Nym-APIs and that many mixnodes, rewarded by the median in
// ModeFull. Its window is one second.
func Description(n, mixnodes int) contract.Description {
	group := Group(n)
	return contract.Description{
		Version: contract.DescriptionVersion, Network: Network, ContractKey: ContractKey().Public(), Epoch: 1, Start: 1_700_000_000_000, End: 1_700_000_001_000,
		Group: group, Mixnodes: Mixnodes(mixnodes),
		Rules: contract.Rules{
			Estimator: "median", Version: 1, Coverage: uint16(metrics.Coverage(group.F())), CarryLimit: 3, Mode: contract.ModeFull,
		},
	}
}

// Report returns the report of a Nym-API for d: around 90.00 for every mixnode.
func Report(d contract.Description, number int) metrics.Report {
	r := metrics.Report{Description: d.Hash(), Mixnodes: d.Mixnodes, Values: make([]metrics.Uptime, len(d.Mixnodes))}
	for i := range r.Values {
		r.Values[i] = metrics.Uptime(9000 + 10*number + i%7)
	}
	return r
}

// Message returns a report as a message, signed by a Nym-API under the epoch's label.
func Message(d contract.Description, number int, r metrics.Report) block.Message {
	return must(block.NewMessage(Key(number), d.Network, d.Label(), must(r.Encode()), int64(d.End)))
}

// Messages returns the reports of the Nym-APIs with these numbers as signed messages.
func Messages(d contract.Description, numbers ...int) []block.Message {
	messages := make([]block.Message, len(numbers))
	for i, number := range numbers {
		messages[i] = Message(d, number, Report(d, number))
	}
	return messages
}

// Numbers returns 1..n.
func Numbers(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}

// Block returns a signed block at height 1 of the creator's chain in the group of d.
func Block(d contract.Description, creator int, messages []block.Message) block.Block {
	b := block.New(d.Group, Key(creator).Public(), 1, block.ID{}, int64(d.End), messages)
	b.Signature = Key(creator).Sign(b.Header.SigningBytes())
	return b
}

// Certify returns the certificate of b with the echoes of the Nym-APIs with these numbers.
func Certify(d contract.Description, b block.Block, numbers ...int) certificate.Certificate {
	signing := certificate.SigningBytes(d.Network, b.Header.Slot(), b.ID())
	signatures := make(map[int]keys.Signature, len(numbers))
	for _, number := range numbers {
		place, member := d.Group.Index(Key(number).Public())
		if !member {
			panic(fmt.Sprintf("contracttest: Nym-API %d is not a member", number))
		}
		signatures[place] = Key(number).Sign(signing)
	}
	return certificate.New(d.Group, b.Header.Slot(), b.ID(), signatures)
}

// Evidence returns a block of the creator with the reports of all members, certified by the first q
// members.
func Evidence(d contract.Description, creator int) *contract.Evidence {
	b := Block(d, creator, Messages(d, Numbers(d.Group.N())...))
	return &contract.Evidence{Block: b, Certificate: Certify(d, b, Numbers(d.Group.Q())...)}
}

// Result returns the result of the block in the evidence.
func Result(d contract.Description, evidence *contract.Evidence) metrics.Result {
	matrix, _, err := verify.Matrix(evidence.Block, d)
	if err != nil {
		panic(err)
	}
	return must(verify.Result(matrix, d))
}

// Submission returns a valid submission of a creator whose block holds the reports of all members.
func Submission(d contract.Description, creator int) contract.Submission {
	return Submit(d, creator, Evidence(d, creator))
}

// Submit returns the submission of a creator with the result of the block in the evidence.
func Submit(d contract.Description, creator int, evidence *contract.Evidence) contract.Submission {
	return must(contract.NewSubmission(Key(creator), d, Result(d, evidence), evidence))
}

// SingleResult returns the result of a single Nym-API with that report.
func SingleResult(r metrics.Report) metrics.Result {
	result := metrics.Result{Mixnodes: r.Mixnodes, Values: r.Values, Reports: make([]uint16, len(r.Mixnodes))}
	for i, v := range r.Values {
		if v != metrics.Missing {
			result.Reports[i] = 1
		}
	}
	return result
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("contracttest: %v", err))
	}
	return v
}
