package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
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
	members       int      // that the contract expects
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
	n := &network{dir: dir, programs: programs, members: members}
	var err error
	if n.address, err = freeport.Address(); err != nil {
		return nil, err
	}
	if n.client, err = client.New("http://"+n.address, nil); err != nil {
		return nil, err
	}
	if err := n.serve(ctx); err != nil {
		if n.contract != nil {
			n.close()
		}
		return nil, err
	}
	return n, nil
}

// serve starts the contract, and waits until it answers.
func (n *network) serve(ctx context.Context) (err error) {
	if n.contract, err = n.start(theContract, theContract, n.serveArgs()...); err != nil {
		return err
	}
	return n.until(ctx, "the contract to be ready", func() error { return n.client.Ready(ctx) })
}

func (n *network) serveArgs() []string {
	return []string{
		"serve", "--listen", n.address, "--home", n.contractHome(), "--expect", strconv.Itoa(n.members), "--token", token,
		"--epoch", epochDuration.String(), "--first-epoch", "1s", "--mixnodes", "24",
	}
}

func (n *network) contractHome() string { return filepath.Join(n.dir, theContract) }

func (n *network) nymAPIHome(number int) string {
	return filepath.Join(n.dir, theNymAPI+"-"+strconv.Itoa(number))
}

// join starts the Nym-APIs, and waits until an epoch is rewarded.
func (n *network) join(ctx context.Context) error {
	for i := range nymAPIs {
		health, err := freeport.Address()
		if err != nil {
			return err
		}
		home := n.nymAPIHome(i + 1)
		p, err := n.start(filepath.Base(home), theNymAPI, "run", "--contract", "http://"+n.address, "--home", home, "--number", strconv.Itoa(i+1),
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

// start starts a program, which writes to a log in dir, after what an earlier run wrote.
func (n *network) start(name, file string, args ...string) (*program, error) {
	log, err := os.OpenFile(n.logOf(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
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

func (n *network) logOf(name string) string { return filepath.Join(n.dir, name+".log") }

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

// urls returns what honest callers ask for, with the contract or only of the Nym-APIs.
func (n *network) urls(withContract bool) []string {
	var urls []string
	if withContract {
		for _, path := range []string{contract.PathLive, contract.PathReady, contract.PathEpoch} {
			urls = append(urls, "http://"+n.address+path)
		}
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
