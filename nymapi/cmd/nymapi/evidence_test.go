package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/sqlite"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// remains are the databases of a Nym-API as it was killed.
type remains struct {
	name string // of the Nym-API, and the run that was killed
	dir  string
}

// collect copies the databases of a Nym-API that was just killed.
func (n *network) collect(number int) {
	n.Helper()
	name := n.name(number) + "-killed-in-run-" + contract.Epoch(len(n.logs[number])).String()
	left := remains{name: name, dir: filepath.Join(n.dir, name)}
	require.NoError(n, os.Mkdir(left.dir, 0o700))
	for _, file := range []string{home.StoreFile, home.StoreFile + "-wal", service.RewardsFile, service.RewardsFile + "-wal"} {
		data, err := os.ReadFile(filepath.Join(n.home(number), file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		require.NoError(n, err)
		require.NoError(n, os.WriteFile(filepath.Join(left.dir, file), data, 0o600))
	}
	n.remains = append(n.remains, left)
}

// place is a slot of the only group.
type place struct {
	creator keys.Public
	height  uint64
}

// signed is a row of headers, votes or certificates.
type signed struct {
	Creator []byte `db:"creator"`
	Height  uint64 `db:"height"`
	Block   []byte `db:"block_id"`
}

func (s signed) place() place { return place{keys.Public(s.Creator), s.Height} }

// collected is the content of all databases together.
type collected struct {
	*testing.T
	blocks    map[place]block.ID                 // of every header and vote ever stored
	certified map[place]block.ID                 // at the end; the same for all
	votes     map[keys.Public]map[place]block.ID // of each member, at the end
	echoes    []certificate.Echo                 // of all stored certificates
	reports   map[reportOf]block.MessageID       // of every report ever stored
}

type reportOf struct {
	label  string
	sender keys.Public
}

// verify reads the databases after all processes have stopped.
func (n *network) verify(settled []contract.EpochDetail) {
	n.Helper()
	e := &collected{
		T: n.T, blocks: map[place]block.ID{}, certified: map[place]block.ID{}, votes: map[keys.Public]map[place]block.ID{},
		reports: map[reportOf]block.MessageID{},
	}
	for number := 1; number <= members; number++ {
		e.readStore(n.name(number), n.storeDB(number))
		e.readTables(n.name(number), n.storeDB(number), n.rewardsDB(number))
	}
	e.everyEchoWasStored()
	for _, left := range n.remains {
		e.readRemains(left)
	}
	n.verifyEpochs(e, settled)
	output, err := exec.CommandContext(n.Context(), n.contract, "audit", "--db", n.contractDB()).CombinedOutput()
	require.NoError(n, err, "audit: %s", output)
	require.Contains(n, string(output), "0 unproven")
	require.Contains(n, string(output), "0 failed")
	n.Logf("%d kills: %d certified blocks, %d signatures, %d reports, %d epochs; %s",
		len(n.outages), len(e.certified), len(e.echoes), len(e.reports), len(settled), output)
}

// readStore opens a store as its node does, and verifies every chain in it.
func (e *collected) readStore(name, path string) {
	e.Helper()
	s, err := sqlite.Open(path, nil)
	require.NoError(e, err, name)
	defer func() { require.NoError(e, s.Close()) }()
	who, err := s.Identity(e.Context())
	require.NoError(e, err, name)
	require.Zero(e, who.MutedThrough, "%s considers its store lost", name)
	groups, err := s.Groups(e.Context())
	require.NoError(e, err, name)
	require.Len(e, groups, 1, name)
	state, err := s.Load(e.Context(), groups[0].Group.ID())
	require.NoError(e, err, name)
	require.Empty(e, state.Evidence, "%s has seen a member sign two blocks for one slot", name)
	require.Len(e, state.Chains, members, name)
	e.votes[who.Key] = map[place]block.ID{}
	query(e.T, path, func(db *sqlx.DB) {
		for _, vote := range e.rows(db, "votes") {
			e.votes[who.Key][vote.place()] = block.ID(vote.Block)
		}
	})
	for _, chain := range state.Chains {
		require.NotZero(e, chain.Certified, name)
		require.Equal(e, chain.Certified, chain.Delivered, "%s stopped with blocks that were not delivered", name)
		require.Empty(e, chain.Votes, "%s stopped with open slots", name)
		e.readChain(name, s, groups[0].Group, chain)
	}
}

// readChain verifies a chain from its first block to its last, and compares it with the copies of
// the other members.
func (e *collected) readChain(name string, s store.Store, group *membership.Group, chain store.Chain) {
	e.Helper()
	slot := block.Slot{Group: group.ID(), Creator: chain.Creator, Height: 1}
	var parent block.ID
	for ; slot.Height <= chain.Certified; slot.Height++ {
		held, err := s.Certified(e.Context(), slot)
		require.NoError(e, err, "%s has a gap in a chain", name)
		require.NoError(e, certificate.VerifyBlock(group, held.Block, held.Certificate), "%s, slot %s", name, slot)
		require.Equal(e, parent, held.Block.Header.Parent, "%s, slot %s", name, slot)
		parent = held.Block.ID()
		at := place{slot.Creator, slot.Height}
		if other, known := e.certified[at]; known {
			require.Equal(e, other, parent, "two blocks are certified for slot %s", slot)
		}
		e.certified[at] = parent
		for _, signer := range held.Certificate.Members(group) {
			e.echoes = append(e.echoes, certificate.Echo{Slot: slot, Block: parent, Signer: signer})
		}
	}
	require.Equal(e, chain.Tip, parent, name)
	_, err := s.Certified(e.Context(), slot)
	require.ErrorIs(e, err, store.ErrNotFound, "%s holds blocks above a gap", name)
}

// everyEchoWasStored checks that each member still holds the votes that it signed: R3 makes a vote
// durable first, and nothing removes it.
func (e *collected) everyEchoWasStored() {
	e.Helper()
	for _, echo := range e.echoes {
		vote, known := e.votes[echo.Signer][place{echo.Slot.Creator, echo.Slot.Height}]
		require.True(e, known, "%s signed for slot %s and holds no vote", echo.Signer.Short(), echo.Slot)
		require.Equal(e, echo.Block, vote, "%s signed two blocks for slot %s", echo.Signer.Short(), echo.Slot)
	}
}

// readTables collects the blocks and reports in a Nym-API's databases.
func (e *collected) readTables(name, storePath, rewardsPath string) {
	e.Helper()
	query(e.T, storePath, func(db *sqlx.DB) { e.readBlocks(name, db) })
	query(e.T, rewardsPath, func(db *sqlx.DB) { e.readReports(name, db) })
}

func (e *collected) rows(db *sqlx.DB, table string) []signed {
	e.Helper()
	var rows []signed
	require.NoError(e, db.Select(&rows, `SELECT c.creator, t.height, t.block_id FROM `+table+` t JOIN chains c USING (chain)`))
	return rows
}

// readBlocks collects all blocks that were signed or stored to be signed, with or without a
// certificate.
func (e *collected) readBlocks(name string, db *sqlx.DB) {
	e.Helper()
	for _, table := range []string{"headers", "votes", "certificates"} {
		for _, row := range e.rows(db, table) {
			if other, known := e.blocks[row.place()]; known {
				require.Equal(e, other, block.ID(row.Block), "%s holds a second block for slot %s/%d in %s", name, row.place().creator.Short(), row.Height, table)
			}
			e.blocks[row.place()] = block.ID(row.Block)
		}
	}
	var messages [][]byte
	require.NoError(e, db.Select(&messages, `SELECT message FROM messages`))
	for _, message := range messages {
		e.report(name, message)
	}
}

// readReports collects all reports in a Nym-API's own database: those that it sent, and those in
// the blocks of submissions and winners.
func (e *collected) readReports(name string, db *sqlx.DB) {
	e.Helper()
	var own, bodies, winners [][]byte
	require.NoError(e, db.Select(&own, `SELECT message FROM reports`))
	for _, message := range own {
		e.report(name, message)
	}
	require.NoError(e, db.Select(&bodies, `SELECT body FROM submissions`))
	for _, body := range bodies {
		submission, err := contract.DecodeSubmission(body, len(body))
		require.NoError(e, err, name)
		e.reportsOf(name, submission.Block)
	}
	require.NoError(e, db.Select(&winners, `SELECT block FROM winners WHERE block IS NOT NULL`))
	for _, winner := range winners {
		e.reportsOf(name, winner)
	}
	var doubles int
	require.NoError(e, db.Get(&doubles, `SELECT count(*) FROM double_reports`))
	require.Zero(e, doubles, "%s has seen a member sign two reports for one epoch", name)
	require.NoError(e, db.Get(&doubles, `SELECT count(*) FROM submissions WHERE outcome = 'refused'`))
	require.Zero(e, doubles, "the contract refused a submission of %s", name)
}

func (e *collected) reportsOf(name string, encoded []byte) {
	e.Helper()
	b, err := block.Decode(encoded, membership.MaxLimits())
	require.NoError(e, err, name)
	for _, m := range b.Messages {
		e.report(name, m.Encode())
	}
}

func (e *collected) report(name string, encoded []byte) {
	e.Helper()
	m, err := block.DecodeMessage(encoded, membership.MaxLimits().PayloadBytes)
	require.NoError(e, err, name)
	require.True(e, m.Verify(), name)
	of := reportOf{m.Label(), m.Sender()}
	if other, known := e.reports[of]; known {
		require.Equal(e, other, m.ID(), "%s holds a second report for %s by %s", name, of.label, of.sender.Short())
	}
	e.reports[of] = m.ID()
}

// readRemains checks that what a Nym-API held when it was killed still exists at the end: its votes
// with itself, its certified blocks with all members. A database may not have its tables yet.
func (e *collected) readRemains(left remains) {
	e.Helper()
	complete := func(path, table string, read func(*sqlx.DB)) {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return
		}
		query(e.T, path, func(db *sqlx.DB) {
			var tables int
			require.NoError(e, db.Get(&tables, `SELECT count(*) FROM sqlite_master WHERE name = ?`, table))
			if tables > 0 {
				read(db)
			}
		})
	}
	complete(filepath.Join(left.dir, home.StoreFile), "groups", func(db *sqlx.DB) {
		e.readBlocks(left.name, db)
		for _, row := range e.rows(db, "certificates") {
			require.Equal(e, block.ID(row.Block), e.certified[row.place()], "a certified block of %s is lost", left.name)
		}
		var keysOf [][]byte
		require.NoError(e, db.Select(&keysOf, `SELECT key FROM identity`))
		for _, key := range keysOf {
			for _, vote := range e.rows(db, "votes") {
				require.Equal(e, block.ID(vote.Block), e.votes[keys.Public(key)][vote.place()], "a vote of %s is lost", left.name)
			}
		}
	})
	complete(filepath.Join(left.dir, service.RewardsFile), "double_reports", func(db *sqlx.DB) { e.readReports(left.name, db) })
}

// verifyEpochs compares the contract's decisions with the Nym-APIs' blocks and with who was down.
func (n *network) verifyEpochs(e *collected, settled []contract.EpochDetail) {
	n.Helper()
	certified := make(map[block.ID]bool, len(e.certified))
	for _, id := range e.certified {
		certified[id] = true
	}
	for _, epoch := range settled {
		if epoch.Status == contract.StatusRewarded {
			require.True(n, certified[epoch.Winner.Block], "the block that won epoch %d is lost", epoch.ID)
		} else {
			require.NotEmpty(n, epoch.Reason, "epoch %d", epoch.ID)
			require.True(n, n.interrupted(epoch), "epoch %d is missed although enough Nym-APIs were running: %s", epoch.ID, epoch.Reason)
		}
		digests := map[keys.Public]contract.Hash{}
		for _, attempt := range epoch.Attempts {
			require.NotEqual(n, contract.VerdictInvalid, attempt.Verdict, "epoch %d, %s: %s", epoch.ID, attempt.Name, attempt.Reason)
			if other, again := digests[attempt.Submitter]; again {
				require.Equal(n, other, attempt.Digest, "%s made two submissions for epoch %d", attempt.Name, epoch.ID)
			}
			digests[attempt.Submitter] = attempt.Digest
		}
	}
}

// interrupted reports whether the contract, or more than f Nym-APIs at a time, were down while an
// epoch ran or was open.
func (n *network) interrupted(epoch contract.EpochDetail) bool {
	begin, end := epoch.Start.Time(), epoch.End.Time().Add(acceptEpochs*epochDuration)
	within := func(a outage, at time.Time) bool { return !a.from.After(at) && (a.to.IsZero() || a.to.After(at)) }
	for _, a := range n.outages { // the number of those down is highest when one goes down
		if a.from.After(end) || !a.to.IsZero() && a.to.Before(begin) {
			continue
		}
		if a.number == theContract {
			return true
		}
		down := map[int]bool{}
		for _, b := range n.outages {
			if within(b, a.from) {
				down[b.number] = true
			}
		}
		if len(down) > quorum.Faulty(members) {
			return true
		}
	}
	return false
}
