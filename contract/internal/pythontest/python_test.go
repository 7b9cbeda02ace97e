package pythontest

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// python returns the interpreter, or skips the test.
func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skipf("python3 is not installed: %v", err)
	}
	return path
}

// run runs a program in Python and returns its exit status and output.
func run(t *testing.T, input []byte, program string, args ...string) (status int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python(t), append([]string{"-B", program}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s", stderr.String())
	}
	require.NotContains(t, stderr.String(), "Traceback")
	return cmd.ProcessState.ExitCode(), stdout.String() + stderr.String()
}

// batch has one process answer many tasks.
func batch[Task, Answer any](t *testing.T, tasks []Task) []Answer {
	t.Helper()
	input, err := json.Marshal(tasks)
	require.NoError(t, err)
	status, output := run(t, input, "batch.py")
	require.Zero(t, status, output)
	var answers []Answer
	require.NoError(t, json.Unmarshal([]byte(output), &answers))
	require.Len(t, answers, len(tasks))
	return answers
}

// bundles are encoded cores and annexes by their file names.
type bundles map[string][]byte

// MarshalJSON makes a task for batch.py.
func (b bundles) MarshalJSON() ([]byte, error) {
	encoded := make(map[string]string, len(b))
	for name, data := range b {
		encoded[name] = hex.EncodeToString(data)
	}
	return json.Marshal(map[string]any{"files": encoded})
}

func (b bundles) with(name string, data []byte) bundles {
	changed := maps.Clone(b)
	changed[name] = data
	return changed
}

func (t *teller) bundles() bundles {
	files := bundles{}
	for i, core := range t.cores {
		files[fmt.Sprintf("epoch-%d.core", i+1)] = core.Encode()
	}
	return files
}

// collected is what the contract received about an epoch in addition to the winner: late
// submissions with the winner's reports and with other ones, refused ones, and proofs against
// Nym-API 1.
func collected(d contract.Description) contract.Collected {
	c := story[d.Epoch-1]
	if c.creator == 0 {
		c.signers = []int{1, 2, 3}
	}
	messages := c.reports(d)
	all := contract.Collected{Dropped: 1, Refused: []contract.Refused{{
		Submitter: contracttest.Key(4).Public(), ReceivedAt: d.End + 60, Digest: contract.Hash{7}, Bytes: 812,
		Verdict: contract.VerdictInvalid, Type: contract.WrongResult.Type(), Reason: "mixnode m0001: another result",
	}}}
	for i, set := range [][]block.Message{messages, messages[len(messages)-3:]} {
		s := c.submit(d, i+1, set, lies{})
		all.Late = append(all.Late, contract.Received{Submission: s.Encode(), At: d.End + 50})
	}
	other := c.report(d, 1)
	other.Values[1] = 1
	all.DoubleReports = [][2]block.Message{{contracttest.Message(d, 1, c.report(d, 1)), contracttest.Message(d, 1, other)}}
	first, second := contracttest.Block(d, 1, messages[:1]), contracttest.Block(d, 1, nil)
	all.DoubleBlocks = [][2]block.SignedHeader{{first.SignedHeader, second.SignedHeader}}
	return all
}

func seal(core contract.Core) contract.Annex {
	d := must(contract.DecodeDescription(core.Description))
	return must(collected(d).Seal(core, d.End+3000, contracttest.ContractKey()))
}

// single returns the core of an epoch that one Nym-API decided alone.
func single(l lies) contract.Core {
	d := contracttest.Description(members, mixnodes)
	d.Rules.Mode, d.Rules.Authorised, d.Rules.Coverage = contract.ModeSingle, contracttest.Key(1).Public(), 1
	report := contracttest.Report(d, 1)
	report.Values[1] = metrics.Missing
	return alone(d, l, contracttest.Key(1), contracttest.SingleResult(report), nil)
}

// medians returns the core of an epoch in mode performance-contract.
func medians(l lies) contract.Core {
	d := contracttest.Description(members, mixnodes)
	d.Rules.Mode, d.Rules.Coverage, d.Rules.CarryLimit = contract.ModePerformance, 1, 24
	raw := contract.RawValues{{0, 90, 91, 100}, {7}, {}, {0, 0, 99}, {50, 51}}
	return alone(d, l, contracttest.ContractKey(), must(verify.Performance(d, raw)), raw.Encode())
}

// alone returns the core of an epoch that was settled without certified blocks, with a result that
// key signed.
func alone(d contract.Description, l lies, key keys.Private, result metrics.Result, raw []byte) contract.Core {
	change(l.result, &result)
	change(l.submitter, &key)
	s := must(contract.NewSubmission(key, d, result, nil))
	s.Block = raw
	s = s.Sign(key)
	change(l.submission, &s)
	rewards := verify.Values{}.Fill(d, result)
	receipt := contract.Receipt{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Rewards: contract.HashRewards(d.Network, d.Epoch, rewards),
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

func told() *teller {
	teller := newTeller()
	for range story {
		teller.settle(lies{})
	}
	return teller
}

// tell returns the story, and the files of testdata: its cores, the annexes of a missed and of a
// rewarded epoch, and a core without Ephemera.
func tell() (*teller, bundles) {
	teller := told()
	files := teller.bundles()
	for _, number := range []int{3, 4} {
		files[fmt.Sprintf("epoch-%d.annex", number)] = seal(teller.cores[number-1]).Encode()
	}
	files["single.core"], files["medians.core"] = single(lies{}).Encode(), medians(lies{}).Encode()
	return teller, files
}

func hexadecimal(key keys.Public) string { return hex.EncodeToString(key[:]) }

func paths(files ...string) []string {
	for i, name := range files {
		files[i] = filepath.Join("testdata", name)
	}
	return files
}

// The committed files are those of the story. With UPDATE_GOLDEN they are written.
func TestCommittedBundlesAreTheStory(t *testing.T) {
	teller, files := tell()
	verifier := check.New(check.Config{Consecutive: true, First: 1})
	for _, core := range teller.cores {
		require.Zero(t, verifier.Next(check.Evidence{Core: core.Encode()}).Count(check.Fail))
	}
	for name, data := range files {
		path := filepath.Join("testdata", name)
		if os.Getenv("UPDATE_GOLDEN") != "" {
			require.NoError(t, os.WriteFile(path, data, 0o644))
		}
		committed, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(committed, data), "%s differs: run the test with UPDATE_GOLDEN=1", name)
	}
	found, err := os.ReadDir("testdata")
	require.NoError(t, err)
	require.Len(t, found, len(files))
}

// Otherwise the story would not show that the past is weighed.
func TestThePastOfReportersMakesADifferenceInTheStory(t *testing.T) {
	teller, _ := tell()
	for _, number := range []int{4, 6} {
		audited, err := verify.Audit(teller.cores[number-1])
		require.NoError(t, err)
		forgotten := audited.Description
		forgotten.State = contract.State{}
		result, err := verify.Result(audited.Matrix, forgotten)
		require.NoError(t, err)
		require.NotEqual(t, result.Values, audited.Result.Values)
	}
}

// expected returns the lines that verify.py prints about rewards.
func expected(core contract.Core) string {
	var text strings.Builder
	for _, r := range core.Rewards {
		value := "no value"
		if r.Value != metrics.Missing {
			value = r.Value.String()
		}
		reports := "reports"
		if r.Reports == 1 {
			reports = "report"
		}
		fmt.Fprintf(&text, "  %s: %s of %d %s", r.Mixnode, value, r.Reports, reports)
		if r.CarriedFrom != 0 {
			fmt.Fprintf(&text, ", carried from epoch %d", r.CarriedFrom)
		}
		text.WriteByte('\n')
	}
	return text.String()
}

func TestASecondImplementationRecomputesTheRewards(t *testing.T) {
	teller, files := tell()
	names := slices.Sorted(maps.Keys(files))
	names = slices.DeleteFunc(names, func(name string) bool { return name == "single.core" || name == "medians.core" })
	d := contracttest.Description(members, mixnodes)
	trusted := []string{"--group", d.Group.ID().String(), "--contract-key", hexadecimal(d.ContractKey)}
	status, output := run(t, nil, "verify.py", append(trusted, paths(names...)...)...)
	require.Zero(t, status, output)
	for i, core := range teller.cores {
		require.Contains(t, output, fmt.Sprintf("epoch %d: ", i+1))
		require.Contains(t, output, expected(core))
	}
	require.NotContains(t, output, "not checked")
	require.Contains(t, output, "carried from epoch 1\n")
	require.Contains(t, output, "no value of 2 reports\n")
	require.Contains(t, output, "epoch 3: missed\n")
	require.Contains(t, output, "epoch 4, annex: 2 late submissions, 1 refused\n")
	require.Contains(t, output, "  "+hexadecimal(contracttest.Key(1).Public())+" signed two reports\n")

	status, output = run(t, nil, "verify.py", paths("single.core")...)
	require.Zero(t, status, output)
	require.Contains(t, output, "epoch 1: rewarded in mode single\n"+expected(single(lies{})))
	require.Contains(t, output, "not checked without --group and --contract-key")

	status, output = run(t, nil, "verify.py", paths("medians.core")...)
	require.Zero(t, status, output)
	require.Contains(t, output, "epoch 1: rewarded in mode performance-contract\n"+expected(medians(lies{})))
}

// What earlier cores would show is named if they are not there.
func TestAVerifierSaysWhatItDidNotCheck(t *testing.T) {
	status, output := run(t, nil, "verify.py", paths("epoch-4.core", "epoch-6.core")...)
	require.Zero(t, status, output)
	for _, missing := range []string{
		"the record before, of epoch 3", "the record of epoch 2, which the description names", "the deviations after epoch 2",
		"values carried from epoch 3 or before", "the record before, of epoch 5", "the deviations after epoch 4",
	} {
		require.Contains(t, output, "  not checked: "+missing+"\n")
	}
}

func TestAVerifierTrustsOnlyTheGroupAndTheKeyThatItIsGiven(t *testing.T) {
	for flag, reason := range map[string]string{"--group": "the group is not the trusted one", "--contract-key": "the contract is not the trusted one"} {
		status, output := run(t, nil, "verify.py", append([]string{flag, strings.Repeat("07", 32)}, paths("epoch-1.core")...)...)
		require.Equal(t, []any{1, "FAIL testdata/epoch-1.core: " + reason + "\n"}, []any{status, output})
	}
	status, output := run(t, nil, "verify.py", "testdata/epoch-7.core")
	require.Equal(t, 2, status)
	require.Contains(t, output, "No such file")
	status, _ = run(t, nil, "verify.py", "doc.go")
	require.Equal(t, 1, status)
}
