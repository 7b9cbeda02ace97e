package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMessagesOfAMonitorAreExported(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	good := write("good.csv", "node,liveness,stress,config\n9,0.955,,1\n4,1,0.5,0.25\n")
	trace := filepath.Join("..", "..", "..", "metrics", "testdata", "seattle", "seattle_uptime.csv")
	for _, c := range []struct {
		args   string
		status int
		prints string
	}{
		{"--epoch 4711 --values " + good, 0, `{"batch_submit":{"epoch":4711,"data":[{"n":4,"m":{"l":"1","s":"0.5","c":"0.25"}},{"n":9,"m":{"l":"0.955","c":"1"}}]}}` + "\n"},
		{"--per-message 1 --values " + good, 0, "}]}}\n" + `{"batch_submit":{"epoch":1,"data":[{"n":9,`},
		{"--epoch 2 --mixnodes 3 --missing 0 --seed 7", 0, `{"batch_submit":{"epoch":2,"data":[{"n":1,"m":{"l":"`},
		{"--source trace --trace " + trace, 0, `{"batch_submit":{"epoch":1,"data":[{"n":`},
		{"--source trace", 2, "--trace is missing"},
		{"--epoch 0", 2, "--epoch 0, expected a number from 1"},
		{"--ticks 0", 2, "--ticks 0, expected 1.."},
		{"--mixnodes 0", 2, "--mixnodes: bad world"},
		{"--number 0", 2, "--number: "},
		{"--per-message 0", 2, "0 nodes for each message"},
		{"--seed 1 --values " + good, 2, "--seed and --values both given"},
		{"--values " + filepath.Join(dir, "none.csv"), 2, "--values: "},
		{"--values " + write("header.csv", "id,liveness,stress,config\n"), 2, "the first line is not node,liveness,stress,config"},
		{"--values " + write("twice.csv", "node,liveness,stress,config\n4,1,,1\n4,1,,1\n"), 2, "node 4 after node 4"},
		{"--values " + write("wide.csv", "node,liveness,stress,config\n4,1,,1,5\n"), 2, "wrong number of fields"},
		{"--values " + write("name.csv", "node,liveness,stress,config\nm4,1,,1\n"), 2, `line 2: node "m4", expected a whole number`},
		{"--values " + write("percent.csv", "node,liveness,stress,config\n4,95,,1\n"), 2, `"95" is more than 1`},
	} {
		var out bytes.Buffer
		require.Equal(t, c.status, run(t.Context(), append([]string{"performance", "export"}, strings.Fields(c.args)...), &out, &out), "%s: %s", c.args, out.String())
		require.Contains(t, out.String(), c.prints, c.args)
	}
}
