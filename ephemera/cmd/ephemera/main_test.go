package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ephemera": main})
}

// The scripts of testdata/script run the command as people do, each in its own folder.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("EPHEMERA_HOME", env.WorkDir+"/home")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "eventually": eventually, "paste": paste, "edit": edit, "mode": mode, "terminate": terminate,
			"metric": metric, "overwrite": overwrite,
		},
	})
}

// exits STATUS COMMAND… expects an exit status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	have := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		have = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if have != want {
		ts.Fatalf("%s exited with %d, expected %d", strings.Join(args[1:], " "), have, want)
	}
}

// eventually COMMAND… repeats a command until it succeeds, for ten seconds.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: eventually COMMAND...")
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	var err error
	for range 200 {
		if err = ts.Exec(args[0], args[1:]...); err == nil {
			return
		}
		<-ticker.C
	}
	ts.Fatalf("%s: still %v", strings.Join(args, " "), err)
}

// paste FILE WORD NODE runs the command that testnet printed into a file, in the line of that word
// after a node's name, which may continue after a backslash.
func paste(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: paste FILE WORD NODE")
	}
	_, after, _ := strings.Cut(ts.ReadFile(args[0]), "\n"+args[2]+"  ")
	for line := range strings.Lines(strings.ReplaceAll(after, "\\\n", "")) {
		if command, found := strings.CutPrefix(strings.TrimSpace(line), args[1]+" "); found {
			ts.Check(ts.Exec("sh", "-c", command))
			return
		}
	}
	ts.Fatalf("no %q for %s in %s", args[1], args[2], args[0])
}

// edit FILE OLD NEW replaces a text that the file must hold.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}

// overwrite PATTERN replaces the content of files by a text.
func overwrite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: overwrite PATTERN")
	}
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) == 0 {
		ts.Fatalf("no file %s", args[0])
	}
	for _, path := range found {
		ts.Check(os.WriteFile(path, []byte(strings.Repeat("this is not a database\n", 100)), 0o600))
	}
}

// mode FILE EXPECTED compares a file's permissions.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode FILE EXPECTED")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if have := strconv.FormatUint(uint64(info.Mode().Perm()), 8); have != args[1] {
		ts.Fatalf("%s has mode %s, expected %s", args[0], have, args[1])
	}
}

// metric NET NODE LINE expects a line of a running node's metrics.
func metric(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: metric NET NODE LINE")
	}
	net, err := testnet.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, node := range net.Nodes {
		if node.Name != args[1] {
			continue
		}
		answer, err := (&http.Client{Timeout: 10 * time.Second}).Get("http://" + node.HTTP + api.PathTelemetry)
		ts.Check(err)
		text, err := io.ReadAll(answer.Body)
		ts.Check(errors.Join(err, answer.Body.Close()))
		if !strings.Contains(string(text), "\n"+args[2]+"\n") {
			ts.Fatalf("%s of %s has no metric %q", args[1], args[0], args[2])
		}
		return
	}
	ts.Fatalf("%s has no node %s", args[0], args[1])
}

// terminate HOME sends SIGTERM to the node in a folder that runs in the background.
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: terminate HOME")
	}
	found := false
	for _, cmd := range ts.BackgroundCmds() {
		if slices.Contains(cmd.Args, args[0]) && cmd.ProcessState == nil {
			found = true
			ts.Check(cmd.Process.Signal(syscall.SIGTERM))
		}
	}
	if !found {
		ts.Fatalf("no node of %s in the background", args[0])
	}
}
