package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/ledger"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call runs the command and returns what it wrote.
func call(t testing.TB, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = run(context.Background(), args, &out, &err)
	return status, out.String(), err.String()
}

// description returns an epoch of four Nym-APIs and the mixnodes of a simulated world.
func description(t *testing.T, number contract.Epoch) contract.Description {
	w, err := world.New(world.Config{Seed: 1, Mixnodes: 3})
	require.NoError(t, err)
	d := contracttest.Description(4, 1)
	d.Mixnodes = w.Mixnodes()
	d.Epoch, d.Start, d.End = number, d.Start+contract.Millis(number-1)*1000, d.End+contract.Millis(number-1)*1000
	return d
}

// fill creates a database with a rewarded epoch, one with carried values, a missed and an open one.
func fill(t *testing.T, path string) {
	ctx := context.Background()
	s, err := store.Open(ctx, path, store.Owner{Network: contracttest.Network, Key: contracttest.ContractKey()}, 1, nil)
	require.NoError(t, err)
	for i, p := range contracttest.Peers(4) {
		require.NoError(t, s.PutMember(ctx, store.Member{Peer: p, Counter: uint64(i)}, 5))
	}
	require.NoError(t, s.PutGroup(ctx, contracttest.Group(4), 6))
	for number := contract.Epoch(1); number <= 4; number++ {
		d := description(t, number)
		require.NoError(t, s.BeginEpoch(ctx, ledger.Entry{ID: number, Start: d.Start, End: d.End, Close: d.End + 3000}, d))
		late := store.Attempt{
			Epoch: number, Submitter: contracttest.Key(3).Public(), At: d.End + 40, Verdict: contract.VerdictLate, Type: contract.Decided.Type(), Reason: "won by another", Submission: []byte{1, 2},
		}
		switch number {
		case 1, 2:
			win(t, s, d, int(number))
			require.NoError(t, s.PutAttempt(ctx, late))
		case 3:
			late.Verdict, late.Type, late.Reason = contract.VerdictInvalid, contract.WrongResult.Type(), "mixnode m001: submitted 0.00, the block's reports give 90.25"
			require.NoError(t, s.PutAttempt(ctx, late))
			_, err := s.MissEpoch(ctx, 3, d.End+3000)
			require.NoError(t, err)
		}
	}
	require.NoError(t, s.Close())
}

// win makes a member the winner. In epoch 2 only two members have measured m002.
func win(t *testing.T, s *store.Store, d contract.Description, creator int) {
	messages := contracttest.Messages(d, 1, 2, 3, 4)
	for i := range 2 * int(d.Epoch-1) {
		r := contracttest.Report(d, i+1)
		r.Values[1] = metrics.Missing
		messages[i] = contracttest.Message(d, i+1, r)
	}
	b := contracttest.Block(d, creator, messages)
	e := &contract.Evidence{Block: b, Certificate: contracttest.Certify(d, b, 1, 2, 3)}
	submission, err := contract.NewSubmission(contracttest.Key(creator), d, contracttest.Result(d, e), e)
	require.NoError(t, err)
	v, err := verify.Submission(d, submission)
	require.NoError(t, err)
	at := d.End + 10 + contract.Millis(creator)
	require.NoError(t, s.Settle(context.Background(), d, at, func(values verify.Values) store.Settlement {
		rewards := values.Fill(d, v.Result)
		receipt := contract.Receipt{
			Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: v.BlockID(), Rewards: contract.HashRewards(d.Network, d.Epoch, rewards),
			Submitter: submission.Submitter, AcceptedAt: at,
		}.Sign(contracttest.ContractKey())
		return store.Settlement{
			Block: v.BlockID(), Matrix: v.Matrix, Reporters: v.Reporters, Signers: v.Signers, Rewards: rewards, Receipt: receipt, Submission: submission.Encode(),
		}
	}))
}

func TestInspectShowsWhatWasDecided(t *testing.T) {
	t.Chdir(t.TempDir())
	golden := goldenFolder
	fill(t, databaseName)
	for name, args := range map[string][]string{
		"overview":     {"inspect"},
		"truth":        {"inspect", "--seed", "1", "--ticks", "4"},
		"last":         {"inspect", "--epoch", "last", "--seed", "1"},
		"missed":       {"inspect", "--epoch", "3"},
		"mixnode":      {"inspect", "--mixnode", "m002"},
		"mixnode-cell": {"inspect", "--mixnode", "m002", "--epoch", "2"},
		"two":          {"inspect", "--last", "2"},
		"reports":      {"inspect", "--reports"},
		"reports-csv":  {"inspect", "--reports", "--epoch", "1", "--csv"},
		"no-reports":   {"inspect", "--reports", "--epoch", "3"},
		"reporters":    {"inspect", "--reporters"},
		"mixnode-seed": {"inspect", "--mixnode", "m002", "--seed", "1"},
		"mixnode-csv":  {"inspect", "--mixnode", "m002", "--csv"},
		"overview-csv": {"inspect", "--csv"},
		"epoch-csv":    {"inspect", "--epoch", "2", "--csv"},
	} {
		status, out, errs := call(t, args...)
		require.Zero(t, status, errs)
		path := filepath.Join(golden, name+".txt")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			require.NoError(t, os.WriteFile(path, []byte(out), 0o644))
		}
		expected, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(expected), out, name)
	}
}

// goldenFolder is absolute because tests change the working folder.
var goldenFolder = func() string {
	folder, err := filepath.Abs("testdata")
	if err != nil {
		panic(err)
	}
	return folder
}()

func TestInspectWritesJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), databaseName)
	fill(t, path)
	var over overview
	status, out, errs := call(t, "inspect", "--db", path, "--json", "--seed", "1")
	require.Zero(t, status, errs)
	require.NoError(t, json.Unmarshal([]byte(out), &over))
	require.Len(t, over.Epochs, 4)
	require.NotNil(t, over.Errors)
	require.Equal(t, 1, over.Epochs[2].Carried)
	var detail contract.EpochDetail
	status, out, errs = call(t, "inspect", "--db", path, "--json", "--epoch", "2")
	require.Zero(t, status, errs)
	require.NoError(t, json.Unmarshal([]byte(out), &detail))
	require.Equal(t, contract.Epoch(1), detail.Result[1].CarriedFrom)
	require.Equal(t, description(t, 2), detail.Description)
	var m mixnodeView
	status, out, errs = call(t, "inspect", "--db", path, "--json", "--mixnode", "m001", "--seed", "1")
	require.Zero(t, status, errs)
	require.NoError(t, json.Unmarshal([]byte(out), &m))
	require.Len(t, m.Epochs, 2)
	require.NotNil(t, m.Epochs[0].Truth)
}

func TestInspectTakesTheNewestComparisonByDefaultAndCreatesNothing(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	status, _, errs := call(t, "inspect")
	require.Equal(t, command.ExitFailure, status)
	require.Contains(t, errs, "name the database with --db")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.NoError(t, os.MkdirAll(filepath.Dir(comparedDatabase), 0o755))
	fill(t, comparedDatabase)
	status, out, errs := call(t, "inspect")
	require.Zero(t, status, errs)
	require.Contains(t, out, comparedDatabase)
}

// An older database in the current folder does not hide a newer comparison, or the reverse.
func TestInspectSaysWhichOfTwoDatabasesIsNewer(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll(filepath.Dir(comparedDatabase), 0o755))
	fill(t, comparedDatabase)
	fill(t, databaseName)
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	require.NoError(t, os.Chtimes(databaseName, at, at))
	for word, other := range map[string]time.Time{"newer": at.Add(time.Hour), "older": at.Add(-time.Hour)} {
		require.NoError(t, os.Chtimes(comparedDatabase, other, other))
		want := "./contract.db, written 2026-11-30 12:00:00, is shown\n" + word + ", written"
		for _, args := range [][]string{{"inspect"}, {"inspect", "--mixnode", "m002"}, {"audit"}} {
			_, out, _ := call(t, args...)
			require.True(t, strings.HasPrefix(out, want), out)
			for _, line := range strings.SplitAfterN(out, "\n", 3)[:2] {
				require.LessOrEqual(t, len(line), 81)
			}
		}
		for _, args := range [][]string{{"inspect", "--json"}, {"inspect", "--csv"}} {
			_, out, errs := call(t, args...)
			require.NotContains(t, out, word)
			require.True(t, strings.HasPrefix(errs, want), errs)
		}
		_, out, _ := call(t, "inspect", "--db", databaseName)
		require.NotContains(t, out, word)
	}
}

func TestInspectWatchesUntilItIsInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), databaseName)
	fill(t, path)
	ctx, cancel := context.WithCancel(context.Background())
	shown, reader := newScreen()
	done := make(chan int, 1)
	go func() { done <- run(ctx, []string{"inspect", "--db", path, "--watch"}, shown, io.Discard) }()
	<-reader
	cancel()
	require.Zero(t, <-done)
}

// screen signals when something is written.
type screen struct {
	once  sync.Once
	wrote chan struct{}
}

func newScreen() (*screen, <-chan struct{}) {
	s := &screen{wrote: make(chan struct{})}
	return s, s.wrote
}

func (s *screen) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.wrote) })
	return len(p), nil
}

func TestAuditRecomputesEveryWinner(t *testing.T) {
	path := filepath.Join(t.TempDir(), databaseName)
	fill(t, path)
	status, out, errs := call(t, "audit", "--db", path)
	require.Zero(t, status, errs)
	require.Contains(t, out, "3 settled epochs: 2 proven by signed reports, 0 unproven, 1 missed, 0 failed")

	tamper(t, path, `UPDATE reward SET value = 10000 WHERE epoch = 2 AND mixnode = 'm002'`)
	status, out, errs = call(t, "audit", "--db", path)
	require.Equal(t, command.ExitFailure, status)
	require.Contains(t, out, "epoch 2: carried, FAIL: mixnode m002 is paid 100.00 of epoch 1, which measured 90.26")
	require.Contains(t, errs, errAudit.Error())

	tamper(t, path, `DELETE FROM epoch WHERE id = 4; UPDATE epoch SET description = (SELECT description FROM epoch WHERE id = 2) WHERE id = 1`)
	status, out, _ = call(t, "audit", "--db", path)
	require.Equal(t, command.ExitFailure, status)
	require.Contains(t, out, "epoch 2: submission, FAIL")
}

// auditTampered returns what the audit of a tampered database writes. It requires that it fails.
func auditTampered(t *testing.T, statements string) string {
	path := filepath.Join(t.TempDir(), databaseName)
	fill(t, path)
	tamper(t, path, statements)
	status, out, _ := call(t, "audit", "--db", path)
	require.Equal(t, command.ExitFailure, status, statements)
	return out
}

// The tables that people query agree with the evidence.
func TestAuditComparesWhatIsShownWithTheEvidence(t *testing.T) {
	for statement, want := range map[string]string{
		`UPDATE winner SET accepted_ms = accepted_ms - 1 WHERE epoch = 2`:                          "the winner shown",
		`UPDATE winner SET key = (SELECT key FROM member WHERE key <> winner.key) WHERE epoch = 2`: "the winner shown",
		`UPDATE winner SET block = (SELECT block FROM winner WHERE epoch = 1) WHERE epoch = 2`:     "the winner shown",
		`UPDATE epoch SET status = 'missed' WHERE id = 2`:                                          "shown as missed",
		`UPDATE epoch SET start_ms = start_ms + 1 WHERE id = 2`:                                    "its description says",
		`DELETE FROM reporter WHERE epoch = 2 AND place = 1`:                                       "the reporters shown",
		`UPDATE signer SET key = (SELECT max(key) FROM signer) WHERE epoch = 2 AND place = 1`:      "the signers shown",
		`UPDATE report SET shortfalls = replace(shortfalls, '98', '97') WHERE id = 2001`:           "the report shown",
		`DELETE FROM report WHERE id = 2004`:                                                       "the report shown",
		`UPDATE reporter SET key = 'nobody' WHERE epoch = 2 AND place = 1`:                         "epoch 2",
	} {
		out := auditTampered(t, statement)
		require.Contains(t, out, want, statement)
		require.Contains(t, out, "1 proven by signed reports, 0 unproven, 1 missed, 1 failed", statement)
	}
}

// The owner of a database cannot remove an epoch or a winner, or miss an epoch afterwards.
func TestAuditFindsWhatTheRecordsContradict(t *testing.T) {
	const remove = `DELETE FROM reporter WHERE epoch = 2; DELETE FROM signer WHERE epoch = 2; DELETE FROM reward WHERE epoch = 2; DELETE FROM winner WHERE epoch = 2; `
	for statements, want := range map[string]string{
		remove + `UPDATE epoch SET status = 'missed', reason = 'nobody' WHERE id = 2`:              "epoch 2: record, FAIL: the contract signed that the epoch was rewarded, the core says missed",
		remove + `DELETE FROM attempt WHERE epoch = 2; DELETE FROM epoch WHERE id = 2`:             "contract.db: strict form, FAIL: invalid contract data: core without a description",
		remove + `DELETE FROM record WHERE epoch = 2; DELETE FROM epoch WHERE id = 2`:              "epoch 3: chain, FAIL: epoch 3 follows epoch 1: epochs between them were removed",
		`DELETE FROM record WHERE epoch = 3`:                                                       "epoch 3 in ",
		`UPDATE epoch SET reason = 'another' WHERE id = 3`:                                         "epoch 3: tables, FAIL: audit failed: missed with the reason \"another\"",
		`UPDATE record SET encoded = (SELECT encoded FROM record WHERE epoch = 1) WHERE epoch = 2`: "epoch 2: record, FAIL: of epoch 1 of contract",
	} {
		require.Contains(t, auditTampered(t, statements), want, statements)
	}
}

// The questions in the README have answers.
func TestQuestionsOfTheREADMEAreAnswered(t *testing.T) {
	path := filepath.Join(t.TempDir(), databaseName)
	fill(t, path)
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	db, err := sqlx.Open("sqlite3", path)
	require.NoError(t, err)
	defer db.Close()
	parts := strings.Split(string(text), "```sql\n")
	require.Len(t, parts, 7)
	for _, part := range parts[1:] {
		query, _, _ := strings.Cut(part, "```")
		rows, err := db.Queryx(query)
		require.NoError(t, err, query)
		require.True(t, rows.Next(), query)
		answer, err := rows.SliceScan()
		require.NoError(t, err, query)
		require.NotContains(t, answer, nil, query)
		require.NoError(t, rows.Close())
	}
}

func TestBackupIsWrittenToAFileOrToTheStandardOutput(t *testing.T) {
	folder := t.TempDir()
	fill(t, filepath.Join(folder, databaseName))
	to := filepath.Join(folder, "copy.db")
	status, _, errs := call(t, "backup", "--home", folder, "--to", to)
	require.Zero(t, status, errs)
	status, out, errs := call(t, "backup", "--home", folder, "--to", "-")
	require.Zero(t, status, errs)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "piped.db"), []byte(out), 0o600))
	for _, name := range []string{"copy.db", "piped.db"} {
		status, out, errs := call(t, "audit", "--db", filepath.Join(folder, name))
		require.Zero(t, status, errs)
		require.Contains(t, out, "2 proven by signed reports")
	}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 5, "three databases, a lock and a marker")
}

func TestServeContinuesWithItsFolder(t *testing.T) {
	home := filepath.Join(t.TempDir(), "new", "home")
	address, err := freeport.Address()
	require.NoError(t, err)
	t.Setenv("CONTRACT_TOKEN", "secret")
	var key keys.Public
	for range 2 {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan int, 1)
		ready := watchLog("contract listens")
		go func() {
			done <- run(ctx, []string{"serve", "--listen", address, "--home", home, "--expect", "1", "--mixnodes", "5", "--log-format", "json"}, io.Discard, ready)
		}()
		<-ready.seen
		status, _, errs := call(t, "health", "--url", address)
		require.Zero(t, status, errs)
		c, err := client.New("http://"+address, nil)
		require.NoError(t, err)
		info, err := c.PeerInfo(ctx)
		require.NoError(t, err)
		if key != (keys.Public{}) {
			require.Equal(t, key, info.ContractKey)
		}
		key = info.ContractKey
		e := contract.Enrolment{Name: "a", Counter: 1}.Sign(contracttest.Key(1), info.Network, key)
		_, err = c.Enrol(ctx, e, "wrong")
		require.ErrorIs(t, err, contract.WrongToken)
		answer, err := c.Enrol(ctx, e, "secret")
		require.NoError(t, err)
		require.True(t, answer.Complete)
		c.Close()
		cancel()
		require.Zero(t, <-done)
	}
	status, _, _ := call(t, "health", "--url", address)
	require.Equal(t, command.ExitFailure, status)
}

// watchedLog is a log that signals when a text is written.
type watchedLog struct {
	text string
	once sync.Once
	seen chan struct{}
}

func watchLog(text string) *watchedLog { return &watchedLog{text: text, seen: make(chan struct{})} }

func (s *watchedLog) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.text) {
		s.once.Do(func() { close(s.seen) })
	}
	return len(p), nil
}

func TestUsageErrorsNameTheFlagAndExitWithTwo(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	names := filepath.Join(folder, "names")
	require.NoError(t, os.WriteFile(names, []byte("a\n\nb c\n"), 0o600))
	require.NoError(t, os.WriteFile("exposed", []byte("secret"), 0o600))
	require.NoError(t, os.Chmod("exposed", 0o640))
	table := filepath.Join(folder, "table.csv")
	require.NoError(t, os.WriteFile(table, []byte("mix_id,key\n1,2Gu\n"), 0o600))
	for message, args := range map[string][]string{
		"--expect 0, expected": {"serve"},
		"--mode \"x\", expected ephemera, single or performance-contract":   {"serve", "--expect", "1", "--mode", "x"},
		"--verify \"x\", expected full or none":                             {"serve", "--expect", "1", "--verify", "x"},
		"--estimator: unknown estimator":                                    {"serve", "--expect", "1", "--estimator", "x"},
		"\"--epoch\": expected a number with its unit, such as --epoch=10s": {"serve", "--epoch", "4"},
		"See: contract serve --help":                                        {"serve"},
		"--mixnodes: bad world":                                             {"serve", "--expect", "1", "--mixnodes", "0"},
		"--listen: \"127.0.0.1:99999\" has port":                            {"serve", "--expect", "1", "--listen", "127.0.0.1:99999"},
		"--accept-epochs 0":                                                 {"serve", "--expect", "1", "--accept-epochs", "0"},
		"advance \"x\", expected":                                           {"serve", "--expect", "1", "--advance", "x"},
		"--token and --token-file are both given":                           {"serve", "--expect", "1", "--token", "a", "--token-file", "b"},
		"--token-file missing does not exist":                               {"serve", "--expect", "1", "--token-file", "missing"},
		"run: chmod 600 exposed":                                            {"serve", "--expect", "1", "--token-file", "exposed"},
		"--token-file is missing, expected the file to create":              {"serve", "--expect", "1", "--create-token"},
		"host \"http://a\" contains ':'":                                    {"serve", "--expect", "1", "--host", "http://a"},
		"--log-level \"x\"":                                                 {"serve", "--expect", "1", "--log-level", "x"},
		"--log-format \"x\"":                                                {"serve", "--expect", "1", "--log-format", "x"},
		"unknown flag: --nonsense":                                          {"serve", "--nonsense"},
		"contract serve takes no argument, got \"x\"":                       {"serve", "x"},
		"--epoch \"0\", expected":                                           {"inspect", "--epoch", "0"},
		"--mixnode: bad mixnode name":                                       {"inspect", "--mixnode", "a b"},
		"--source \"x\"":                                                    {"inspect", "--seed", "1", "--source", "x"},
		"--reports and --reporters exclude":                                 {"inspect", "--reports", "--reporters"},
		"--reporters is about all epochs":                                   {"inspect", "--reporters", "--epoch", "1"},
		"--csv and --json exclude each other":                               {"inspect", "--csv", "--json"},
		"--last -1":                                                         {"inspect", "--last", "-1"},
		"--ticks 0":                                                         {"inspect", "--ticks", "0"},
		"names:3: bad mixnode name":                                         {"serve", "--expect", "1", "--mixnodes-file", names},
		"table.csv:1: bad list of names":                                    {"serve", "--expect", "1", "--mixnodes-file", table},
		"--to is missing":                                                   {"backup"},
		"--url: bad address":                                                {"health", "--url", "ftp://x"},
	} {
		status, _, errs := call(t, args...)
		require.Equal(t, command.ExitUsage, status, errs)
		require.Contains(t, errs, message)
	}
	for message, args := range map[string][]string{
		"read database: stat missing":        {"inspect", "--db", "missing"},
		"no epoch is rewarded yet":           {"inspect", "--db", emptyDatabase(t, folder), "--epoch", "last"},
		"mixnode m9 is in no rewarded epoch": {"inspect", "--db", filepath.Join(folder, "empty.db"), "--mixnode", "m9"},
	} {
		status, _, errs := call(t, args...)
		require.Equal(t, command.ExitFailure, status, errs)
		require.Contains(t, errs, message)
	}
	t.Setenv("CONTRACT_EXPECT", "many")
	status, _, errs := call(t, "serve")
	require.Equal(t, command.ExitUsage, status)
	require.Contains(t, errs, "environment variable CONTRACT_EXPECT")
	status, out, _ := call(t, "version")
	require.Zero(t, status)
	require.Equal(t, "contract unknown\n", out)
}

func emptyDatabase(t *testing.T, folder string) string {
	path := filepath.Join(folder, "empty.db")
	s, err := store.Open(context.Background(), path, store.Owner{Network: "n", Key: contracttest.Key(1)}, 1, nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	return path
}

func TestMixnodesAreReadFromAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "names")
	require.NoError(t, os.WriteFile(path, []byte("\xef\xbb\xbfb\r\n a \r\n\r\nc\n\n"), 0o600))
	f := serveFlags{mixnodesFile: path}
	names, err := f.readMixnodes()
	require.NoError(t, err)
	require.Equal(t, []metrics.MixID{"a", "b", "c"}, names)
}
