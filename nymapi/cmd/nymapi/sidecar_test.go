package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// daemons is the offset of the numbers of Ephemera daemons: the daemon of Nym-API 2 is daemons+2.
const daemons = 100

// Log messages that mark a point of a process's run in sidecar mode.
const (
	logStarted    = "msg=started"
	logRegistered = "registered as the node's application"
)

// sidecars are Nym-APIs in sidecar mode and their daemons.
type sidecars struct {
	*network
	ephemera string                 // path of the program
	ports    map[int]map[string]int // of each daemon: p2p, http, admin
}

// newSidecars starts a contract, creates the daemons' folders and enrols their keys.
func newSidecars(t *testing.T, p programs) *sidecars {
	b := &sidecars{network: newNetwork(t, p), ephemera: p.build(t, "ephemera", "ephemera"), ports: map[int]map[string]int{}}
	ports, err := freeport.Ports(3 * members)
	require.NoError(t, err)
	for number := 1; number <= members; number++ {
		own := ports[3*(number-1):]
		b.ports[number] = map[string]int{"p2p": own[0], "http": own[1], "admin": own[2]}
		b.must(b.ephemera, "init", "--home", b.home(daemons+number), "--node.network", b.networkName(),
			"--p2p.listen", b.multiaddr(number), "--http.listen", b.host(number, "http"), "--admin.listen", b.host(number, "admin"),
			"--membership.source", "http", "--membership.url", "http://"+b.address+"/contract/peer_info",
			"--mempool.include", "all", "--block.each_member", "--block.one_label", "--block.messages", "0", "--block.every", (epochDuration / 4).String(),
			"--application.remote", "--log.format", "text")
		b.must(b.nymapi, "enrol", "--contract", "http://"+b.address, "--token", "secret", "--name", b.name(number),
			"--key-file", filepath.Join(b.home(daemons+number), "data", "key"), "--address", b.multiaddr(number))
	}
	return b
}

func (b *sidecars) must(program string, args ...string) {
	b.Helper()
	output, err := exec.CommandContext(b.Context(), program, args...).CombinedOutput()
	require.NoError(b, err, "%s %s: %s", program, args, output)
}

func (b *sidecars) networkName() string {
	info, err := b.asked.PeerInfo(b.Context())
	require.NoError(b, err)
	return info.Network
}

func (b *sidecars) host(number int, which string) string {
	return fmt.Sprintf("127.0.0.1:%d", b.ports[number][which])
}

func (b *sidecars) multiaddr(number int) string {
	return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", b.ports[number]["p2p"])
}

func (b *sidecars) run(number int, program string, args ...string) {
	p := launch(b.T, b.died, b.name(number), program, args...)
	b.running[number], b.logs[number] = p, append(b.logs[number], p.log)
}

func (b *sidecars) startDaemon(number int) {
	b.run(daemons+number, b.ephemera, "run", "--home", b.home(daemons+number))
}

func (b *sidecars) startNymAPI(number int) {
	b.run(number, b.nymapi, "run", "--contract", "http://"+b.address, "--home", b.home(number), "--number", strconv.Itoa(number), "--log-format", "text",
		"--ephemera", "http://"+b.host(number, "http"), "--ephemera-admin", "http://"+b.host(number, "admin"))
}

// crash kills a process.
func (b *sidecars) crash(number int) {
	b.Helper()
	b.running[number].ours.Store(true)
	b.running[number].discard()
	delete(b.running, number)
}

// Nym-APIs in sidecar mode are rewarded on the same evidence as those with embedded nodes: every
// epoch's result follows from the reports of a certified block, even after a Nym-API and a daemon
// were killed, and no member signs two reports.
func TestNymAPIsInSidecarModeAreRewarded(t *testing.T) {
	b := newSidecars(t, buildPrograms(t))
	for number := 1; number <= members; number++ {
		b.startNymAPI(number) // the daemons are not running yet
	}
	for number := 1; number <= members; number++ {
		b.startDaemon(number)
	}
	for number := 1; number <= members; number++ {
		b.logged(daemons+number, 0, logStarted)
		b.logged(number, 0, logRegistered)
		b.logged(number, 0, logCertified)
	}
	first := b.reported()

	b.crash(1)
	b.crash(daemons + 2)
	b.startNymAPI(1)
	b.startDaemon(2)
	b.logged(1, 0, logRegistered)
	second := b.reported()
	require.Greater(t, second, first)

	for id := first; id <= second; id++ {
		detail, err := b.asked.EpochDetail(t.Context(), id)
		require.NoError(t, err)
		if detail.Winner == nil {
			continue // too few were running
		}
		core, err := b.asked.Core(t.Context(), id)
		require.NoError(t, err)
		audited, err := verify.Audit(core)
		require.NoError(t, err)
		require.True(t, audited.Proven())
		require.GreaterOrEqual(t, len(detail.Reporters), members-1)
	}
	for number := 1; number <= members; number++ {
		b.must(b.contract, "verify", "--url", "http://"+b.address,
			"--group", filepath.Join(b.home(number), service.GroupFile), "--contract-key", filepath.Join(b.home(number), service.ContractKeyFile))
		text, _ := b.running[number].log.from(0)
		require.NotContains(t, string(text), "signed two reports")
		b.running[number].stop(t)
		b.running[daemons+number].stop(t)
	}
}
