package pythontest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// A liar can sign what it likes, but the rest does not fit.
func TestForgedEpochsAreRefused(t *testing.T) {
	tasks := make([]bundles, len(forgeries))
	for i, f := range forgeries {
		teller := newTeller()
		for range f.epoch - 1 {
			teller.settle(lies{})
		}
		teller.settle(f.lies)
		tasks[i] = teller.bundles()
	}
	for i, answer := range batch[bundles, string](t, tasks) {
		want := fmt.Sprintf("FAIL epoch-%d.core: %s", forgeries[i].epoch, forgeries[i].reason)
		require.Equal(t, want, answer, forgeries[i].name)
	}
}

func TestForgedEpochsWithoutEphemeraAreRefused(t *testing.T) {
	cores := []contract.Core{
		single(lies{submitter: func(k *keys.Private) { *k = contracttest.Key(2) }}),
		single(lies{result: func(r *metrics.Result) { r.Reports[0] = 2 }}),
		single(lies{result: func(r *metrics.Result) { r.Reports[1] = 1 }}),
		single(lies{submission: func(s *contract.Submission) {
			s.Block = []byte{0}
			*s = s.Sign(contracttest.Key(1))
		}}),
		medians(lies{submitter: func(k *keys.Private) { *k = contracttest.Key(1) }}),
		medians(lies{result: func(r *metrics.Result) { r.Values[0]++ }}),
		medians(lies{result: func(r *metrics.Result) { r.Reports[1] = 2 }}),
	}
	for _, raw := range []contract.RawValues{
		{{0}}, {{2, 1}, {7}, {}, {}, {}}, {{101}, {}, {}, {}, {}},
	} {
		cores = append(cores, medians(lies{submission: func(s *contract.Submission) {
			s.Block = raw.Encode()
			*s = s.Sign(contracttest.ContractKey())
		}}))
	}
	tasks := make([]bundles, len(cores))
	for i, core := range cores {
		tasks[i] = bundles{"core": core.Encode()}
	}
	count := "FAIL core: a count of one Nym-API's result does not fit"
	require.Equal(t, []string{
		"FAIL core: the submitter is not authorised", count, count, "FAIL core: there is a block or a certificate in mode single",
		"FAIL core: the submitter is not the contract",
		"FAIL core: the result is not the one that follows from the values", "FAIL core: the result is not the one that follows from the values",
		"FAIL core: the values are about another number of mixnodes", "FAIL core: the values of a mixnode do not ascend", "FAIL core: a count or a value is above 100",
	}, batch[bundles, string](t, tasks))
}

func TestForgedAnnexesAreRefused(t *testing.T) {
	core := told().cores[3]
	var names []string
	var tasks []bundles
	for name, f := range annexForgeries {
		annex := seal(core)
		f.lie(&annex)
		names = append(names, name)
		tasks = append(tasks, bundles{"core": core.Encode(), "annex": annex.Sign(contracttest.ContractKey()).Encode()})
	}
	names = append(names, "signed by nobody")
	tasks = append(tasks, bundles{"core": core.Encode(), "annex": seal(core).Sign(stranger).Encode()})
	for i, answer := range batch[bundles, string](t, tasks) {
		reason := "the annex is of another epoch than its core" // the stranger's key is in it
		if f, ok := annexForgeries[names[i]]; ok {
			reason = f.reason
		}
		require.True(t, strings.HasPrefix(answer, "FAIL annex: ") && strings.HasSuffix(answer, reason), "%s: %s", names[i], answer)
	}
}

// Every byte of a bundle is signed or hashed.
func TestFlippedBytesAreRefused(t *testing.T) {
	_, files := tell()
	const step = 31 // bytes; all of them take a minute
	pair := bundles{"core": files["epoch-4.core"], "annex": files["epoch-4.annex"]}
	var tasks []bundles
	for name, data := range pair {
		for i := 0; i < len(data); i += step {
			flipped := bytes.Clone(data)
			flipped[i] ^= 1 << (i % 8)
			tasks = append(tasks, pair.with(name, flipped))
		}
		tasks = append(tasks, pair.with(name, append(bytes.Clone(data), 0)), pair.with(name, data[:len(data)-1]))
	}
	for i, answer := range batch[bundles, string](t, tasks) {
		require.True(t, strings.HasPrefix(answer, "FAIL "), "task %d: %s", i, answer)
	}
}

// The encoding of a core can be changed without changing any value.
func TestOtherEncodingsAreRefused(t *testing.T) {
	_, files := tell()
	core := files["epoch-1.core"]
	// The same array, with its length in a byte of its own.
	long := append([]byte{0x98, 0x06}, core[1:]...)
	twice := bundles{"a": core, "b": core}
	answers := batch[bundles, string](t, []bundles{{"core": long}, twice, {"annex": files["epoch-4.annex"]}})
	require.Equal(t, []string{
		"FAIL core: core: the encoding is not the deterministic one", "FAIL b: there are two cores of epoch 1",
		"FAIL annex: no file is the core that the annex is signed for",
	}, answers)
}
