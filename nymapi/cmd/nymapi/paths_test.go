package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The three programs work in any folder, whatever characters its name has, and write nothing
// anywhere else. What is too long is refused with the reason.
func TestProgramsWorkInAnyFolder(t *testing.T) {
	p := buildPrograms(t)
	node := p.build(t, "ephemera", "ephemera")
	long := strings.Repeat("x", 200)
	for name, home := range map[string]string{
		"blanks": " a b ", "query": "a?mode=ro&x", "percent": "a%20b%zz", "fragment": "a#b", "quotes": `a'b"c`, "unicode": "ä日本\u0301",
		"newline": "a\nb", "not UTF-8": "a\xffb", "colons": "file::memory:", "slashes": "a//b/", "absolute slashes": "//", "symbolic link": "link",
	} {
		t.Run(name, func(t *testing.T) {
			r := runsIn{t, t.TempDir()}
			switch name {
			case "absolute slashes":
				home = "/" + r.dir + "/home"
			case "symbolic link":
				require.NoError(t, os.Mkdir(filepath.Join(r.dir, "target"), 0o700))
				require.NoError(t, os.Symlink("target", filepath.Join(r.dir, "link")))
			}
			for _, kind := range []string{"sqlite", "pebble"} {
				in := "--home=" + strings.TrimSuffix(home, "/") + "-" + kind
				r.ends(0, node, "init", in, "--storage.kind", kind)
				r.ends(0, node, "export", in, kind+".archive")
			}
			r.until("contract listens", p.contract, "serve", "--home="+home, "--db="+filepath.Dir(home+"/x")+"/contract.db",
				"--expect", "1", "--token", "a token of the test", "--listen", "127.0.0.1:0")
			r.ends(0, p.contract, "inspect", "--db="+home+"/contract.db")
			r.ends(0, p.contract, "backup", "--db="+home+"/contract.db", "--to="+home+"/copy.db")
			r.until("retrying", p.nymapi, "run", "--home="+home, "--contract", "http://127.0.0.1:1", "--token", "a token of the test",
				"--health-listen", "127.0.0.1:0")
			if !filepath.IsAbs(home) {
				home = filepath.Join(r.dir, home)
			}
			for _, file := range []string{"contract.db", "copy.db", "nymapi.sqlite", "samples.sqlite"} {
				require.FileExists(t, filepath.Join(home, file))
			}
		})
	}
	r := runsIn{t, t.TempDir()}
	deep := strings.Join([]string{long, long, long}, "/")
	require.Contains(t, r.ends(1, node, "init", "--home="+deep), "at most 500 bytes")
	require.Contains(t, r.ends(1, p.contract, "serve", "--home="+deep, "--expect", "1", "--token", "a token of the test"), "at most 500 bytes")
	require.Contains(t, r.ends(1, p.nymapi, "run", "--home="+deep, "--contract", "http://127.0.0.1:1"), "at most 500 bytes")
	require.Contains(t, r.ends(1, node, "init", "--home="+long+long), "name too long")
}

// runsIn runs programs in a folder.
type runsIn struct {
	t   *testing.T
	dir string
}

// ends runs a program that must end with a status, and returns its output.
func (r runsIn) ends(status int, program string, args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), program, args...)
	cmd.Dir = r.dir
	output, _ := cmd.CombinedOutput()
	require.NotNil(r.t, cmd.ProcessState)
	require.Equal(r.t, status, cmd.ProcessState.ExitCode(), "%s %q: %s", filepath.Base(program), args, output)
	return string(output)
}

// until runs a program until its log contains a text, and stops it.
func (r runsIn) until(text, program string, args ...string) {
	r.t.Helper()
	log := newJournal()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, log, log
	require.NoError(r.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.After(time.Minute)
	for {
		output, grown := log.from(0)
		if bytes.Contains(output, []byte(text)) {
			break
		}
		select {
		case <-grown:
		case err := <-ended:
			r.t.Fatalf("%s %q ended: %v: %s", filepath.Base(program), args, err, output)
		case <-deadline:
			r.t.Fatalf("%s %q does not log %q: %s", filepath.Base(program), args, text, output)
		}
	}
	require.NoError(r.t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(r.t, <-ended)
}
