package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// newSealed returns a database whose settled epochs have annexes, epoch 1 with a late submission of
// another result.
func newSealed(t *testing.T) (path string) {
	ctx := context.Background()
	path = filepath.Join(t.TempDir(), databaseName)
	fill(t, path)
	s, err := store.Open(ctx, path, store.Owner{Network: contracttest.Network, Key: contracttest.ContractKey()}, 1, nil)
	require.NoError(t, err)
	d := description(t, 1)
	b := contracttest.Block(d, 4, contracttest.Messages(d, 2, 3, 4))
	e := &contract.Evidence{Block: b, Certificate: contracttest.Certify(d, b, 1, 2, 3)}
	late, err := contract.NewSubmission(contracttest.Key(4), d, contracttest.Result(d, e), e)
	require.NoError(t, err)
	v, err := verify.Submission(d, late)
	require.NoError(t, err)
	require.NoError(t, s.PutLate(ctx, d, v.Result, store.Attempt{
		Epoch: 1, Submitter: late.Submitter, At: d.End + 60, Verdict: contract.VerdictLate, Type: contract.Decided.Type(), Reason: "won by another", Submission: late.Encode(),
	}))
	for epoch := contract.Epoch(1); epoch <= 3; epoch++ {
		all, err := s.Collect(ctx, epoch)
		require.NoError(t, err)
		annex, err := all.Seal(all.Core, description(t, epoch).End+3000, contracttest.ContractKey())
		require.NoError(t, err)
		require.NoError(t, s.PutAnnex(ctx, annex))
	}
	require.NoError(t, s.Close())
	return path
}

// What is changed in a database without its contract is found, whatever table it is in.
func TestAuditNamesWhatWasChanged(t *testing.T) {
	path := newSealed(t)
	status, out, errs := call(t, "audit", "--db", path)
	require.Zero(t, status, out+errs)
	original, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, c := range []struct{ change, want string }{
		{"DELETE FROM annex WHERE epoch = 2", "epoch 2: strict form, FAIL: the annex of a closed epoch is missing"},
		{"DELETE FROM epoch; DELETE FROM record; DELETE FROM winner", "epoch 3 in .*: strict form, FAIL: the evidence of a settled epoch is missing"},
		{"DELETE FROM attempt WHERE epoch = 1", "epoch 1: tables, FAIL: audit failed: the submission shown as accepted"},
		{"DELETE FROM attempt WHERE epoch = 1 AND reason <> ''", "epoch 1: tables, FAIL: .* is not shown"},
		{"DELETE FROM attempt WHERE epoch = 3", "epoch 3: tables, FAIL: audit failed: the invalid submission of .* is not shown"},
		{"UPDATE attempt SET at_ms = at_ms + 1 WHERE epoch = 2 AND verdict = 'late'", "epoch 2: tables, FAIL: .* is not in the annex"},
		{"UPDATE attempt SET verdict = 'invalid' WHERE epoch = 1 AND verdict = 'late'", "epoch 1: tables, FAIL: audit failed: a submission"},
		{"UPDATE submitted SET spread = spread + 5", "epoch 1: tables, FAIL: audit failed: the spread shown"},
		{"UPDATE submitted SET late = 2", "epoch 1: tables, FAIL: audit failed: the spread shown"},
		{"UPDATE history SET squared = squared + 1", "epoch 3: tables, FAIL: audit failed: the history shown"},
		{"DELETE FROM history", "epoch 3: tables, FAIL: audit failed: the history shown has 0 reporters"},
		{"UPDATE report SET deviation = deviation + 1 WHERE id > 2000", "epoch 2: tables, FAIL: audit failed: the deviation shown"},
		{"UPDATE listing SET place = place + 1 WHERE place = 2", "epoch 1: tables, FAIL: audit failed: list 1 has mixnode"},
		{"UPDATE epoch SET settled_ms = settled_ms + 1 WHERE id = 3", "epoch 3: tables, FAIL: audit failed: shown as settled at"},
		{"UPDATE epoch SET description_hash = '00' WHERE id = 2", "epoch 2: tables, FAIL: audit failed: the description is kept with hash"},
		{"UPDATE record SET hash = '00' WHERE epoch = 1", "epoch 1: tables, FAIL: audit failed: the record is kept with hash"},
		{"UPDATE winner SET rewards = '00' WHERE epoch = 1", "epoch 1: tables, FAIL: audit failed: the rewards are kept with hash"},
		{"UPDATE reporter SET message = '00' WHERE epoch = 2", "epoch 2: tables, FAIL: audit failed: the message shown"},
		{"UPDATE member_group SET encoded = x'00'", "epoch 1: tables, FAIL: audit failed: the group shown"},
		{"UPDATE member SET peer_id = (SELECT min(peer_id) FROM member)", "epoch 3: tables, FAIL: audit failed: member .* is shown with peer ID"},
		{"UPDATE member_group SET f = 2", "epoch 1: tables, FAIL: audit failed: the group shown"},
	} {
		changed := filepath.Join(t.TempDir(), databaseName)
		put(t, changed, original)
		tamper(t, changed, c.change)
		status, out, errs := call(t, "audit", "--db", changed)
		require.Equal(t, command.ExitFailure, status, "%s: %s%s", c.change, out, errs)
		require.Regexp(t, c.want, out, c.change)
	}
}

// Names are not in the evidence, so only a trusted copy of the group shows that they were swapped.
func TestVerifyComparesNamesWithThoseOfATrustedGroup(t *testing.T) {
	v := newVerifiable(t)
	tamper(t, v.db, `UPDATE member SET name = 'other' WHERE name = 'nymapi-1'; UPDATE member SET name = 'nymapi-1' WHERE name = 'nymapi-2';
		UPDATE member SET name = 'nymapi-2' WHERE name = 'other'`)
	status, out, errs := call(t, "verify", "--db", v.db)
	require.Zero(t, status, errs)
	require.Contains(t, out, "37  tables                3")
	status, out, _ = call(t, v.trusted("--db", v.db)...)
	require.Equal(t, command.ExitFailure, status)
	require.Regexp(t, `FAIL, epoch 3, check 37, tables: audit failed: member\s+\S+ is shown`, out)
}

func TestAuditOfNothingIsNotASuccess(t *testing.T) {
	path := newSealed(t)
	tamper(t, path, "DELETE FROM epoch; DELETE FROM record; DELETE FROM winner; DELETE FROM reporter; DELETE FROM annex")
	status, _, errs := call(t, "audit", "--db", path)
	require.Equal(t, command.ExitUnchecked, status)
	require.Contains(t, errs, "no epoch is settled at")
}

func TestAnnexThatReplacedAnotherIsNamed(t *testing.T) {
	for replaced, by := range map[string]string{"epoch-1.annex": "epoch-2.annex", "epoch-3.annex": "epoch-2.annex"} {
		v := newVerifiable(t)
		annex, err := os.ReadFile(v.file(by))
		require.NoError(t, err)
		put(t, v.file(replaced), annex)
		status, out, errs := call(t, v.trusted(v.folder)...)
		require.Equal(t, command.ExitFailure, status, errs)
		require.Contains(t, out, "FAIL, epoch "+replaced[len("epoch-"):len("epoch-")+1]+", check 32, annex: ")
	}
}
