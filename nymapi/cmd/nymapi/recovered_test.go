package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

const (
	logTwoReceipts    = "the contract signed two receipts for one epoch"
	logAnotherHistory = "the contract's description of an epoch is refused"
)

// A contract that continues on purpose with an older copy of its database signs a second receipt
// for an epoch when somebody submits again what is public. All Nym-APIs notice, write a proof that
// fails the audit, and report nothing after the other history until they are told to accept it.
func TestRecoveredContractIsConvictedByItsNymAPIs(t *testing.T) {
	n := newNetwork(t, buildPrograms(t))
	for number := 1; number <= members; number++ {
		n.start(number)
		n.running[number].expected = `"level":"error"`
	}
	n.reported()
	older := filepath.Join(n.dir, "older.db")
	lost := n.copyDatabase(older)
	evidence := n.evidence(lost)
	n.stop(theContract)
	n.restoreDatabase(older)

	program, args := n.command(theContract)
	status, output := ended(t, program, args...)
	require.Equal(t, 1, status, output)
	require.Contains(t, output, "put the newest database and its marker back")
	status, output = ended(t, n.contract, "recover", "--home", n.home(theContract), "--accept-loss", n.settled().String())
	require.Zero(t, status, output)
	n.start(theContract)
	n.up(theContract)
	for _, submission := range evidence {
		n.eventually("the contract takes the submission again", func() bool {
			_, err := n.asked.Submit(n.Context(), submission)
			return err == nil
		})
	}
	for number := 1; number <= members; number++ {
		n.logged(number, 0, logTwoReceipts)
		n.convicts(number, lost)
	}
	for number := 1; number <= members; number++ {
		n.logged(number, 0, logAnotherHistory)
		n.stop(number)
		n.options[number] = []string{"--accept-history"}
		n.start(number)
	}
	n.reported()
	for number := 1; number <= members; number++ {
		n.stop(number)
	}
	n.stop(theContract)
}

// copyDatabase copies the contract's database while an epoch is open and all before it are settled.
// It returns the number of that epoch, once it is rewarded and all Nym-APIs keep its receipt.
func (n *network) copyDatabase(to string) (open contract.Epoch) {
	n.Helper()
	n.eventually("the newest epoch is the only open one", func() bool {
		status, output := ended(n.T, n.contract, "backup", "--home", n.home(theContract), "--to", to)
		require.Zero(n, status, output)
		var opened []contract.Epoch
		query(n.T, to, func(db *sqlx.DB) {
			require.NoError(n, db.Select(&opened, `SELECT id FROM epoch WHERE status = 'open'`))
		})
		if len(opened) == 1 {
			open = opened[0]
		}
		return open != 0
	})
	n.eventually("all Nym-APIs keep the receipt of epoch "+open.String(), func() bool {
		for number := 1; number <= members; number++ {
			var kept int
			query(n.T, n.rewardsDB(number), func(db *sqlx.DB) {
				require.NoError(n, db.Get(&kept, `SELECT count(*) FROM receipts WHERE epoch = ?`, open))
			})
			if kept == 0 {
				return false
			}
		}
		return true
	})
	return open
}

// evidence returns the winning submissions of the rewarded epochs from that one on.
func (n *network) evidence(from contract.Epoch) []contract.Submission {
	n.Helper()
	var won []contract.Submission
	for id := from; ; id++ {
		detail, err := n.asked.EpochDetail(n.Context(), id)
		require.NoError(n, err)
		if detail.Status != contract.StatusRewarded {
			return won
		}
		core, err := n.asked.Core(n.Context(), id)
		require.NoError(n, err)
		submission, err := contract.DecodeSubmission(core.Submission, len(core.Submission))
		require.NoError(n, err)
		won = append(won, submission)
	}
}

// restoreDatabase puts a copy instead of the contract's database.
func (n *network) restoreDatabase(older string) {
	n.Helper()
	for _, suffix := range []string{"-wal", "-shm"} {
		require.NoError(n, os.RemoveAll(n.contractDB()+suffix))
	}
	require.NoError(n, os.Rename(older, n.contractDB()))
}

// settled returns the epoch that the contract's marker says was settled last.
func (n *network) settled() contract.Epoch {
	n.Helper()
	content, err := os.ReadFile(n.contractDB() + ".marker")
	require.NoError(n, err)
	var marker struct{ Epoch contract.Epoch }
	require.NoError(n, json.Unmarshal(content, &marker))
	return marker.Epoch
}

// convicts checks the proof that a Nym-API wrote, and that it logged nothing else as an error but
// this and what goes with it.
func (n *network) convicts(number int, epoch contract.Epoch) {
	n.Helper()
	proof := filepath.Join(n.home(number), rewards.ProofFile(epoch))
	n.eventually("the proof is written", func() bool {
		_, err := os.Stat(proof)
		return err == nil
	})
	info, err := n.asked.PeerInfo(n.Context())
	require.NoError(n, err)
	status, output := ended(n.T, n.contract, "compare-receipts", "--key", info.ContractKey.String(), proof)
	require.Zero(n, status, output)
	require.Contains(n, output, "signed two receipts for epoch "+epoch.String())
	status, output = ended(n.T, n.contract, "audit", "--db", n.contractDB())
	require.Zero(n, status, "the database alone fits: %s", output)
	status, output = ended(n.T, n.contract, "audit", "--db", n.contractDB(), "--proof", proof)
	require.Equal(n, 1, status, output)
	log, _ := n.running[number].log.from(0)
	named := 0
	for line := range strings.Lines(string(log)) {
		if !strings.Contains(line, `"level":"error"`) {
			continue
		}
		require.Regexp(n, logTwoReceipts+"|the contract no longer has a receipt|the contract describes an epoch again|another description of the epoch|"+logAnotherHistory, line)
		if strings.Contains(line, logTwoReceipts) && strings.Contains(line, `"epoch":`+epoch.String()+",") {
			named++
		}
	}
	require.Equal(n, 1, named, "once for each epoch")
}
