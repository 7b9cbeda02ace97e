package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/stranger"
)

// attack is one that is made without a key, by a member with bad addresses, or on the contract's
// database.
type attack struct {
	name, does string
	each       int             // connections of every source to the contract
	speak      stranger.Speech // what is done on them
	health     stranger.Speech // and on a quarter as many to each Nym-API's /livez, nil for none
	evil       bool            // a fifth member enrols with bad addresses
	// database changes the database of the contract, which does not answer all the time. It returns
	// what happened; an error means that the contract or a Nym-API did not do what it must.
	database func(context.Context, *network) (note string, err error)
}

// attacks returns all attacks. Their names differ from those of the attacks on daemons.
func attacks() []attack {
	const epochs = contract.PathEpochs + "?limit=100"
	return []attack{
		{
			name: "bodies", does: "submissions whose bodies never end", each: 200,
			speak: paced(stranger.SlowBody(contract.PathSubmit, contract.ContentType, bodyBytes)),
		},
		{
			name: "readers", does: "requests for epochs, and for health, whose answers are not read", each: 200,
			speak: stranger.SlowReader(epochs), health: stranger.SlowReader(contract.PathLive),
		},
		{
			name: "silent", does: "HTTP connections that stay open", each: 400,
			speak: stranger.Idle(contract.PathEpoch), health: stranger.Idle(contract.PathLive),
		},
		{name: "address", does: "a member that enrols with addresses that nobody can dial", evil: true},
		{name: "older", does: "the stopped contract's database is replaced by an older copy", database: older},
		{name: "deleted", does: "the running contract's database is deleted", database: deleted},
		{name: "recovered", does: "the contract continues with an older copy of its database, on purpose", database: recovered},
	}
}

// bodyBytes is just below the largest submission, of which the block alone may have 4 MiB.
const bodyBytes = 4_100_000

// paced returns a speech that sends at most 32 KiB in 150 ms. From 600 connections that is
// 1 Gbit/s, as much as a fast link carries: an attacker on the same machine would otherwise take
// the cores from the honest callers.
func paced(speak stranger.Speech) stranger.Speech {
	return func(c net.Conn) { speak(pacedConn{c}) }
}

type pacedConn struct{ net.Conn }

func (c pacedConn) Write(data []byte) (int, error) {
	time.Sleep(150 * time.Millisecond) // io.CopyN writes 32 KiB at a time
	return c.Conn.Write(data)
}

func find(name string) (attack, error) {
	for _, a := range attacks() {
		if a.name == name {
			return a, nil
		}
	}
	return attack{}, fmt.Errorf("no attack %q (see -list)", name)
}

// hold attacks a network without a key until ctx is done, and returns the number of connections
// made. Honest callers have another address.
func (a attack) hold(ctx context.Context, n *network) int64 {
	var made atomic.Int64
	var holding sync.WaitGroup
	for _, source := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"} {
		if a.speak != nil {
			holding.Go(func() { made.Add(stranger.Hold(ctx, source, n.address, a.each, a.speak)) })
		}
		for _, health := range n.health {
			if a.health != nil {
				holding.Go(func() { made.Add(stranger.Hold(ctx, source, health, a.each/4, a.health)) })
			}
		}
	}
	holding.Wait()
	return made.Load()
}
