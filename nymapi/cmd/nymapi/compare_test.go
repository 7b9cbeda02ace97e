package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
	"github.com/ephemera-go/nym-rewarding/nymapi/compare"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

func TestCompareNamesInvalidFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("trace.csv", []byte("epoch,observer,m\n1,a,nine\n"), 0o600))
	for _, tt := range []struct{ args, want string }{
		{"--nodes 0", "--nodes 0: expected 1 to 100 Nym-APIs; give --nodes 4"},
		{"--nodes four", `invalid argument "four" for "--nodes": expected a whole number, such as --nodes=4`},
		{"--epoch 0s", "--epoch 0s: expected a length; give --epoch 4s, or remove it"},
		{"--epoch 4", `invalid argument "4" for "--epoch": expected a number with its unit, such as --epoch=4s`},
		{"--seed -1", `invalid argument "-1" for "--seed": expected a whole number from 0, such as --seed=1`},
		{"--nodes 0", "See: nymapi compare --help"},
		{"--liars-at 1;2", "--liars-at 1;2: expected numbers of Nym-APIs"},
		{"--offline-at x", "--offline-at x: expected numbers of Nym-APIs"},
		{"--lie white", "--lie white: expected zero, hundred, victims or split"},
		{"--source trace", `--trace "": expected a trace file`},
		{"--source trace --trace none.csv", "--trace: open trace"},
		{"--source trace --trace trace.csv", `trace.csv:2:3 (m): value "nine": expected a whole percentage`},
		{"--out .", "--out .: expected a new or an empty folder"},
		{"more", `takes no argument, got "more"`},
		{"--colour", "unknown flag: --colour"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"compare"}, strings.Fields(tt.args)...), &stdout, &stderr)
		require.Equal(t, command.ExitUsage, code, tt.args)
		require.Empty(t, stdout.String(), tt.args)
		require.Contains(t, stderr.String(), tt.want)
	}
	require.NoDirExists(t, compare.ResultsDir)
}

func TestCompareTakesFlagsFromTheEnvironment(t *testing.T) {
	t.Setenv("NYMAPI_LIARS_AT", "9")
	var stdout, stderr bytes.Buffer
	require.Equal(t, command.ExitUsage, run(t.Context(), []string{"compare"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "--liars-at 9: expected different numbers from 1 to 4")
}

// Two comparisons end with four numbers and one list of where to look, about the second.
func TestBothComparisonsEndWithFourNumbers(t *testing.T) {
	t.Chdir(t.TempDir())
	f := &compareFlags{config: compare.Default(), both: true}
	f.source, f.lie = string(f.config.Source), string(f.config.Lie)
	f.config.Mixnodes, f.config.Epochs, f.config.Epoch = 10, 1, 2*time.Second
	var stdout, stderr bytes.Buffer
	require.NoError(t, f.run(t.Context(), func(string) bool { return false }, &stdout, &stderr), stderr.String())
	const title = "RMSE (share of cells paid)"
	require.Equal(t, 1, strings.Count(stdout.String(), title))
	report, end, _ := strings.Cut(stdout.String(), title)
	require.Contains(t, report, "Run 2 of 2")
	numbers, where, found := strings.Cut(end, "\nWhere to look:\n")
	require.True(t, found)
	require.Regexp(t, `all honest +\d+\.\d\d \(\d+ %\) +\d+\.\d\d \(\d+ %\)`, numbers)
	require.Regexp(t, `Nym-API 1 lies \(zero\) +\d+\.\d\d \(\d+ %\) +\d+\.\d\d \(\d+ %\)`, numbers)
	for _, run := range strings.SplitAfter(report, "Run 2 of 2") {
		require.Regexp(t, `Evidence in single: \d+ of \d+ checks passed; measurements are not checkable\.\n`, run)
		require.Regexp(t, `Evidence in ephemera: \d+ of \d+ checks passed\.`, run)
	}
	require.LessOrEqual(t, strings.Count(where, "\n"), 8)
	require.NotContains(t, where, "with a liar")
	second, err := os.Readlink(filepath.Join(compare.ResultsDir, "latest"))
	require.NoError(t, err)
	require.Contains(t, where, filepath.Base(second))
	for line := range strings.Lines(stdout.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), paragraph.Width, line)
	}
}

func TestMissedEpochsAndFailedChecksAreErrors(t *testing.T) {
	plan, err := compare.Default().Plan()
	require.NoError(t, err)
	missed := compare.Record{Detail: contract.EpochDetail{EpochSummary: contract.EpochSummary{Status: contract.StatusMissed}}}
	summary := func(v *compare.Verification, records ...compare.Record) compare.Summary {
		return compare.NewSummary(plan, "test", []compare.Outcome{{Mode: compare.Ephemera, Records: records, Verification: v}})
	}
	require.NoError(t, unexpected(summary(&compare.Verification{Passed: 2, Warnings: 1, NotCheckable: 1})))
	failed := &compare.Verification{Passed: 2, Failed: 1}
	require.ErrorIs(t, unexpected(summary(failed)), errUnverified)
	require.NotErrorIs(t, unexpected(summary(failed)), errUnexplained)
	require.ErrorIs(t, unexpected(summary(nil, missed)), errUnexplained)
	require.ErrorIs(t, unexpected(summary(failed, missed)), errUnverified)
}

func TestCompareWithJSONPrintsOnlyTheSummary(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"compare", "--json", "--out", out, "--mixnodes", "10", "--epochs", "1", "--epoch", "2s"}, &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	written, err := os.ReadFile(filepath.Join(out, "summary.json"))
	require.NoError(t, err)
	require.Equal(t, string(written), stdout.String())
	var summary compare.Summary
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &summary))
	require.Len(t, summary.Modes, 2)
	require.Contains(t, stderr.String(), "ephemera epoch 1 of 1 rewarded by nymapi-")
	for _, mode := range summary.Modes {
		require.Zero(t, mode.Verification.Failed)
		require.GreaterOrEqual(t, mode.Verification.Passed, 12)
	}
	for _, name := range []string{"index.html", "rewards.csv", "single/contract.db", "ephemera/contract.db"} {
		require.FileExists(t, filepath.Join(out, name))
	}
	for mode, late := range map[string]int{"single": 0, "ephemera": 3} {
		requireBundle(t, filepath.Join(out, mode), late)
	}
}

// requireBundle requires that the folder of a mode holds the bundle of epoch 1, with at most that
// many late submissions, of the group and the contract in the files next to it.
func requireBundle(t *testing.T, folder string, late int) {
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		return data
	}
	core, err := contract.DecodeCore(read("bundles/epoch-1.core"))
	require.NoError(t, err)
	audited, err := verify.Audit(core)
	require.NoError(t, err)
	annex, err := contract.DecodeAnnex(read("bundles/epoch-1.annex"))
	require.NoError(t, err)
	require.True(t, annex.Verify())
	opened, err := annex.Open(core)
	require.NoError(t, err)
	require.LessOrEqual(t, len(opened.Late), late)
	for _, s := range opened.Late {
		_, err := verify.Submission(audited.Description, s)
		require.NoError(t, err)
	}
	list, err := provider.Decode("group", read("group"))
	require.NoError(t, err)
	require.Equal(t, audited.Description.Group.ID(), list.Group.ID())
	key, err := keys.ParsePublic(strings.TrimSpace(string(read("contract.key"))))
	require.NoError(t, err)
	require.Equal(t, audited.Description.ContractKey, key)
}

func TestInterruptedCompareWritesWhatIsFinished(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout bytes.Buffer
	stderr := &untilLine{text: "rewarded by", found: cancel}
	code := run(ctx, []string{"compare", "--mixnodes", "10", "--epochs", "99", "--epoch", "1s"}, &stdout, stderr)
	require.Equal(t, command.ExitInterrupted, code)
	results, err := os.ReadDir(compare.ResultsDir)
	require.NoError(t, err)
	require.Len(t, results, 1, "an interrupted run does not create latest")
	folder := filepath.Join(compare.ResultsDir, results[0].Name())
	for _, name := range []string{"summary.json", "rewards.csv", "single/contract.db", "ephemera/contract.db"} {
		require.FileExists(t, filepath.Join(folder, name))
	}
	require.Contains(t, stderr.String(), "interrupted: the results contain what was finished ("+folder+")")
}

// untilLine is an output that calls found when text is written to it.
type untilLine struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	text   string
	found  func()
}

func (u *untilLine) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if bytes.Contains(p, []byte(u.text)) {
		u.found()
	}
	return u.buffer.Write(p)
}

func (u *untilLine) String() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.buffer.String()
}

// What a liar is caught at is written as files that convict it by name.
func TestCompareWritesWhatConvictsALiar(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"compare", "--out", out, "--mixnodes", "10", "--epochs", "1", "--epoch", "2s", "--liars", "1", "--lie", "split"}, &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	require.Contains(t, stdout.String(), "bin/contract verify $D/ephemera/evidence/* --group $D/ephemera/group\n")
	found, err := filepath.Glob(filepath.Join(out, "ephemera", "evidence", "two-reports-*-epoch-1.evidence"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	text, err := os.ReadFile(filepath.Join(out, "ephemera", "group"))
	require.NoError(t, err)
	list, err := provider.Decode("group", text)
	require.NoError(t, err)
	data, err := os.ReadFile(found[0])
	require.NoError(t, err)
	file, err := evidence.Decode(data)
	require.NoError(t, err)
	accusation, err := verify.Accuse(file, verify.Accused{Group: list.Group})
	require.NoError(t, err)
	liar := slices.IndexFunc(list.Peers, func(p membership.Peer) bool { return p.Name == "nymapi-1" })
	require.Equal(t, []keys.Public{list.Peers[liar].Key}, accusation.Culprits)
}
