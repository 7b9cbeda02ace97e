package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/disktest"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/process"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// A disk that is really full: a small file system in memory under the folder of one of four nodes.
// The node signs nothing without room, continues without a restart when there is some, and no
// member signs twice.
func TestNodeOutlivesAFullDisk(t *testing.T) {
	if !disktest.MayMount(t) {
		return
	}
	for _, kind := range []string{"sqlite", "pebble"} {
		t.Run(kind, func(t *testing.T) {
			n := newSmallDisk(t, kind)
			n.submit(2, "before", 100)
			for round := range 2 {
				disktest.Fill(t, n.filling())
				n.submit(2, fmt.Sprint("others continue ", round), 200_000)
				n.eventually("the node says why it waits", func() (bool, string) {
					out, _ := n.call("query", "health", "--home", n.home(1))
					return bytes.Contains(out, []byte("the disk of the store is full")), string(out)
				})
				n.empty()
				n.eventually("the node is ready", func() (bool, string) {
					out, err := n.call("status", "--home", n.home(1))
					return err == nil, string(out)
				})
				n.submit(1, fmt.Sprint("own messages are certified again ", round), 1000)
			}
			for i := 1; i <= 4; i++ {
				out, err := n.call("query", "evidence", "--home", n.home(i))
				require.NoError(t, err, "%s", out)
				require.NotContains(t, string(out), "height", "a member signed two blocks")
			}
			disktest.Fill(t, n.filling())
			n.stop(1)
			n.empty()
			n.start(1)
			n.submit(1, "after a stop on a full disk", 1000)
		})
	}
}

// smallDisk is a network of four nodes. The data of the first is on a small disk.
type smallDisk struct {
	t       *testing.T
	dir     string
	program string
	nodes   map[int]*exec.Cmd
	logs    map[int]*output
}

// diskBytes is the size of the disk: Pebble's reserve is 16 MiB.
const diskBytes = 40 << 20

func newSmallDisk(t *testing.T, kind string) *smallDisk {
	n := &smallDisk{t: t, dir: t.TempDir(), nodes: map[int]*exec.Cmd{}, logs: map[int]*output{}}
	n.program = filepath.Join(n.dir, "ephemera")
	// The test binary is the program if it has that name.
	require.NoError(t, os.Symlink(os.Args[0], n.program))
	out, err := n.call("testnet", "--nodes", "4", "--dir", n.dir+"/net", "--storage.kind", kind, "--block.every", "20ms")
	require.NoError(t, err, "%s", out)
	n.mount(filepath.Join(n.home(1), "data"))
	for i := 1; i <= 4; i++ {
		t.Cleanup(func() { n.stop(i) })
		n.start(i)
	}
	return n
}

// mount puts a small disk under a folder and copies its files there.
func (n *smallDisk) mount(folder string) {
	kept := filepath.Join(n.dir, "kept")
	n.copy(folder, kept)
	require.NoError(n.t, syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", diskBytes)))
	n.t.Cleanup(func() { require.NoError(n.t, syscall.Unmount(folder, 0)) })
	n.copy(kept+"/.", folder)
}

// copy copies a folder with the modes of its files.
func (n *smallDisk) copy(from, to string) {
	out, err := exec.CommandContext(n.t.Context(), "cp", "-a", from, to).CombinedOutput()
	require.NoError(n.t, err, "%s", out)
}

func (n *smallDisk) home(i int) string { return filepath.Join(n.dir, "net", fmt.Sprintf("node-%d", i)) }

func (n *smallDisk) start(i int) {
	n.logs[i] = &output{}
	cmd := exec.Command(n.program, "run", "--home", n.home(i))
	cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = process.EndWithParent(), n.logs[i], n.logs[i]
	require.NoError(n.t, cmd.Start())
	n.nodes[i] = cmd
	n.eventually("the node has started", func() (bool, string) {
		_, err := n.call("query", "config", "--home", n.home(i))
		return err == nil, n.logs[i].String()
	})
}

// stop stops a node, which must end with status 0.
func (n *smallDisk) stop(i int) {
	cmd := n.nodes[i]
	if cmd == nil {
		return
	}
	delete(n.nodes, i)
	require.NoError(n.t, cmd.Process.Signal(syscall.SIGTERM), "%s", n.logs[i])
	require.NoError(n.t, cmd.Wait(), "%s", n.logs[i])
}

// call runs a command of the program.
func (n *smallDisk) call(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return exec.CommandContext(ctx, n.program, args...).CombinedOutput()
}

// submit submits a message of some bytes to a node and waits until it is certified.
func (n *smallDisk) submit(i int, label string, size int) {
	n.t.Helper()
	file := filepath.Join(n.dir, "payload")
	require.NoError(n.t, os.WriteFile(file, bytes.Repeat([]byte{byte(len(label))}, size), 0o600))
	n.eventually(label, func() (bool, string) {
		out, err := n.call("submit", "--home", n.home(i), "--label", label, "--file", file, "--wait", "10s")
		return err == nil, string(out) + n.logs[i].String()
	})
}

func (n *smallDisk) filling() string { return filepath.Join(n.home(1), "data", "filling") }

func (n *smallDisk) empty() {
	if err := os.Remove(n.filling()); !errors.Is(err, fs.ErrNotExist) {
		require.NoError(n.t, err)
	}
}

// eventually repeats a check for a minute.
func (n *smallDisk) eventually(what string, check func() (bool, string)) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), time.Minute)
	defer cancel()
	ok, last := check()
	for !ok {
		if !wait.For(ctx, 50*time.Millisecond) {
			n.t.Fatalf("%s: not within a minute: %s", what, last)
		}
		ok, last = check()
	}
}
