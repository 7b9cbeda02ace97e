package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/process"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

const (
	theContract   = "contract"
	theNymAPI     = "nymapi"
	nymAPIs       = 4 // honest ones
	token         = "secret"
	epochDuration = 2 * time.Second
	startTimeout  = time.Minute
	stopTimeout   = 15 * time.Second
	poll          = 100 * time.Millisecond
)

// network is a contract and its Nym-APIs: real processes on loopback, each with a folder in dir.
type network struct {
	dir, programs string
	address       string   // of the contract
	health        []string // addresses of the Nym-APIs' /livez and /readyz
	client        *client.Client
	contract      *program
	nymAPIs       []*program
}

// program is a process that was started.
type program struct {
	name    string
	command *exec.Cmd
	ended   chan struct{} // closed when it has ended
}

// openNetwork starts a contract that expects members to enrol, and waits until it answers.
func openNetwork(ctx context.Context, dir, programs string, members int) (*network, error) {
	n := &network{dir: dir, programs: programs}
	var err error
	if n.address, err = freeAddress(); err != nil {
		return nil, err
	}
	if n.client, err = client.New("http://"+n.address, nil); err != nil {
		return nil, err
	}
	n.contract, err = n.start(theContract, theContract, "serve", "--listen", n.address, "--home", filepath.Join(dir, theContract),
		"--expect", strconv.Itoa(members), "--token", token, "--epoch", epochDuration.String(), "--first-epoch", "1s", "--mixnodes", "24")
	if err != nil {
		return nil, err
	}
	if err := n.until(ctx, "the contract to be ready", func() error { return n.client.Ready(ctx) }); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// join starts the Nym-APIs, and waits until an epoch is rewarded.
func (n *network) join(ctx context.Context) error {
	for i := range nymAPIs {
		health, err := freeAddress()
		if err != nil {
			return err
		}
		number := strconv.Itoa(i + 1)
		name := theNymAPI + "-" + number
		p, err := n.start(name, theNymAPI, "run", "--contract", "http://"+n.address, "--home", filepath.Join(n.dir, name), "--number", number,
			"--token", token, "--health-listen", health)
		if err != nil {
			return err
		}
		n.nymAPIs, n.health = append(n.nymAPIs, p), append(n.health, health)
	}
	return n.until(ctx, "an epoch to be rewarded", func() error {
		epochs, err := n.client.Epochs(ctx, 0, 0)
		for _, e := range epochs {
			if e.Status == contract.StatusRewarded {
				return nil
			}
		}
		return errors.Join(err, errNotYet)
	})
}

var errNotYet = errors.New("no epoch is rewarded yet")

// start starts a program, which writes to a log in dir.
func (n *network) start(name, file string, args ...string) (*program, error) {
	log, err := os.Create(filepath.Join(n.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has a descriptor of its own
	p := &program{name: name, command: exec.Command(filepath.Join(n.programs, file), args...), ended: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = log, log
	p.command.SysProcAttr = process.EndWithParent()
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // ProcessState has the result
	}()
	return p, nil
}

// until calls done until it returns nil, for at most startTimeout, while all processes run.
func (n *network) until(ctx context.Context, what string, done func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := done()
		switch {
		case err == nil:
			return nil
		case len(n.ended()) > 0:
			return fmt.Errorf("wait for %s: %v ended (read the logs with -keep): %w", what, n.ended(), err)
		case ctx.Err() != nil:
			return fmt.Errorf("wait for %s: not within %s (read the logs with -keep): %w", what, startTimeout, err)
		}
		wait.For(ctx, poll)
	}
}

// ended returns the names of the processes that have ended.
func (n *network) ended() []string {
	var names []string
	for _, p := range append([]*program{n.contract}, n.nymAPIs...) {
		select {
		case <-p.ended:
			names = append(names, p.name)
		default:
		}
	}
	return names
}

// urls returns what honest callers ask for.
func (n *network) urls() []string {
	var urls []string
	for _, path := range []string{contract.PathLive, contract.PathReady, contract.PathEpoch} {
		urls = append(urls, "http://"+n.address+path)
	}
	for _, health := range n.health {
		urls = append(urls, "http://"+health+contract.PathLive, "http://"+health+contract.PathReady)
	}
	return urls
}

// close ends all processes.
func (n *network) close() {
	for _, p := range append(n.nymAPIs, n.contract) {
		p.stop()
	}
	n.client.Close()
}

// stop ends the process, and kills it if that takes long.
func (p *program) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// freeAddress returns an address of the loopback interface on which nothing listens.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}
