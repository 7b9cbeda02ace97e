package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// outsider is somebody with the real command of the contract, in a folder of their own.
type outsider struct {
	*testing.T
	contract, folder string
}

// run runs the command in the folder, and returns its exit status and its output.
func (s outsider) run(args ...string) (status int, output string) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), s.contract, args...)
	cmd.Dir = s.folder
	text, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return exit.ExitCode(), string(text)
	}
	require.NoError(s, err)
	return 0, string(text)
}

func (s outsider) verify() (status int, output string) {
	s.Helper()
	return s.run("verify", "bundles", "--group", "group", "--contract-key", "contract.key")
}

// A stranger gets the bundles, the group and the key of a comparison, and the database, and has
// nothing else. What the comparison said of its evidence is what they find, and they find what
// somebody changed.
func TestAStrangerVerifiesAComparison(t *testing.T) {
	programs := programs{dir: t.TempDir()}
	s := outsider{T: t, contract: programs.build(t, "contract", "contract"), folder: t.TempDir()}
	out := filepath.Join(t.TempDir(), "out")
	var stdout, stderr bytes.Buffer
	args := []string{"compare", "--out", out, "--mixnodes", "10", "--epochs", "4", "--epoch", "2s", "--liars", "1"}
	require.Zero(t, run(t.Context(), args, &stdout, &stderr), stderr.String())
	s.followsTheREADME(out)
	for _, name := range []string{"bundles", "group", "contract.key", "contract.db"} {
		require.NoError(t, os.Rename(filepath.Join(out, "ephemera", name), filepath.Join(s.folder, name)))
	}
	require.NoError(t, os.RemoveAll(out))

	status, found := s.verify()
	require.Zero(t, status, found)
	said := regexp.MustCompile(`Evidence in ephemera: (\d+ of \d+ checks passed)`).FindStringSubmatch(stdout.String())
	require.Len(t, said, 2, stdout.String())
	require.Contains(t, found, said[1], "the comparison and the command make the same checks")
	require.Contains(t, found, "Group and contract key are those of your trusted copies.")
	require.Contains(t, stdout.String(), "checks passed; measurements are not checkable.", "of mode single")

	s.findsDoctoredBundles()
	s.findsDoctoredDatabases()
}

// followsTheREADME runs the commands of the section "Check it yourself" after a comparison.
func (s outsider) followsTheREADME(results string) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	require.NoError(s, err)
	_, section, _ := strings.Cut(string(readme), "\n## Check it yourself\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "```sh\n")
	require.Len(s, blocks, 3)
	dir := s.TempDir()
	require.NoError(s, os.MkdirAll(filepath.Join(dir, "results"), 0o700))
	require.NoError(s, os.Symlink(results, filepath.Join(dir, "results", "latest")))
	require.NoError(s, os.Mkdir(filepath.Join(dir, "bin"), 0o700))
	require.NoError(s, os.Symlink(s.contract, filepath.Join(dir, "bin", "contract")))
	shell := func(script string) (string, error) {
		cmd := exec.CommandContext(s.Context(), "bash", "-ec", script)
		cmd.Dir = dir
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
	checking, _, _ := strings.Cut(blocks[1], "```")
	output, err := shell(checking)
	require.NoError(s, err, output)
	require.Contains(s, output, "36  spread", "of one epoch and of all")
	require.Contains(s, output, "0 failed", "of the audit")
	doctoring, rest, _ := strings.Cut(blocks[2], "```")
	variable, checking, _ := strings.Cut(checking, "\n")
	output, err = shell(variable + "\n" + doctoring)
	require.Error(s, err, output)
	_, shown, _ := strings.Cut(rest, "```text\n")
	shown, _, _ = strings.Cut(shown, "```")
	require.Contains(s, output, shown, "as the README shows it")
	output, err = shell("D=results/latest/single\n" + checking)
	var exit *exec.ExitError
	require.ErrorAs(s, err, &exit)
	require.Equal(s, command.ExitUnchecked, exit.ExitCode(), "the README says so of mode single")
	require.Contains(s, output, "not all that was asked for could be checked")
}

// findsDoctoredBundles changes a bundle in several ways, each of which the check that is named for
// it must find.
func (s outsider) findsDoctoredBundles() {
	for _, c := range []struct {
		name   string
		change func(content []byte) []byte
		want   string
	}{
		{"epoch-3.core", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "FAIL, epoch 3, check 27, receipt: "},
		{"epoch-3.annex", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "FAIL, epoch 3, check 32, annex: "},
		{"epoch-3.core", func([]byte) []byte { return nil }, "FAIL, bundles/epoch-3.core, check 1, strict form: "},
	} {
		path := filepath.Join(s.folder, "bundles", c.name)
		content, err := os.ReadFile(path)
		require.NoError(s, err)
		require.NoError(s, os.WriteFile(path, c.change(bytes.Clone(content)), 0o600))
		status, found := s.verify()
		require.Equal(s, command.ExitFailure, status, found)
		require.Contains(s, found, c.want)
		require.NoError(s, os.WriteFile(path, content, 0o600))
	}
	aside := filepath.Join(s.folder, "aside")
	require.NoError(s, os.Mkdir(aside, 0o700))
	for _, name := range []string{"epoch-3.core", "epoch-3.annex"} {
		require.NoError(s, os.Rename(filepath.Join(s.folder, "bundles", name), filepath.Join(aside, name)))
	}
	status, found := s.verify()
	require.Equal(s, command.ExitFailure, status, found)
	require.Contains(s, strings.Join(strings.Fields(found), " "), "FAIL, epoch 4, check 29, chain: epoch 4 follows epoch 2: epochs between them were removed")
	for _, name := range []string{"epoch-3.core", "epoch-3.annex"} {
		require.NoError(s, os.Rename(filepath.Join(aside, name), filepath.Join(s.folder, "bundles", name)))
	}
}

// Statements with which the owner of a database removes the winner of epoch 3, and the whole epoch.
const (
	removeWinner = `DELETE FROM reporter WHERE epoch = 3; DELETE FROM signer WHERE epoch = 3; DELETE FROM report WHERE id / 1000 = 3;
		DELETE FROM reward WHERE epoch = 3; DELETE FROM winner WHERE epoch = 3; `
	removeEpoch = removeWinner + `DELETE FROM attempt WHERE epoch = 3; DELETE FROM annex WHERE epoch = 3; DELETE FROM record WHERE epoch = 3; DELETE FROM epoch WHERE id = 3`
)

// findsDoctoredDatabases marks epoch 3 as missed in a copy of the database, and removes it from
// another.
func (s outsider) findsDoctoredDatabases() {
	status, found := s.run("audit", "--db", "contract.db")
	require.Zero(s, status, found)
	require.Contains(s, found, "0 unproven")
	require.Contains(s, found, "0 failed")
	original, err := os.ReadFile(filepath.Join(s.folder, "contract.db"))
	require.NoError(s, err)
	for statements, want := range map[string]string{
		`UPDATE epoch SET status = 'missed', reason = 'nobody' WHERE id = 3`:                "shown as missed",
		removeWinner + `UPDATE epoch SET status = 'missed', reason = 'nobody' WHERE id = 3`: "epoch 3: record, FAIL: the contract signed that the epoch was rewarded, the core says missed",
		removeEpoch: "epoch 4: chain, FAIL: epoch 4 follows epoch 2: epochs between them were removed",
	} {
		path := filepath.Join(s.folder, "copy.db")
		require.NoError(s, os.WriteFile(path, original, 0o600))
		db, err := sqlx.Open("sqlite3", path)
		require.NoError(s, err)
		_, err = db.Exec(statements)
		require.NoError(s, err, statements)
		require.NoError(s, db.Close())
		status, found := s.run("audit", "--db", "copy.db")
		require.Equal(s, command.ExitFailure, status, "%s: %s", statements, found)
		require.Contains(s, found, want, statements)
		require.NoError(s, os.Remove(path))
	}
}
