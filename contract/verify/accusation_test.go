package verify_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// second returns a report of a Nym-API for d that differs from contracttest.Report.
func second(t require.TestingT, d contract.Description, number int) block.Message {
	r := contracttest.Report(d, number)
	r.Values[0]++
	return contracttest.Message(d, number, r)
}

// accusations returns a file of each kind that convicts Nym-API 2, or the contract.
func accusations(t require.TestingT) map[evidence.Kind]evidence.File {
	d := contracttest.Description(4, 3)
	one := contracttest.Block(d, 2, contracttest.Messages(d, 1, 2, 3))
	other := contracttest.Block(d, 2, contracttest.Messages(d, 2, 3, 4))
	receipt := contract.Receipt{Network: contracttest.Network, Epoch: 3, Submitter: contracttest.Key(1).Public(), AcceptedAt: 5}
	again := receipt
	again.AcceptedAt++
	key := contracttest.ContractKey()
	return map[evidence.Kind]evidence.File{
		evidence.TwoHeaders:  evidence.OfHeaders(one.SignedHeader, other.SignedHeader),
		evidence.TwoMessages: evidence.OfMessages(contracttest.Message(d, 2, contracttest.Report(d, 2)), second(t, d, 2)),
		evidence.Fork:        evidence.OfCertificates(contracttest.Certify(d, one, 1, 2, 3), contracttest.Certify(d, other, 2, 3, 4)),
		contract.TwoReceipts: contract.Equivocation{First: receipt.Sign(key), Second: again.Sign(key)}.File(),
	}
}

func known() verify.Accused {
	return verify.Accused{Group: contracttest.Group(4), Contract: contracttest.ContractKey().Public()}
}

func call(key keys.Public) string {
	for number := range 9 {
		if contracttest.Key(number).Public() == key {
			return fmt.Sprintf("nymapi-%d", number)
		}
	}
	return "somebody"
}

func TestAccusationsNameOffenceAndCulprit(t *testing.T) {
	sentences := map[evidence.Kind]string{
		evidence.TwoHeaders:  "nymapi-2 signed two headers at height 1 of its chain",
		evidence.TwoMessages: "nymapi-2 signed two reports for epoch 1",
		evidence.Fork:        "2 members signed two blocks at height 1 of the chain of nymapi-2",
		contract.TwoReceipts: "the contract signed two receipts for epoch 3",
	}
	names := map[evidence.Kind]string{
		evidence.TwoHeaders:  `^two-headers-[0-9a-f]{16}-group-[0-9a-f]{8}-height-1\.evidence$`,
		evidence.TwoMessages: `^two-reports-[0-9a-f]{16}-epoch-1\.evidence$`,
		evidence.Fork:        `^fork-[0-9a-f]{16}-group-[0-9a-f]{8}-height-1\.evidence$`,
		contract.TwoReceipts: `^two-receipts-[0-9a-f]{16}-epoch-3\.evidence$`,
	}
	for kind, file := range accusations(t) {
		for _, accused := range []verify.Accused{known(), {Group: known().Group}} {
			accusation, err := verify.Accuse(file, accused)
			require.NoError(t, err, kind)
			require.Equal(t, sentences[kind], accusation.Sentence(call))
			require.Equal(t, contracttest.Network, accusation.Network)
			require.NotEqual(t, accusation.Signed[0], accusation.Signed[1])
			require.Regexp(t, names[kind], accusation.FileName())
			switch kind {
			case contract.TwoReceipts:
				require.Equal(t, []keys.Public{contracttest.ContractKey().Public()}, accusation.Culprits)
			default:
				require.Contains(t, accusation.Culprits, contracttest.Key(2).Public())
			}
		}
	}
}

// Nobody is convicted of what a correct Nym-API or contract may sign.
func TestWhatACorrectOneSignsConvictsNobody(t *testing.T) {
	d := contracttest.Description(4, 3)
	first := contracttest.Message(d, 2, contracttest.Report(d, 2))
	next := d
	next.Epoch++
	again := d
	again.End++
	elsewhere := second(t, again, 2) // of another contract with the same network
	key := contracttest.ContractKey()
	receipt := contract.Receipt{Network: contracttest.Network, Epoch: 3, AcceptedAt: 5}
	change := func(f func(*contract.Receipt)) contract.Receipt {
		r := receipt
		f(&r)
		return r.Sign(key)
	}
	two := func(other contract.Receipt) evidence.File {
		return contract.Equivocation{First: receipt.Sign(key), Second: other}.File()
	}
	for why, file := range map[string]evidence.File{
		"name two descriptions":      evidence.OfMessages(first, elsewhere),
		"two labels":                 evidence.OfMessages(first, second(t, next, 2)),
		"not a report":               evidence.OfMessages(first, message(t, 2, d.Label(), []byte("garbage"))),
		"is not that of an epoch":    evidence.OfMessages(message(t, 2, "greeting", []byte("a")), message(t, 2, "greeting", []byte("b"))),
		"two senders":                evidence.OfMessages(first, second(t, d, 3)),
		"both messages are":          evidence.OfMessages(first, first),
		"is not a member of group 1": evidence.OfMessages(contracttest.Message(d, 5, contracttest.Report(d, 5)), second(t, d, 5)),
		"they state the same":        two(receipt.Sign(key)),
		"for epoch 3 of network":     two(change(func(r *contract.Receipt) { r.Epoch++ })),
		"one is of contract":         two(receipt.Sign(contracttest.Key(1))),
		"are of network \"other\"": contract.Equivocation{
			First: change(func(r *contract.Receipt) { r.Network = "other" }), Second: change(func(r *contract.Receipt) { r.Network, r.AcceptedAt = "other", 9 }),
		}.File(),
		"receipt: ": evidence.New(contract.TwoReceipts, []byte{1}, []byte{2}),
		"its kind":  evidence.New("evidence/two-dreams", []byte{1}, []byte{2}),
	} {
		_, err := verify.Accuse(file, known())
		require.ErrorIs(t, err, evidence.ErrProvesNothing, why)
		require.ErrorContains(t, err, why)
	}
	_, err := verify.Accuse(accusations(t)[contract.TwoReceipts], verify.Accused{Contract: contracttest.Key(1).Public()})
	require.ErrorIs(t, err, evidence.ErrProvesNothing)
}

// No byte of an accusation is without effect.
func TestEveryFlippedByteOfAnAccusationIsNoticed(t *testing.T) {
	for kind, file := range accusations(t) {
		data := file.Encode()
		for i := range data {
			changed := bytes.Clone(data)
			changed[i] ^= 1 << (i % 8)
			back, err := evidence.Decode(changed)
			if err == nil {
				_, err = verify.Accuse(back, known())
			}
			require.Error(t, err, "%s: byte %d", kind, i)
		}
	}
}

func FuzzAccuse(f *testing.F) {
	for _, file := range accusations(f) {
		f.Add(file.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := evidence.Decode(data)
		if err != nil {
			return
		}
		accusation, err := verify.Accuse(file, known())
		if err != nil {
			require.ErrorIs(t, err, evidence.ErrProvesNothing)
			return
		}
		for _, culprit := range accusation.Culprits {
			require.True(t, known().Group.Contains(culprit) || culprit == known().Contract)
		}
		require.NotEmpty(t, accusation.Sentence(call))
	})
}
