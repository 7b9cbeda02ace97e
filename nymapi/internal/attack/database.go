package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/process"
)

// Attacks on the memory of the contract: its database and the marker next to it.

// advice is what the contract says when it refuses a database.
const advice = "put the newest database and its marker back"

// older replaces the database of a stopped contract by an older copy, and deletes it. The contract
// must refuse both, and continue once the right database is back.
func older(ctx context.Context, n *network) (string, error) {
	old, _, err := n.copyDatabase(ctx)
	if err != nil {
		return "", err
	}
	n.contract.stop()
	right, err := n.takeDatabase()
	if err != nil {
		return "", err
	}
	for _, put := range []func() error{
		func() error { return os.Rename(old, n.database()) },
		func() error { return os.Remove(n.database()) },
	} {
		if err := put(); err != nil {
			return "", err
		}
		if err := n.refuses(ctx); err != nil {
			return "", err
		}
	}
	if err := right(); err != nil {
		return "", err
	}
	return "refused an older copy, and to start without the database: status 1, advice", n.serve(ctx)
}

// deleted deletes the database of a running contract. The contract must stop with advice, and
// continue once the right database is back.
func deleted(ctx context.Context, n *network) (string, error) {
	right, err := n.takeDatabase()
	if err != nil {
		return "", err
	}
	begin := time.Now()
	const most = 10 * time.Second
	stopping, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case <-n.contract.ended:
	case <-stopping.Done():
		return "", fmt.Errorf("the contract still runs %s after its database was deleted", most)
	}
	took := time.Since(begin)
	log, err := os.ReadFile(n.logOf(theContract))
	if err != nil {
		return "", err
	}
	if status := n.contract.command.ProcessState.ExitCode(); status != 1 || !strings.Contains(string(log), advice) {
		return "", fmt.Errorf("the contract without its database ended with status %d, expected 1 and the advice to %s", status, advice)
	}
	if err := right(); err != nil {
		return "", err
	}
	return fmt.Sprintf("stopped after %.1f s: status 1, advice", took.Seconds()), n.serve(ctx)
}

// recovered lets the contract continue with an older copy of its database, and submits again what
// won the epochs that the copy lacks, as anyone can. Every Nym-API must convict the contract.
func recovered(ctx context.Context, n *network) (string, error) {
	old, lost, err := n.copyDatabase(ctx)
	if err != nil {
		return "", err
	}
	won, err := n.evidence(ctx, lost)
	if err != nil {
		return "", err
	}
	n.contract.stop()
	if _, err := n.takeDatabase(); err != nil {
		return "", err
	}
	if err := os.Rename(old, n.database()); err != nil {
		return "", err
	}
	if err := n.recover(ctx); err != nil {
		return "", err
	}
	if err := n.serve(ctx); err != nil {
		return "", err
	}
	begin := time.Now()
	for _, submission := range won {
		if err := n.until(ctx, "a submission to be taken again", func() error {
			_, err := n.client.Submit(ctx, submission)
			return err
		}); err != nil {
			return "", err
		}
	}
	if err := n.until(ctx, "all Nym-APIs to convict the contract", func() error { return n.convicted(ctx) }); err != nil {
		return "", err
	}
	took := time.Since(begin)
	return fmt.Sprintf("convicted by all Nym-APIs after %.1f s, which anyone can check", took.Seconds()), n.checkProofs(ctx, lost)
}

func (n *network) database() string { return filepath.Join(n.contractHome(), "contract.db") }

// run runs a command of the contract's program, and returns its exit status and output.
func (n *network) run(ctx context.Context, args ...string) (status int, output string, err error) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(n.programs, theContract), args...)
	command.SysProcAttr = process.EndWithParent()
	text, err := command.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, "", fmt.Errorf("it has not ended within %s", stopTimeout)
	case errors.As(err, &exit):
		return exit.ExitCode(), string(text), nil
	}
	return 0, string(text), err
}

// expect runs a command that must end with a status and print a text.
func (n *network) expect(ctx context.Context, status int, text string, args ...string) error {
	got, output, err := n.run(ctx, args...)
	if err == nil && (got != status || !strings.Contains(output, text)) {
		err = fmt.Errorf("status %d, expected %d and %q: %s", got, status, text, output)
	}
	if err != nil {
		return fmt.Errorf("contract %s: %w", args[0], err)
	}
	return nil
}

func (n *network) refuses(ctx context.Context) error {
	return n.expect(ctx, 1, advice, n.serveArgs()...)
}

// copyDatabase copies the database while the newest epoch is the only open one, and waits until
// that epoch is rewarded. It returns the copy and the epoch.
func (n *network) copyDatabase(ctx context.Context) (path string, lost contract.Epoch, err error) {
	path = filepath.Join(n.dir, "older.db")
	err = n.until(ctx, "the newest epoch to be the only open one", func() error {
		if lost, err = n.onlyOpen(ctx); err != nil {
			return err
		}
		if err := n.expect(ctx, 0, "", "backup", "--home", n.contractHome(), "--to", path); err != nil {
			return err
		}
		if after, err := n.onlyOpen(ctx); err != nil || after != lost {
			return errors.Join(err, errNotYet)
		}
		return nil
	})
	if err != nil {
		return "", 0, err
	}
	return path, lost, n.until(ctx, "the next epoch to be rewarded", func() error {
		detail, err := n.client.EpochDetail(ctx, lost)
		if err == nil && detail.Status != contract.StatusRewarded {
			err = errNotYet
		}
		return err
	})
}

// onlyOpen returns the newest epoch, if it is open and the one before it is rewarded.
func (n *network) onlyOpen(ctx context.Context) (contract.Epoch, error) {
	epochs, err := n.client.Epochs(ctx, 0, 2)
	if err != nil {
		return 0, err
	}
	if len(epochs) < 2 || epochs[0].Status != contract.StatusOpen || epochs[1].Status != contract.StatusRewarded {
		return 0, errNotYet
	}
	return epochs[0].ID, nil
}

// takeDatabase removes the database. It returns what puts it back. The files next to it stay.
func (n *network) takeDatabase() (back func() error, err error) {
	right := filepath.Join(n.dir, "right.db")
	if err := os.Link(n.database(), right); err != nil {
		return nil, err
	}
	return func() error { return os.Rename(right, n.database()) }, os.Remove(n.database())
}

// evidence returns the winning submissions of the rewarded epochs from that one on.
func (n *network) evidence(ctx context.Context, from contract.Epoch) ([]contract.Submission, error) {
	epochs, err := n.client.Epochs(ctx, 0, 100)
	if err != nil {
		return nil, err
	}
	var won []contract.Submission
	for i := len(epochs) - 1; i >= 0; i-- {
		if epochs[i].ID < from || epochs[i].Status != contract.StatusRewarded {
			continue
		}
		core, err := n.client.Core(ctx, epochs[i].ID)
		if err != nil {
			return nil, err
		}
		submission, err := contract.DecodeSubmission(core.Submission, len(core.Submission))
		if err != nil {
			return nil, err
		}
		won = append(won, submission)
	}
	return won, nil
}

var acceptance = regexp.MustCompile(`--accept-loss (\d+)`)

// recover makes the contract accept its database, after it has refused it and said what is lost.
func (n *network) recover(ctx context.Context) error {
	if err := n.refuses(ctx); err != nil {
		return err
	}
	_, output, err := n.run(ctx, "recover", "--home", n.contractHome())
	if err != nil {
		return err
	}
	found := acceptance.FindStringSubmatch(output)
	if found == nil {
		return fmt.Errorf("contract recover does not say what to accept: %s", output)
	}
	return n.expect(ctx, 0, "", "recover", "--home", n.contractHome(), "--accept-loss", found[1])
}

// convicted returns nil if every Nym-API says in its status that the contract signed two receipts.
func (n *network) convicted(ctx context.Context) error {
	for _, health := range n.health {
		var status struct {
			Equivocations int `json:"contract_equivocations"`
		}
		if err := statusOf(ctx, health, &status); err != nil {
			return err
		}
		if status.Equivocations == 0 {
			return fmt.Errorf("the Nym-API at %s has noticed nothing", health)
		}
	}
	return nil
}

// statusOf decodes the status that a Nym-API answers at its health address.
func statusOf(ctx context.Context, health string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+health+contract.PathLive, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(into)
}

// checkProofs checks the proof of every Nym-API as a stranger does, and that it fails the audit.
func (n *network) checkProofs(ctx context.Context, epoch contract.Epoch) error {
	info, err := n.client.PeerInfo(ctx)
	if err != nil {
		return err
	}
	for number := range nymAPIs {
		proof := filepath.Join(n.nymAPIHome(number+1), fmt.Sprintf("equivocation-epoch-%d.json", epoch))
		convicts := fmt.Sprintf("signed two receipts for epoch %d", epoch)
		if err := n.expect(ctx, 0, convicts, "compare-receipts", "--key", info.ContractKey.String(), proof); err != nil {
			return err
		}
		if err := n.expect(ctx, 1, convicts, "audit", "--db", n.database(), "--proof", proof); err != nil {
			return err
		}
	}
	return n.expect(ctx, 0, "0 failed", "audit", "--db", n.database())
}
