package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// evil is a member that only enrols, with addresses that nobody can dial.
type evil struct {
	key               keys.Private
	contract          *client.Client
	counter           uint64
	admitted, refused int
}

// badAddresses returns texts that are not multiaddrs, that cannot be dialled, or that name another
// peer.
func badAddresses() []string {
	return []string{
		"/not-a-multiaddr", "/ip4/127.0.0.1", "/ip4/127.0.0.1/tcp/0", "/ip4/0.0.0.0/tcp/3000", "/ip4/127.0.0.1/tcp/99999",
		"/ip4/127.0.0.1/tcp/9/p2p/12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2", "/unix/tmp/socket",
		"/dns4/" + strings.Repeat("a", address.MaxBytes) + "/tcp/3000",
	}
}

// usable is where nothing listens.
const usable = "/ip4/127.0.0.1/tcp/9"

func newEvil(c *client.Client) (*evil, error) {
	key, err := keys.Generate()
	return &evil{key: key, contract: c}, err
}

// join enrols with a bad address, or with a usable one if the contract refuses that.
func (e *evil) join(ctx context.Context) error {
	if err := e.enrol(ctx, badAddresses()[0]); err != nil || e.admitted > 0 {
		return err
	}
	if err := e.enrol(ctx, usable); err != nil || e.admitted > 0 {
		return err
	}
	return fmt.Errorf("enrol the hostile member: the contract refuses %s", usable)
}

// enrol enrols with an address. A refusal is not an error.
func (e *evil) enrol(ctx context.Context, address string) error {
	info, err := e.contract.PeerInfo(ctx)
	if err != nil {
		return fmt.Errorf("enrol the hostile member: %w", err)
	}
	e.counter++
	enrolment := contract.Enrolment{Name: "evil", Addresses: []string{address}, Counter: e.counter}
	_, err = e.contract.Enrol(ctx, enrolment.Sign(e.key, info.Network, info.ContractKey), token)
	var problem *contract.Problem
	switch {
	case err == nil:
		e.admitted++
	case errors.As(err, &problem) && !problem.Temporary():
		e.refused++
	default:
		return fmt.Errorf("enrol the hostile member: %w", err)
	}
	return nil
}

// run enrols again with every bad address in turn, until ctx is done.
func (e *evil) run(ctx context.Context) error {
	const between = time.Second
	for turn := 0; ctx.Err() == nil; turn++ {
		bad := badAddresses()
		if err := e.enrol(ctx, bad[turn%len(bad)]); err != nil && ctx.Err() == nil {
			return err
		}
		wait.For(ctx, between)
	}
	return nil
}
