package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

const network = "api-test"

// world is a group with the keys of its members.
type world struct {
	keys  []keys.Private
	group *membership.Group
}

func newWorld(t require.TestingT, n int) world {
	w := world{}
	var members []keys.Public
	for i := range n {
		key := keys.FromSeed([32]byte{byte(i + 1)})
		w.keys = append(w.keys, key)
		members = append(members, key.Public())
	}
	var err error
	w.group, err = membership.NewGroup(network, 1, members, membership.Limits{})
	require.NoError(t, err)
	return w
}

// entry returns a certified block of the first member with messages of these payloads.
func (w world) entry(t require.TestingT, payloads ...[]byte) api.Entry {
	var messages []block.Message
	for i, payload := range payloads {
		m, err := block.NewMessage(w.keys[i%len(w.keys)], network, "label", payload, int64(i+1))
		require.NoError(t, err)
		messages = append(messages, m)
	}
	b := block.New(w.group, w.keys[0].Public(), 1, block.ID{}, 1, messages)
	b.Signature = w.keys[0].Sign(b.Header.SigningBytes())
	signatures := map[int]keys.Signature{}
	for _, key := range w.keys[:w.group.Q()] {
		place, _ := w.group.Index(key.Public())
		signatures[place] = key.Sign(certificate.SigningBytes(network, b.Header.Slot(), b.ID()))
	}
	c := certificate.New(w.group, b.Header.Slot(), b.ID(), signatures)
	return api.Entry{Cursor: 1, Block: api.NewBlock(b), Certificate: api.NewCertificate(b.SignedHeader, c, w.group, nil)}
}

// roundTrip encodes a value as JSON and decodes it.
func roundTrip[T any](t require.TestingT, value T) T {
	data, err := json.Marshal(value)
	require.NoError(t, err)
	var out T
	require.NoError(t, json.Unmarshal(data, &out))
	return out
}

func TestResponsesVerifyOffline(t *testing.T) {
	w := newWorld(t, 4)
	rapid.Check(t, func(t *rapid.T) {
		payloads := rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 1, 9).Draw(t, "payloads")
		entry := roundTrip(t, w.entry(t, payloads...))
		require.NoError(t, entry.Verify(w.group))
		require.NoError(t, entry.Certificate.Verify(w.group))
		for i, payload := range payloads {
			require.True(t, bytes.Equal(payload, entry.Block.Messages[i].Payload))
		}

		b, err := entry.Block.Canonical()
		require.NoError(t, err)
		for _, m := range entry.Block.Messages {
			question := api.InclusionQuery{Block: b.ID(), Message: m.ID}
			proof, err := api.Prove(b, m.ID)
			require.NoError(t, err)
			require.True(t, proof.Included)
			require.NoError(t, roundTrip(t, proof).Verify(question))
			proof.Index++
			require.ErrorIs(t, proof.Verify(question), block.ErrInvalid)
		}
		absent := api.InclusionQuery{Block: b.ID(), Message: block.MessageID{1}}
		proof, err := api.Prove(b, absent.Message)
		require.NoError(t, err)
		require.False(t, proof.Included)
		require.NoError(t, roundTrip(t, proof).Verify(absent))
		proof.MessageIDs = proof.MessageIDs[1:]
		require.ErrorIs(t, proof.Verify(absent), block.ErrInvalid)
	})
}

func TestChangedEntriesDoNotVerify(t *testing.T) {
	w := newWorld(t, 4)
	stranger := keys.FromSeed([32]byte{99})
	for name, change := range map[string]func(*api.Entry){
		"payload":         func(e *api.Entry) { e.Block.Messages[0].Payload = []byte("other") },
		"message ID":      func(e *api.Entry) { e.Block.Messages[0].ID[0]++ },
		"order":           func(e *api.Entry) { m := e.Block.Messages; m[0], m[1] = m[1], m[0] },
		"message left":    func(e *api.Entry) { e.Block.Messages = e.Block.Messages[:1] },
		"block ID":        func(e *api.Entry) { e.Block.ID[0]++ },
		"creator":         func(e *api.Entry) { e.Block.Creator = stranger.Public() },
		"height":          func(e *api.Entry) { e.Block.Height++ },
		"block signature": func(e *api.Entry) { e.Block.Signature[0]++ },
		"certificate":     func(e *api.Entry) { e.Certificate.Encoded[len(e.Certificate.Encoded)-1]++ },
		"other header":    func(e *api.Entry) { e.Certificate.Header.Time++ },
		"no certificate":  func(e *api.Entry) { e.Certificate.Encoded = nil },
	} {
		t.Run(name, func(t *testing.T) {
			entry := w.entry(t, []byte("a"), []byte("b"))
			change(&entry)
			err := entry.Verify(w.group)
			require.True(t, errors.Is(err, block.ErrInvalid) || errors.Is(err, certificate.ErrInvalid), "%v", err)
		})
	}
	require.Error(t, w.entry(t, []byte("a")).Verify(newWorld(t, 7).group))
}

func TestPrunedBlockKeepsItsCertificate(t *testing.T) {
	w := newWorld(t, 4)
	entry := w.entry(t, []byte("a"))
	entry.Block.Messages, entry.Block.Pruned = nil, true
	require.NoError(t, roundTrip(t, entry).Verify(w.group))
}

func TestEvidenceNeedsTwoSignaturesOfOneSlot(t *testing.T) {
	w := newWorld(t, 1)
	header := func(height uint64, time int64) block.SignedHeader {
		b := block.New(w.group, w.keys[0].Public(), height, block.ID{}, time, nil)
		b.Signature = w.keys[0].Sign(b.Header.SigningBytes())
		return b.SignedHeader
	}
	require.NoError(t, roundTrip(t, api.NewEvidence(header(1, 1), header(1, 2))).Verify())
	require.ErrorIs(t, api.NewEvidence(header(1, 1), header(1, 1)).Verify(), block.ErrInvalid)
	require.ErrorIs(t, api.NewEvidence(header(1, 1), header(2, 1)).Verify(), block.ErrInvalid)
	forged := api.NewEvidence(header(1, 1), header(1, 2))
	forged.B.Signature[0]++
	require.ErrorIs(t, forged.Verify(), block.ErrInvalid)
}

func TestSubmissionIsSignedOrNot(t *testing.T) {
	w := newWorld(t, 1)
	m, err := block.NewMessage(w.keys[0], network, "label", []byte("payload"), 5)
	require.NoError(t, err)
	signed := roundTrip(t, api.Signed(m))
	back, err := signed.Message()
	require.NoError(t, err)
	require.Equal(t, m.ID(), back.ID())
	require.True(t, back.Verify())

	returned, id := signed, m.ID()
	returned.ID = &id
	_, err = returned.Message()
	require.NoError(t, err, "as a node returns it")
	returned.Label = "altered"
	_, err = returned.Message()
	require.ErrorContains(t, err, "differs from what was signed")
	require.ErrorIs(t, api.Submission{Label: "label", ID: &id}.Check(), api.Invalid)

	require.NoError(t, api.Submission{Label: "label"}.Check())
	require.NoError(t, api.Submission{Label: "label", Time: 1}.Check())
	require.ErrorIs(t, api.Submission{Label: "label", Network: network}.Check(), api.Invalid)
	require.ErrorIs(t, api.Submission{Label: "\xff"}.Check(), api.Invalid)
	signed.Sender = nil
	require.ErrorIs(t, signed.Check(), api.Invalid)
	_, err = signed.Message()
	require.ErrorIs(t, err, api.Invalid)
	signed = api.Signed(m)
	signed.Label = string(make([]byte, block.MaxLabel+1))
	_, err = signed.Message()
	require.ErrorIs(t, err, api.Invalid)
	require.ErrorIs(t, err, block.ErrInvalid)

	signed = api.Signed(m)
	signed.Time = canonical.MaxNumber + 1
	_, err = signed.Message()
	require.ErrorIs(t, err, api.Invalid)
	require.ErrorIs(t, err, canonical.ErrDomain)
	signed = api.Signed(m)
	signed.Sender = &keys.Public{1}
	_, err = signed.Message()
	require.ErrorIs(t, err, api.Invalid)
	require.ErrorIs(t, err, keys.ErrSmallOrder)
}

func TestProblemMatchesItsKindAndItsCause(t *testing.T) {
	cause := errors.New("cause")
	var err error = api.WrapProblem(api.Duplicate, cause)
	require.ErrorIs(t, err, api.Duplicate)
	require.ErrorIs(t, err, cause)
	require.NotErrorIs(t, err, api.NotFound)

	var p *api.Problem
	require.ErrorAs(t, err, &p)
	back := roundTrip(t, *p)
	require.ErrorIs(t, &back, api.Duplicate)
	require.Equal(t, 409, back.Status)
	require.False(t, back.Temporary())
	require.True(t, api.NewProblem(api.MempoolFull, "").Temporary())
	require.Equal(t, api.Cursor(7), *api.LaggingAt(7).Cursor)
}

func FuzzEntry(f *testing.F) {
	w := newWorld(f, 4)
	seed, err := json.Marshal(w.entry(f, []byte("a"), nil))
	require.NoError(f, err)
	f.Add(seed)
	f.Add([]byte(`{"block":{"id":"00"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var entry api.Entry
		if json.Unmarshal(data, &entry) != nil || entry.Verify(w.group) != nil {
			return
		}
		again := roundTrip(t, entry)
		require.NoError(t, again.Verify(w.group))
	})
}
