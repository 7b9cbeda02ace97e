package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// each makes the evidence of a list of epochs one by one.
func (e *evidence) each(epochs []contract.Epoch, load func(contract.Epoch) (check.Evidence, error)) {
	e.epochs = len(epochs)
	e.all = func(yield func(check.Evidence, error) bool) {
		for _, epoch := range epochs {
			bundle, err := load(epoch)
			if !yield(bundle, err) || err != nil {
				return
			}
		}
	}
}

// fromURL returns the evidence of all settled epochs of a running contract, or of one.
func fromURL(ctx context.Context, c *client.Client, only contract.Epoch) (evidence, error) {
	e := evidence{source: c.URL(), consecutive: true, first: 1}
	info, err := c.PeerInfo(ctx)
	if err != nil {
		return e, err
	}
	e.names = namesOf(info.Peers())
	epochs, err := settledAt(ctx, c)
	if err != nil {
		return e, err
	}
	if epochs, err = e.choose(epochs, only); err != nil {
		return e, err
	}
	e.each(epochs, func(epoch contract.Epoch) (check.Evidence, error) {
		bundle, err := download(ctx, c, epoch)
		if err != nil {
			err = fmt.Errorf("get the evidence of epoch %d: %w", epoch, err)
		}
		return bundle, err
	})
	return e, nil
}

// download returns the bundle of an epoch. What the contract refuses to show, or sends in another
// form, is empty, which fails, because the contract says that the epoch is settled. Only an annex
// that is not sealed yet is nil.
func download(ctx context.Context, c *client.Client, epoch contract.Epoch) (check.Evidence, error) {
	bundle := check.Evidence{Source: "epoch " + epoch.String() + " at " + c.URL()}
	unusable := func(err error) bool {
		return errors.Is(err, contract.NotFound) || errors.Is(err, contract.ErrInvalid) || errors.Is(err, client.ErrAnswer)
	}
	core, err := c.Core(ctx, epoch)
	switch {
	case err == nil:
		bundle.Core = core.Encode()
	case !unusable(err):
		return bundle, err
	}
	annex, err := c.Annex(ctx, epoch)
	switch {
	case err == nil:
		bundle.Annex = annex.Encode()
	case unusable(err):
		bundle.Annex = []byte{}
	case !errors.Is(err, contract.NotClosed):
		return bundle, err
	}
	return bundle, nil
}

// maxEpochs bounds the epochs of a running contract that are verified at once: a century of hours.
const maxEpochs = 1 << 20

// settledAt returns the numbers of all epochs that the contract says are settled, ascending.
func settledAt(ctx context.Context, c *client.Client) ([]contract.Epoch, error) {
	const page = 100
	var newest contract.Epoch
	for from := contract.Epoch(0); newest == 0; {
		epochs, err := c.Epochs(ctx, from, page)
		if err != nil {
			return nil, err
		}
		for _, epoch := range epochs {
			if epoch.Status != contract.StatusOpen {
				newest = epoch.ID
				break
			}
			from = epoch.ID - 1
		}
		if newest == 0 && (len(epochs) == 0 || from == 0) {
			return nil, nil
		}
	}
	if newest > maxEpochs {
		return nil, fmt.Errorf("%w: epoch %d is settled, expected at most %d: choose one with --epoch", client.ErrAnswer, newest, maxEpochs)
	}
	numbers := make([]contract.Epoch, newest)
	for i := range numbers {
		numbers[i] = contract.Epoch(i + 1)
	}
	return numbers, nil
}

// choose returns the one epoch that was asked for, or all of them.
func (e *evidence) choose(epochs []contract.Epoch, only contract.Epoch) ([]contract.Epoch, error) {
	if only == 0 {
		return epochs, nil
	}
	e.consecutive, e.first = false, 0
	for _, epoch := range epochs {
		if epoch == only {
			return []contract.Epoch{only}, nil
		}
	}
	return nil, fmt.Errorf("%w: epoch %d is not settled at %s; it has %d settled epochs", errUnchecked, only, e.source, len(epochs))
}

// fromDatabase returns the evidence in a database, with the tables that are kept next to it. Names
// are the trusted ones of members, nil if not known.
func fromDatabase(ctx context.Context, reader *store.Reader, path string, only contract.Epoch, names map[keys.Public]string) (evidence, error) {
	e := evidence{source: path, consecutive: true, first: 1}
	owner, err := reader.Identity(ctx)
	if err != nil {
		return e, fmt.Errorf("read %s: %w", path, err)
	}
	members, err := reader.Members(ctx)
	if err != nil {
		return e, err
	}
	peers := make([]membership.Peer, len(members))
	for i, m := range members {
		peers[i] = m.Peer
	}
	e.names = namesOf(peers)
	epochs, err := reader.Settled(ctx)
	if err != nil {
		return e, fmt.Errorf("read %s: %w", path, err)
	}
	lacking, err := reader.WithoutAnnex(ctx)
	if err != nil {
		return e, fmt.Errorf("read %s: %w", path, err)
	}
	tables := comparison{reader: reader, owner: owner, names: names}
	if len(epochs) > 0 {
		tables.newest = epochs[len(epochs)-1]
	}
	if epochs, err = e.choose(epochs, only); err != nil {
		return e, err
	}
	e.each(epochs, func(epoch contract.Epoch) (check.Evidence, error) {
		bundle := check.Evidence{Source: "epoch " + epoch.String() + " in " + path}
		core, err := reader.Core(ctx, epoch)
		if errors.Is(err, store.ErrNotFound) {
			return bundle, nil
		}
		if err != nil {
			return bundle, err
		}
		bundle.Core = core.Encode()
		if bundle.Annex, err = reader.Annex(ctx, epoch); err != nil && !errors.Is(err, store.ErrNotFound) {
			return bundle, err
		}
		if bundle.Annex == nil && lacking[epoch] {
			bundle.Annex = []byte{} // there should be one
		}
		bundle.Copies = func(a verify.Audited) error { return tables.epoch(ctx, epoch, a) }
		return bundle, nil
	})
	return e, nil
}

// newClient returns a client of the contract at a URL, whose scheme may be left out.
func newClient(flag, text string) (*client.Client, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	c, err := client.New(text, nil)
	if err != nil {
		return nil, command.Usage("%s: %w", flag, err)
	}
	return c, nil
}
