package contract_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func receipt() contract.Receipt {
	return contract.Receipt{
		Network: contracttest.Network, Epoch: 3, Description: contract.Hash{1}, Rewards: contract.Hash{2}, Submitter: contracttest.Key(1).Public(), AcceptedAt: 1_700_000_001_234,
	}.Sign(contracttest.ContractKey())
}

func record() contract.Record {
	return contract.Record{
		Network: contracttest.Network, Epoch: 3, Previous: contract.Hash{1}, Description: contract.Hash{2}, Status: contract.StatusMissed, Reason: "nobody submitted a result in time",
		SettledAt: 1_700_000_001_234, Origin: contract.OriginMigration,
	}.Sign(contracttest.ContractKey())
}

// encodings returns one encoding of each kind of signed data.
func encodings() map[string][]byte {
	d := contracttest.Description(4, 3)
	s := contracttest.Submission(d, 2).Encode()
	c, missed := core(d, 2), missedCore(d)
	return map[string][]byte{
		"description": d.Encode(),
		"submission":  s,
		"receipt":     receipt().Encode(),
		"record":      record().Encode(),
		"core":        c.Encode(),
		"core-missed": missed.Encode(),
		"annex":       annex(d, c).Encode(),
		"core-v1": contract.Core{
			Version: 1, Description: d.Encode(), Submission: s, Receipt: receipt().Encode(), Rewards: []contract.Reward{{Mixnode: "m", Value: metrics.Missing}, {Mixnode: "n", Value: 5, Reports: 3, CarriedFrom: 1}},
		}.Encode(),
	}
}

// decode decodes data and returns the encoding of the result.
func decode(kind string, data []byte) ([]byte, error) {
	switch kind {
	case "description":
		d, err := contract.DecodeDescription(data)
		if err != nil {
			return nil, err
		}
		return d.Encode(), nil
	case "submission":
		s, err := contract.DecodeSubmission(data, 1<<20)
		return s.Encode(), err
	case "receipt":
		r, err := contract.DecodeReceipt(data)
		return r.Encode(), err
	case "record":
		r, err := contract.DecodeRecord(data)
		return r.Encode(), err
	case "annex":
		a, err := contract.DecodeAnnex(data)
		return a.Encode(), err
	default:
		c, err := contract.DecodeCore(data)
		if err != nil {
			return nil, err
		}
		return c.Encode(), nil
	}
}

func TestEncodingsNeverChangeByAccident(t *testing.T) {
	for kind, data := range encodings() {
		path := filepath.Join("testdata", kind+".hex")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "%x\n", data), 0o644))
		}
		golden, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(golden), fmt.Sprintf("%x\n", data), kind)
		again, err := decode(kind, data)
		require.NoError(t, err)
		require.Equal(t, data, again)
	}
}

func TestDecodersRejectWhatIsNotCanonical(t *testing.T) {
	for kind, data := range encodings() {
		for _, bad := range [][]byte{nil, data[:len(data)-1], append(bytes.Clone(data), 0), {0xf6}, {0x80}, {0xa0}} {
			_, err := decode(kind, bad)
			require.ErrorIs(t, err, contract.ErrInvalid, "%s %x", kind, bad)
		}
	}
	_, err := contract.DecodeSubmission(encodings()["submission"], 100)
	require.ErrorIs(t, err, contract.ErrInvalid)
}

// A few bytes that name many elements are refused before anything is allocated for them.
func TestDecodersAllocateASmallMultiple(t *testing.T) {
	for kind, prefix := range map[string][]byte{
		"core-v1": {0x84, 0x40, 0x40, 0x40}, // no description, submission and receipt; then the rewards
		"core":    {0x86, 2, 0x40, 0x40},    // no description and submission; then the rewards
		"annex": slices.Concat(canonical.AppendArray(nil, 14), []byte{1}, canonical.AppendText(nil, "n"), canonical.AppendBytes(nil, make([]byte, 32)),
			[]byte{1}, canonical.AppendBytes(nil, make([]byte, 32)), []byte{1}), // all up to the late ones
		"description": slices.Concat(canonical.AppendArray(nil, 8), canonical.AppendText(nil, "n"), canonical.AppendBytes(nil, make([]byte, 32)),
			[]byte{1, 1, 2, 0x40}), // network, key, epoch, start, end, no group; then the mixnodes
	} {
		for _, filler := range []byte{0xf6, 0x60, 0x80} {
			data := append(canonical.AppendArray(prefix, 60_000), bytes.Repeat([]byte{filler}, 60_000)...)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := decode(kind, data)
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, contract.ErrInvalid)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16*len(data)), "%s of %x", kind, filler)
		}
	}
}

// Numbers beyond 2^53-1 are refused where they are read.
func TestNumbersHaveADomain(t *testing.T) {
	_, err := contract.ParseEpoch("9007199254740991")
	require.NoError(t, err)
	_, err = contract.ParseEpoch("9007199254740992")
	require.ErrorIs(t, err, contract.ErrInvalid)
	s, err := contract.DecodeSubmission(encodings()["submission"], 1<<20)
	require.NoError(t, err)
	s.Epoch = canonical.MaxNumber + 1
	_, err = contract.DecodeSubmission(s.Encode(), 1<<20)
	require.ErrorIs(t, err, canonical.ErrDomain)
}

func FuzzDescription(f *testing.F) { fuzz(f, "description") }
func FuzzSubmission(f *testing.F)  { fuzz(f, "submission") }
func FuzzReceipt(f *testing.F)     { fuzz(f, "receipt") }
func FuzzRecord(f *testing.F)      { fuzz(f, "record") }
func FuzzCore(f *testing.F)        { fuzz(f, "core", "core-v1", "core-missed") }

func fuzz(f *testing.F, kind string, more ...string) {
	for _, seed := range append(more, kind) {
		f.Add(encodings()[seed])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		again, err := decode(kind, data)
		if err == nil && !bytes.Equal(again, data) {
			t.Fatalf("%x decodes, but is encoded as %x", data, again)
		}
	})
}

func FuzzEnrolment(f *testing.F) {
	f.Add(`{"name":"nymapi-1","key":"","addresses":["/ip4/127.0.0.1/tcp/1"],"counter":1,"signature":"","token":"t"}`)
	f.Fuzz(func(t *testing.T, data string) {
		var r contract.EnrolRequest
		if json.Unmarshal([]byte(data), &r) == nil && r.Check() == nil {
			r.Verify(contracttest.Network, keys.Public{})
		}
	})
}

func TestInvalidDescriptionsAreRejected(t *testing.T) {
	good := contracttest.Description(4, 3)
	require.NoError(t, good.Validate())
	for name, change := range map[string]func(*contract.Description){
		"network":                 func(d *contract.Description) { d.Network = "other" },
		"no group":                func(d *contract.Description) { d.Group = nil },
		"epoch":                   func(d *contract.Description) { d.Epoch = 0 },
		"window":                  func(d *contract.Description) { d.End = d.Start },
		"no mixnodes":             func(d *contract.Description) { d.Mixnodes = nil },
		"order of mixnodes":       func(d *contract.Description) { d.Mixnodes = []metrics.MixID{"b", "a"} },
		"estimator":               func(d *contract.Description) { d.Rules.Estimator = "" },
		"coverage":                func(d *contract.Description) { d.Rules.Coverage = 0 },
		"carry":                   func(d *contract.Description) { d.Rules.CarryLimit = contract.MaxCarry + 1 },
		"mode":                    func(d *contract.Description) { d.Rules.Mode = "other" },
		"authorised not a member": func(d *contract.Description) { d.Rules.Mode = contract.ModeSingle },
		"authorised for others":   func(d *contract.Description) { d.Rules.Authorised = contracttest.Key(1).Public() },
	} {
		d := good
		change(&d)
		require.ErrorIs(t, d.Validate(), contract.ErrInvalid, name)
	}
}

func TestHashOfADescriptionCoversEveryField(t *testing.T) {
	good := contracttest.Description(4, 3)
	seen := map[contract.Hash]string{good.Hash(): "unchanged"}
	for name, change := range map[string]func(*contract.Description){
		"contract":  func(d *contract.Description) { d.ContractKey[0] ^= 1 },
		"epoch":     func(d *contract.Description) { d.Epoch++ },
		"start":     func(d *contract.Description) { d.Start++ },
		"end":       func(d *contract.Description) { d.End++ },
		"group":     func(d *contract.Description) { d.Group = contracttest.Group(5) },
		"mixnodes":  func(d *contract.Description) { d.Mixnodes = contracttest.Mixnodes(4) },
		"estimator": func(d *contract.Description) { d.Rules.Estimator = "mean" },
		"version":   func(d *contract.Description) { d.Rules.Version++ },
		"coverage":  func(d *contract.Description) { d.Rules.Coverage++ },
		"carry":     func(d *contract.Description) { d.Rules.CarryLimit++ },
		"mode":      func(d *contract.Description) { d.Rules.Mode = contract.ModeNone },
	} {
		d := good
		change(&d)
		require.Empty(t, seen[d.Hash()], name)
		seen[d.Hash()] = name
	}
}

func TestDescriptionInJSONIsCheckedAgainstItsHash(t *testing.T) {
	d := contracttest.Description(4, 3)
	data, err := json.Marshal(d)
	require.NoError(t, err)
	var same contract.Description
	require.NoError(t, json.Unmarshal(data, &same))
	require.Equal(t, d, same)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(data, &fields))
	require.Equal(t, "2023-11-14T22:13:20.000Z", fields["start"])
	fields["hash"] = contract.Hash{}.String()
	data, err = json.Marshal(fields)
	require.NoError(t, err)
	require.ErrorIs(t, json.Unmarshal(data, &same), contract.ErrInvalid)
}

func TestSignaturesCoverEverything(t *testing.T) {
	d := contracttest.Description(4, 3)
	good := contracttest.Submission(d, 1)
	require.True(t, good.Verify())
	for name, change := range map[string]func(*contract.Submission){
		"network":     func(s *contract.Submission) { s.Network = "other" },
		"contract":    func(s *contract.Submission) { s.Contract[0] ^= 1 },
		"epoch":       func(s *contract.Submission) { s.Epoch++ },
		"description": func(s *contract.Submission) { s.Description[0] ^= 1 },
		"result":      func(s *contract.Submission) { s.Result = nil },
		"block":       func(s *contract.Submission) { s.Block = nil },
		"certificate": func(s *contract.Submission) { s.Certificate = nil },
		"submitter":   func(s *contract.Submission) { s.Submitter = contracttest.Key(2).Public() },
	} {
		s := good
		change(&s)
		require.False(t, s.Verify(), name)
	}
	r := receipt()
	require.True(t, r.Verify())
	r.AcceptedAt++
	require.False(t, r.Verify())

	for name, change := range map[string]func(*contract.Record){
		"network":     func(r *contract.Record) { r.Network = "other" },
		"contract":    func(r *contract.Record) { r.Contract[0] ^= 1 },
		"epoch":       func(r *contract.Record) { r.Epoch++ },
		"previous":    func(r *contract.Record) { r.Previous[0] ^= 1 },
		"description": func(r *contract.Record) { r.Description[0] ^= 1 },
		"status":      func(r *contract.Record) { r.Status = contract.StatusRewarded },
		"rewards":     func(r *contract.Record) { r.Rewards[0] ^= 1 },
		"submission":  func(r *contract.Record) { r.Submission[0] ^= 1 },
		"reason":      func(r *contract.Record) { r.Reason = "" },
		"settled":     func(r *contract.Record) { r.SettledAt++ },
		"origin":      func(r *contract.Record) { r.Origin = contract.OriginSettlement },
	} {
		r := record()
		require.True(t, r.Verify())
		change(&r)
		require.False(t, r.Verify(), name)
		require.NotEqual(t, record().Hash(), r.Hash(), name)
	}

	key := contracttest.ContractKey().Public()
	e := contract.Enrolment{Name: "a", Addresses: []string{"/ip4/1.2.3.4/tcp/5"}, Counter: 1}.Sign(contracttest.Key(1), contracttest.Network, key)
	require.True(t, e.Verify(contracttest.Network, key))
	require.False(t, e.Verify(contracttest.Network, contracttest.Key(2).Public()), "for another contract")
	e.Counter++
	require.False(t, e.Verify(contracttest.Network, key))
	nobody := contract.Enrolment{Name: "a", Counter: 1, Key: keys.Public{1}, Signature: keys.Signature{1}}
	require.False(t, nobody.Verify(contracttest.Network, key), "a key of small order signs nothing")
}

func TestOnlyLabelsOfEpochsAreParsed(t *testing.T) {
	epoch, err := contract.ParseLabel(contract.Epoch(17).Label())
	require.NoError(t, err)
	require.Equal(t, contract.Epoch(17), epoch)
	for _, bad := range []string{"", "17", "epoch/", "epoch/0", "epoch/017", "epoch/+17", "epoch/17 ", "Epoch/17", "epoch/epoch/17"} {
		_, err := contract.ParseLabel(bad)
		require.ErrorIs(t, err, contract.ErrInvalid, bad)
	}
}

func TestNamesOfNymAPIsAreOrderedByTheirNumbers(t *testing.T) {
	names := []string{"nymapi-10", "nymapi-2", "nymapi-1"}
	slices.SortFunc(names, contract.CompareNames)
	require.Equal(t, []string{"nymapi-1", "nymapi-2", "nymapi-10"}, names)
}

func TestInvalidRecordsAreRefused(t *testing.T) {
	rewarded := record()
	rewarded.Status, rewarded.Rewards, rewarded.Submission, rewarded.Reason = contract.StatusRewarded, contract.Hash{1}, contract.Hash{2}, ""
	require.NoError(t, rewarded.Validate())
	for name, change := range map[string]func(r *contract.Record){
		"no network":                  func(r *contract.Record) { r.Network = "" },
		"epoch 0":                     func(r *contract.Record) { r.Epoch, r.Previous = 0, contract.Hash{} },
		"a record before epoch 1":     func(r *contract.Record) { r.Epoch = 1 },
		"no record before epoch 3":    func(r *contract.Record) { r.Previous = contract.Hash{} },
		"open":                        func(r *contract.Record) { r.Status = contract.StatusOpen },
		"no origin":                   func(r *contract.Record) { r.Origin = "" },
		"missed with rewards":         func(r *contract.Record) { r.Rewards = contract.Hash{1} },
		"missed with a submission":    func(r *contract.Record) { r.Submission = contract.Hash{1} },
		"missed without a reason":     func(r *contract.Record) { r.Reason = "" },
		"missed with a long reason":   func(r *contract.Record) { r.Reason = strings.Repeat("r", contract.MaxReasonBytes+1) },
		"rewarded with a reason":      func(r *contract.Record) { *r = rewarded; r.Reason = "r" },
		"rewarded without rewards":    func(r *contract.Record) { *r = rewarded; r.Rewards = contract.Hash{} },
		"rewarded without submission": func(r *contract.Record) { *r = rewarded; r.Submission = contract.Hash{} },
	} {
		r := record()
		change(&r)
		require.ErrorIs(t, r.Validate(), contract.ErrInvalid, name)
		_, err := contract.DecodeRecord(r.Encode())
		require.ErrorIs(t, err, contract.ErrInvalid, name)
	}
}

func TestInvalidEnrolmentsAreRejected(t *testing.T) {
	good := contract.Enrolment{Name: "nymapi-1", Addresses: []string{"/dns4/host/tcp/3000"}, Counter: 1}
	require.NoError(t, good.Check())
	for name, change := range map[string]func(*contract.Enrolment){
		"no name":           func(e *contract.Enrolment) { e.Name = "" },
		"bad name":          func(e *contract.Enrolment) { e.Name = "a b" },
		"no counter":        func(e *contract.Enrolment) { e.Counter = 0 },
		"counter too large": func(e *contract.Enrolment) { e.Counter = canonical.MaxNumber + 1 },
		"no multiaddr":      func(e *contract.Enrolment) { e.Addresses = []string{"127.0.0.1:1"} },
		"unknown protocol":  func(e *contract.Enrolment) { e.Addresses = []string{"/not-a-multiaddr"} },
		"wildcard address":  func(e *contract.Enrolment) { e.Addresses = []string{"/ip4/0.0.0.0/tcp/1"} },
		"names another peer": func(e *contract.Enrolment) {
			e.Addresses = []string{"/dns4/host/tcp/1/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"}
		},
		"space in an address": func(e *contract.Enrolment) { e.Addresses = []string{"/ip4/1 2"} },
		"too many addresses":  func(e *contract.Enrolment) { e.Addresses = make([]string, contract.MaxAddresses+1) },
	} {
		e := good
		change(&e)
		require.ErrorIs(t, e.Check(), contract.ErrInvalid, name)
	}
}

func TestPeerInfoMakesItsGroup(t *testing.T) {
	g := contracttest.Group(4)
	info := contract.PeerInfo{Network: g.Network(), Group: g.ID(), Number: 1, Limits: contract.LimitsOf(membership.DefaultLimits())}
	for _, p := range contracttest.Peers(4) {
		info.Members = append(info.Members, contract.Member{Name: p.Name, Key: p.Key, Addresses: p.Addresses})
	}
	made, err := info.MakeGroup()
	require.NoError(t, err)
	require.Equal(t, g.ID(), made.ID())
	require.Len(t, info.Peers(), 4)
	info.Group[0] ^= 1
	_, err = info.MakeGroup()
	require.ErrorIs(t, err, contract.ErrInvalid)
}

func TestProblemsAreErrorsOfTheirKind(t *testing.T) {
	var err error = fmt.Errorf("submit: %w", contract.NewProblem(contract.EarlierOpen, "epoch 3"))
	require.ErrorIs(t, err, contract.EarlierOpen)
	require.NotErrorIs(t, err, contract.Decided)
	var p *contract.Problem
	require.True(t, errors.As(err, &p))
	require.Equal(t, 503, p.Status)
	require.Equal(t, "urn:nym-rewarding:problem:earlier-epoch-open", p.Type)
	require.Equal(t, "503: An earlier epoch is not settled yet: epoch 3", p.Error())
}

// What was decoded can be encoded and decoded again, or a proof with it could not be read.
func TestMillisOutsideOfFourDigitYearsAreRefused(t *testing.T) {
	for text, valid := range map[string]bool{
		"0000-01-01T00:00:00Z": true, "9999-12-31T23:59:59.999Z": true,
		"0000-01-01T00:00:00+00:01": false, "9999-12-31T23:59:59-00:01": false,
	} {
		var m, same contract.Millis
		err := m.UnmarshalText([]byte(text))
		if !valid {
			require.ErrorIs(t, err, contract.ErrInvalid, text)
			continue
		}
		require.NoError(t, err, text)
		require.NoError(t, same.UnmarshalText([]byte(m.String())), text)
		require.Equal(t, m, same, text)
	}
}

func TestMillisAreWrittenWithThreeDigits(t *testing.T) {
	m := contract.At(time.Date(2026, 11, 20, 12, 0, 0, 5_999_999, time.FixedZone("east", 3600)))
	data, err := json.Marshal(m)
	require.NoError(t, err)
	require.Equal(t, `"2026-11-20T11:00:00.005Z"`, string(data))
	var same contract.Millis
	require.NoError(t, json.Unmarshal(data, &same))
	require.Equal(t, m, same)
	require.ErrorIs(t, same.UnmarshalText([]byte("yesterday")), contract.ErrInvalid)
}
