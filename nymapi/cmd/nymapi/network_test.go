package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
)

const (
	members       = 4 // f = 1: one may be down
	epochDuration = 1200 * time.Millisecond
	acceptEpochs  = 10              // enough for a machine under load
	patience      = 2 * time.Minute // limit of every wait
	look          = 25 * time.Millisecond
	theContract   = 0 // the contract's key in maps of processes; Nym-APIs have their numbers
)

// Log messages that mark a point of a process's run.
const (
	logContract  = "contract listens"
	logClosed    = "group closed"
	logEnrolled  = "enrolled"
	logWaiting   = "waiting for the group to be complete"
	logMember    = "member of the group"
	logListening = "listening for other Nym-APIs"
	logReport    = "report sent"
	logCertified = "own block certified"
)

// network is a contract and its Nym-APIs: real processes on loopback, each with its own folder.
type network struct {
	*testing.T
	programs
	dir     string
	address string // of the contract
	asked   *client.Client
	running map[int]*process
	logs    map[int][]*journal // of every run
	died    chan *process
	outages []outage
	remains []remains        // of killed Nym-APIs
	limits  map[int]int      // of descriptors, by number; 0: that of the test
	options map[int][]string // further flags of the next run, by number
}

// outage is a period in which a process did not take part.
type outage struct {
	number   int
	from, to time.Time // to is zero while the process is down
}

// newNetwork starts the contract.
func newNetwork(t *testing.T, p programs) *network { return limitedNetwork(t, p, nil) }

// limitedNetwork starts the contract of a network whose processes have limits on descriptors.
func limitedNetwork(t *testing.T, p programs, limits map[int]int) *network {
	t.Helper()
	n := &network{
		limits: limits, options: map[int][]string{},
		T: t, programs: p, dir: t.ArtifactDir(), running: map[int]*process{}, logs: map[int][]*journal{}, died: make(chan *process, 64),
	}
	t.Cleanup(func() {
		for _, p := range n.running {
			p.discard()
		}
		n.writeLogs()
	})
	var err error
	n.address, err = freeport.Address()
	require.NoError(t, err)
	n.start(theContract)
	n.up(theContract)
	return n
}

// writeLogs writes the logs to files. If the test failed, it also prints the last lines of each
// process's last log.
func (n *network) writeLogs() {
	for number, runs := range n.logs {
		for i, log := range runs {
			text, _ := log.from(0)
			name := fmt.Sprintf("%s-run-%d.log", n.name(number), i+1)
			if err := os.WriteFile(filepath.Join(n.dir, name), text, 0o600); err != nil {
				n.Errorf("write log: %v", err)
			}
		}
		if n.Failed() {
			n.Logf("%s in run %d:\n%s", n.name(number), len(runs), runs[len(runs)-1].tail(20))
		}
	}
}

func (n *network) name(number int) string {
	if number == theContract {
		return "contract"
	}
	return "nymapi-" + strconv.Itoa(number)
}

func (n *network) home(number int) string { return filepath.Join(n.dir, n.name(number)) }

// start starts a process with the data of its previous run.
func (n *network) start(number int) {
	n.Helper()
	program, args := n.command(number)
	if limit := n.limits[number]; limit > 0 {
		program, args = "sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, limit), program}, args...)
	}
	p := launch(n.T, n.died, n.name(number), program, args...)
	n.running[number], n.logs[number] = p, append(n.logs[number], p.log)
}

// command returns what runs a process.
func (n *network) command(number int) (program string, args []string) {
	if number == theContract {
		return n.contract, []string{
			"serve", "--log-format", "text", "--listen", n.address, "--home", n.home(number), "--expect", strconv.Itoa(members),
			"--token", "secret", "--epoch", epochDuration.String(), "--first-epoch", "500ms", "--mixnodes", "12",
			"--accept-epochs", strconv.Itoa(acceptEpochs),
		}
	}
	args = []string{"run", "--contract", "http://" + n.address, "--home", n.home(number), "--number", strconv.Itoa(number), "--token", "secret"}
	return n.nymapi, append(args, n.options[number]...)
}

// up waits until a process takes part.
func (n *network) up(number int) {
	n.Helper()
	if number != theContract {
		n.logged(number, 0, logListening)
	} else {
		text := n.logged(number, 0, logContract)
		require.Contains(n, string(text), "url=http://"+n.address, "the contract logs its address")
		if n.asked == nil {
			var err error
			n.asked, err = client.New("http://"+n.address, nil)
			require.NoError(n, err)
			n.Cleanup(n.asked.Close)
		}
	}
	n.running[number].content(n.T)
	for i, a := range n.outages {
		if a.number == number && a.to.IsZero() {
			n.outages[i].to = time.Now()
		}
	}
}

// kill kills a process and copies its databases.
func (n *network) kill(number int) {
	n.Helper()
	n.alive()
	p := n.running[number]
	p.kill(n.T)
	n.outages = append(n.outages, outage{number: number, from: time.Now()})
	delete(n.running, number)
	if number == theContract {
		n.asked.Close()
		return
	}
	n.collect(number)
}

// alive fails the test if a process ended unexpectedly.
func (n *network) alive() {
	n.Helper()
	select {
	case p := <-n.died:
		require.Fail(n, p.name+" ended by itself", "%s\n%s", p.cmd.ProcessState, p.log.tail(20))
	default:
	}
}

// pass waits until a time, and fails the test if a process ends before.
func (n *network) pass(until time.Time) {
	n.Helper()
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case p := <-n.died:
		require.Fail(n, p.name+" ended by itself", "%s\n%s", p.cmd.ProcessState, p.log.tail(20))
	case <-timer.C:
	}
}

// logged waits until a process has logged one of the texts after a mark, and returns the log after
// the mark.
func (n *network) logged(number, mark int, texts ...string) []byte {
	n.Helper()
	text, found := n.loggedWithin(patience, number, mark, texts...)
	require.True(n, found, "%s has not logged %q within %s:\n%s", n.name(number), texts, patience, text)
	return text
}

func (n *network) loggedWithin(d time.Duration, number, mark int, texts ...string) ([]byte, bool) {
	n.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		text, grown := n.running[number].log.from(mark)
		whole := string(text[:1+strings.LastIndexByte(string(text), '\n')])
		for _, one := range texts {
			if strings.Contains(whole, one) {
				return text, true
			}
		}
		select {
		case <-grown:
		case p := <-n.died:
			require.Fail(n, p.name+" ended by itself", "%s\n%s", p.cmd.ProcessState, p.log.tail(20))
		case <-timer.C:
			return text, false
		}
	}
}

// eventually waits until f returns true.
func (n *network) eventually(what string, f func() bool) {
	n.Helper()
	ticker, timer := time.NewTicker(look), time.NewTimer(patience)
	defer ticker.Stop()
	defer timer.Stop()
	for !f() {
		n.alive()
		select {
		case <-ticker.C:
		case <-timer.C:
			require.Fail(n, "not within "+patience.String(), what)
		}
	}
}

// epoch returns the newest epoch.
func (n *network) epoch() contract.CurrentEpoch {
	n.Helper()
	var current contract.CurrentEpoch
	n.eventually("the contract returns the current epoch", func() (known bool) {
		var err error
		current, err = n.asked.Epoch(n.Context())
		require.True(n, err == nil || errors.Is(err, contract.NotStarted) || errors.Is(err, client.ErrAway), "%v", err)
		return err == nil
	})
	return current
}

// reported waits until the current or a later epoch is rewarded with the reports of all Nym-APIs,
// and returns its number.
func (n *network) reported() contract.Epoch {
	n.Helper()
	from := n.epoch().ID
	var all contract.Epoch
	n.eventually("an epoch is rewarded with the reports of all", func() bool {
		for id := n.epoch().ID; id >= from; id-- {
			detail, err := n.asked.EpochDetail(n.Context(), id)
			if err == nil && detail.Status == contract.StatusRewarded && len(detail.Reporters) == members {
				all = id
				return true
			}
		}
		return false
	})
	return all
}
