// Package year makes a contract's database as long operation leaves it: many epochs of 10 Nym-APIs
// and 240 mixnodes with a winner and nine late submissions each. Benchmarks of what reads such a
// database use it. Signatures of reports are left out, so the database does not pass an audit.
package year

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/ledger"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// What the database is about.
const (
	Hours    = 8760 // hourly epochs of a year
	NymAPIs  = 10
	Mixnodes = 240

	hour = contract.Millis(3_600_000)
	// submissionBytes is the size of a submission with that many reports about that many mixnodes.
	submissionBytes = 26_000
)

// Begin is the start of epoch 1.
const Begin = contract.Millis(1_700_000_000_000)

// Make makes a database at path with that many rewarded epochs, of the contract with that key. The
// folder must exist.
func Make(ctx context.Context, path string, key block.Signer, epochs int) error {
	s, err := store.Open(ctx, path, store.Owner{Network: contracttest.Network, Key: key}, Begin, nil)
	if err != nil {
		return err
	}
	if err := fill(ctx, s, key, epochs); err != nil {
		return errors.Join(err, s.Close())
	}
	if err := s.Close(); err != nil {
		return err
	}
	return addLate(ctx, path)
}

func fill(ctx context.Context, s *store.Store, key block.Signer, epochs int) error {
	for _, peer := range contracttest.Peers(NymAPIs) {
		if err := s.PutMember(ctx, store.Member{Peer: peer, Counter: 1}, Begin); err != nil {
			return err
		}
	}
	d := contracttest.Description(NymAPIs, Mixnodes)
	d.ContractKey = key.Public()
	if err := s.PutGroup(ctx, d.Group, Begin); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	for number := range epochs {
		d.Epoch, d.Start = contract.Epoch(number+1), Begin+contract.Millis(number)*hour
		d.End = d.Start + hour
		var err error
		if d.State, err = s.State(ctx); err != nil {
			return err
		}
		// Submissions are taken for years, so that a contract has nothing to finish when it starts.
		if err := s.BeginEpoch(ctx, ledger.Entry{ID: d.Epoch, Start: d.Start, End: d.End, Close: d.End + 3*Hours*hour}, d); err != nil {
			return err
		}
		if err := settle(ctx, s, key, d, random); err != nil {
			return err
		}
	}
	return nil
}

// settle rewards an epoch with reports around 90 percent, one in twenty of which lacks the value.
func settle(ctx context.Context, s *store.Store, key block.Signer, d contract.Description, random *rand.Rand) error {
	rows, reporters := make([]metrics.Row, NymAPIs), make([]verify.Reporter, NymAPIs)
	for i := range rows {
		values := make([]metrics.Uptime, Mixnodes)
		for j := range values {
			values[j] = metrics.Uptime(9000 + random.IntN(900))
			if random.IntN(20) == 0 {
				values[j] = metrics.Missing
			}
		}
		reporter := d.Group.Members()[i]
		rows[i] = metrics.Row{Reporter: reporter.PeerID(), Values: values}
		reporters[i] = verify.Reporter{Key: reporter, Message: block.MessageID{byte(i)}}
	}
	matrix, err := metrics.NewMatrix(d.Mixnodes, rows)
	if err != nil {
		return err
	}
	result, err := verify.Result(matrix, d)
	if err != nil {
		return err
	}
	submission := make([]byte, submissionBytes)
	for i := range submission {
		submission[i] = byte(random.Uint32())
	}
	at, winner := d.End+100, d.Group.Members()[random.IntN(NymAPIs)]
	return s.Settle(ctx, d, at, func(values verify.Values) store.Settlement {
		rewards := values.Fill(d, result)
		receipt := contract.Receipt{
			Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: block.ID{1}, Rewards: contract.HashRewards(d.Network, d.Epoch, rewards),
			Submitter: winner, AcceptedAt: at,
		}.Sign(key)
		return store.Settlement{
			Block: receipt.Block, Matrix: matrix, Reporters: reporters, Signers: append([]keys.Public{}, d.Group.Members()[:d.Group.Q()]...),
			Rewards: rewards, Receipt: receipt, Submission: submission,
		}
	})
}

// addLate adds the late submissions of the other members, and an invalid one to every tenth epoch.
func addLate(ctx context.Context, path string) error {
	db, err := sqlx.Open("sqlite3", path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `INSERT INTO attempt (epoch, key, at_ms, verdict, type, reason, bytes, digest, submission)
		SELECT w.epoch, m.key, w.accepted_ms + 50, iif(w.epoch % 10 = 0 AND m.name = 'nymapi-3', 'invalid', 'late'), 'urn:nym-rewarding:problem:already-decided',
			'epoch ' || w.epoch || ' was won by another', ?, printf('%064d', w.epoch), NULL
		FROM winner w JOIN member m ON m.key <> w.key ORDER BY w.epoch`, submissionBytes)
	if err != nil {
		err = fmt.Errorf("add late submissions: %w", err)
	}
	return errors.Join(err, db.Close())
}
