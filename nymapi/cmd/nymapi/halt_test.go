package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/sqlite"
)

// A Nym-API whose folder was restored from a backup receives one of its own signatures that its
// votes do not know, and halts. Started again it reports and delivers, and never signs in that
// group again (PROTOCOL.md R8).
func TestHaltedNymAPINeverSignsAgain(t *testing.T) {
	const victim, witness = 1, 2
	n := newNetwork(t, buildPrograms(t))
	n.start(victim)
	n.logged(victim, 0, logEnrolled)
	n.stop(victim)
	restore := n.backup(victim)
	for number := 1; number <= members; number++ {
		n.start(number)
	}
	for number := 1; number <= members; number++ {
		n.up(number)
	}
	n.reported()
	final := n.quiet() // so that no block is under way while the victim halts
	n.eventually("everybody holds all blocks", func() bool { return n.converged(final) })
	n.stop(victim)
	restore()
	n.halts(victim)
	before := n.heights(witness)
	require.Len(n, before, members)

	n.start(theContract)
	n.up(theContract)
	n.start(victim)
	n.running[victim].expected = "vote store was lost" // it says that it is muted
	n.up(victim)
	n.reported()
	n.stop(victim)
	n.stop(witness)
	key := n.signsNothing(victim)
	require.NotZero(n, n.unsigned(witness, before, key), "blocks without the victim")
}

// backup copies store, marker and counter of a stopped Nym-API, and returns a function that
// restores them.
func (n *network) backup(number int) (restore func()) {
	n.Helper()
	contents := map[string][]byte{}
	for _, file := range []string{home.MarkerFile, home.CounterFile, home.StoreFile} {
		path := filepath.Join(n.home(number), file)
		data, err := os.ReadFile(path)
		require.NoError(n, err)
		contents[path] = data
	}
	return func() {
		n.Helper()
		logs, err := filepath.Glob(n.storeDB(number) + "-*")
		require.NoError(n, err)
		for _, log := range logs {
			require.NoError(n, os.Remove(log))
		}
		for path, data := range contents {
			require.NoError(n, os.WriteFile(path, data, 0o600))
		}
	}
}

// halts starts a Nym-API and waits until it ends with the status of a safety halt.
func (n *network) halts(number int) {
	n.Helper()
	n.start(number)
	p := n.running[number]
	p.ours.Store(true)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		require.Fail(n, p.name+" does not halt", "%s", p.log.tail(20))
	}
	require.Equal(n, command.ExitHalted, p.cmd.ProcessState.ExitCode(), "%s: %s\n%s", p.name, p.cmd.ProcessState, p.log.tail(20))
	delete(n.running, number)
}

// heights returns the certified height of each member's chain at a Nym-API.
func (n *network) heights(number int) map[keys.Public]uint64 {
	n.Helper()
	heights := map[keys.Public]uint64{}
	query(n.T, n.storeDB(number), func(db *sqlx.DB) {
		var chains []reach
		require.NoError(n, db.Select(&chains, `SELECT creator, certified FROM chains`))
		for _, chain := range chains {
			heights[keys.Public(chain.Creator)] = chain.Certified
		}
	})
	return heights
}

// signsNothing reads the store of a stopped Nym-API, which was restored to a copy without votes.
// The store must still have no votes, which are durable before the Nym-API signs (R3), and must say
// that it is mute. It returns the Nym-API's key.
func (n *network) signsNothing(number int) keys.Public {
	n.Helper()
	s, err := sqlite.Open(n.storeDB(number), nil)
	require.NoError(n, err)
	defer func() { require.NoError(n, s.Close()) }()
	who, err := s.Identity(n.Context())
	require.NoError(n, err)
	groups, err := s.Groups(n.Context())
	require.NoError(n, err)
	require.Equal(n, groups[len(groups)-1].Group.Number(), who.MutedThrough)
	query(n.T, n.storeDB(number), func(db *sqlx.DB) {
		require.Empty(n, (&collected{T: n.T}).rows(db, "votes"), "%s has voted", n.name(number))
	})
	return who.Key
}

// unsigned reads the blocks of a stopped Nym-API above some heights. The member with that key must
// have made and signed none. It returns the number of blocks.
func (n *network) unsigned(number int, above map[keys.Public]uint64, key keys.Public) (blocks int) {
	n.Helper()
	s, err := sqlite.Open(n.storeDB(number), nil)
	require.NoError(n, err)
	defer func() { require.NoError(n, s.Close()) }()
	groups, err := s.Groups(n.Context())
	require.NoError(n, err)
	group := groups[len(groups)-1].Group
	for creator, height := range n.heights(number) {
		for at := above[creator] + 1; at <= height; at++ {
			held, err := s.Certified(n.Context(), block.Slot{Group: group.ID(), Creator: creator, Height: at})
			require.NoError(n, err)
			require.NoError(n, certificate.VerifyBlock(group, held.Block, held.Certificate))
			require.NotEqual(n, key, creator, "%s has made a block", n.name(number))
			require.NotContains(n, held.Certificate.Members(group), key, "%s has signed a block", n.name(number))
			blocks++
		}
	}
	return blocks
}
