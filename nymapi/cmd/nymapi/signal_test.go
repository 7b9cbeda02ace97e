package main

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Nym-API whose contract does not answer says so at once, and one signal ends it with status 0.
// A signal ends a contract that waits for its members, too.
func TestOneSignalEndsAProgramThatIsStillStarting(t *testing.T) {
	p := buildPrograms(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	absent := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	for _, start := range []struct {
		name, program string
		args          []string
		says          string
	}{
		{"nymapi", p.nymapi, []string{"run", "--contract", absent, "--home", t.TempDir(), "--token", "secret"}, "contract"},
		{"nymapi alone", p.nymapi, []string{"run", "--mode", "single", "--contract", absent, "--home", t.TempDir(), "--token", "secret"}, "contract"},
		{"contract", p.contract, []string{"serve", "--expect", "2", "--listen", "127.0.0.1:0", "--home", t.TempDir(), "--token", "secret"}, "127.0.0.1:"},
	} {
		process := launch(t, make(chan *process, 1), start.name, start.program, start.args...)
		t.Cleanup(process.discard)
		require.Eventually(t, func() bool {
			text, _ := process.log.from(0)
			return bytes.Contains(text, []byte(start.says))
		}, 5*time.Second, 10*time.Millisecond, start.name)
		process.stop(t)
		t.Logf("%s: %s", start.name, process.log.tail(5))
	}
}
