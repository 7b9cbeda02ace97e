package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
)

// What testnet prints about any network fits the screen.
func TestIntroductionFitsTheScreen(t *testing.T) {
	args := os.Args
	t.Cleanup(func() { os.Args = args })
	os.Args = []string{"bin/ephemera"}
	net := testnet.Net{Dir: "results/a net"}
	for _, name := range []string{"node-1", "node-2", "node-100"} {
		net.Nodes = append(net.Nodes, testnet.Node{
			Name: name, PeerID: "12D3KooW" + strings.Repeat("x", 44), HTTP: "127.0.0.1:65535", Admin: "127.0.0.1:65535",
		})
	}
	for _, running := range []bool{false, true} {
		var out strings.Builder
		introduce(&out, net, running)
		for line := range strings.Lines(out.String()) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), screenWidth, line)
		}
	}
}

// A shell reads a wrapped command as the same words.
func TestWrappedCommandsCanBePasted(t *testing.T) {
	word := strings.Repeat("w", 30)
	command := wrapped("", "printf '%s\\n'", word, "\"two words\"", word, word, "&& echo done")
	require.Contains(t, command, " \\\n")
	out, err := exec.CommandContext(t.Context(), "sh", "-c", command).Output()
	require.NoError(t, err)
	require.Equal(t, word+"\ntwo words\n"+word+"\n"+word+"\ndone\n", string(out))
}
