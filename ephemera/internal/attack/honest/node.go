package honest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/process"
)

// Node is an honest member: its folder, and the process that runs in it.
type Node struct {
	testnet.Node
	Folder daemon.Folder
	Client *client.Client

	program string   // path of the daemon
	log     *os.File // what its processes write
	command *exec.Cmd
	ended   chan struct{}
	serving atomic.Bool // messages may be submitted to it
	peak    int64       // greatest resident size of the processes that ended
	cuts    float64     // by the processes that ended
}

// requestTimeout bounds each request to a node.
const requestTimeout = 10 * time.Second

// Open prepares a node. program is the path of the daemon, and log receives what it writes.
func Open(network testnet.Net, node testnet.Node, program string, log *os.File) (*Node, error) {
	c, err := client.New("http://"+node.HTTP, client.Options{Timeout: requestTimeout})
	if err != nil {
		return nil, err
	}
	return &Node{Node: node, Folder: network.Folder(node), Client: c, program: program, log: log}, nil
}

// ErrNotReady reports a node that was not ready in time.
var ErrNotReady = errors.New("node is not ready")

// Start starts the process and returns how long it took until the node was ready.
func (n *Node) Start(ctx context.Context, limit time.Duration) (time.Duration, error) {
	n.command = exec.Command(n.program, "run", "--home", n.Folder.Dir)
	n.command.Stdout, n.command.Stderr = n.log, n.log
	n.command.SysProcAttr = process.EndWithParent()
	begin := time.Now()
	if err := n.command.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", n.Name, err)
	}
	ended := make(chan struct{})
	n.ended = ended
	go func(command *exec.Cmd) {
		defer close(ended)
		_ = command.Wait()
	}(n.command)
	if err := n.untilReady(ctx, limit); err != nil {
		return time.Since(begin), err
	}
	n.serving.Store(true)
	return time.Since(begin), nil
}

func (n *Node) untilReady(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		health, err := n.Client.Health(ctx)
		if err == nil && health.Ready {
			return nil
		}
		select {
		case <-n.ended:
			return fmt.Errorf("%w: the process of %s ended (read its log)", ErrNotReady, n.Name)
		case <-ctx.Done():
			return fmt.Errorf("%w: %s after %s: %s (read its log)", ErrNotReady, n.Name, limit, health.Reason)
		case <-ticker.C:
		}
	}
}

// stopTimeout bounds the time that a process takes to stop before it is killed.
const stopTimeout = 15 * time.Second

// Stop ends the process, and keeps what it had used.
func (n *Node) Stop() {
	if n.command == nil {
		return
	}
	n.Pause()
	n.peak, n.cuts = n.Peak(), n.Cuts(context.Background())
	_ = n.command.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-n.ended:
	case <-timer.C:
		_ = n.command.Process.Kill()
		<-n.ended
	}
	n.command = nil
}

// Close ends the process and closes the connections to it.
func (n *Node) Close() {
	n.Stop()
	n.Client.Close()
}

// Pause keeps Load from submitting to the node until it starts again.
func (n *Node) Pause() { n.serving.Store(false) }

// Running reports whether the process runs.
func (n *Node) Running() bool {
	if n.command == nil {
		return false
	}
	select {
	case <-n.ended:
		return false
	default:
		return true
	}
}
