package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/disktest"
)

// A contract and a Nym-API on disks that are really full, one after the other: both continue
// without a restart when there is room, and later epochs are rewarded.
func TestContractAndNymAPIOutliveFullDisks(t *testing.T) {
	if !disktest.MayMount(t) {
		return
	}
	p := buildPrograms(t)
	dir, address, died := t.TempDir(), freePort(t), make(chan *process, 2)
	disks := map[string]string{"contract": "size=8m", "nymapi": "size=12m"}
	for name, size := range disks {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		require.NoError(t, syscall.Mount("tmpfs", filepath.Join(dir, name), "tmpfs", 0, size))
		t.Cleanup(func() { require.NoError(t, syscall.Unmount(filepath.Join(dir, name), 0)) })
	}
	token := "a token of the test"
	server := launch(t, died, "contract", p.contract, "serve", "--home", filepath.Join(dir, "contract"), "--expect", "1", "--token", token,
		"--listen", address, "--mixnodes", "5", "--epoch", "1s", "--first-epoch", "1s", "--log-format", "json")
	nymapi := launch(t, died, "nymapi", p.nymapi, "run", "--home", filepath.Join(dir, "nymapi"), "--contract", "http://"+address, "--token", token,
		"--health-listen", "127.0.0.1:0")
	t.Cleanup(func() {
		for _, process := range []*process{nymapi, server} {
			process.ours.Store(true)
			require.NoError(t, process.cmd.Process.Signal(syscall.SIGTERM))
			<-process.ended
			require.True(t, process.cmd.ProcessState.Success(), "%s: %s", process.name, process.log.tail(20))
		}
	})
	db := filepath.Join(dir, "contract", "contract.db")
	rewarded(t, p, db, 2, died)
	for name, waits := range map[string]*process{"contract": server, "nymapi": nymapi} {
		mark := waits.log.size()
		filling := filepath.Join(dir, name, "filling")
		disktest.Fill(t, filling)
		awaitText(t, waits, mark, "room on the disk", died)
		require.NoError(t, os.Remove(filling))
		rewarded(t, p, db, count(t, p, db)+2, died)
	}
}

var rewardedEpochs = regexp.MustCompile(`listed: (\d+) rewarded`)

// count returns how many epochs are rewarded.
func count(t *testing.T, p programs, db string) int {
	t.Helper()
	if _, err := os.Stat(db); errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	output, err := exec.CommandContext(t.Context(), p.contract, "inspect", "--db", db).CombinedOutput()
	match := rewardedEpochs.FindSubmatch(output)
	if err != nil || match == nil {
		return 0 // the contract creates the database
	}
	number, err := strconv.Atoi(string(match[1]))
	require.NoError(t, err)
	return number
}

// rewarded waits until that many epochs are rewarded.
func rewarded(t *testing.T, p programs, db string, want int, died <-chan *process) {
	t.Helper()
	deadline := time.After(time.Minute)
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for count(t, p, db) < want {
		select {
		case process := <-died:
			t.Fatalf("%s ended: %s", process.name, process.log.tail(20))
		case <-deadline:
			t.Fatalf("%d epochs are rewarded, expected %d", count(t, p, db), want)
		case <-ticker.C:
		}
	}
}

// awaitText waits until a process has logged a text after a mark.
func awaitText(t *testing.T, p *process, mark int, text string, died <-chan *process) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		output, grown := p.log.from(mark)
		if regexp.MustCompile(regexp.QuoteMeta(text)).Match(output) {
			return
		}
		select {
		case <-grown:
		case process := <-died:
			t.Fatalf("%s ended: %s", process.name, process.log.tail(20))
		case <-deadline:
			t.Fatalf("%s does not log %q: %s", p.name, text, output)
		}
	}
}
