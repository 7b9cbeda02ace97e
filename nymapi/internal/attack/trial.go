package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/process"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/stranger"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// lag is how long after its end an epoch must be rewarded: Nym-APIs exchange reports, certify and
// submit meanwhile.
const lag = epochDuration

// try runs an attack on a network of its own, and returns how that fared.
func try(ctx context.Context, a attack, p plan) (r result, err error) {
	dir, err := os.MkdirTemp("", "attack-"+a.name+"-")
	if err != nil {
		return r, err
	}
	r.attack = a
	if p.keep {
		r.notes = append(r.notes, "logs are in "+dir)
	} else {
		defer func() { _ = os.RemoveAll(dir) }()
	}
	members := nymAPIs
	if a.evil {
		members++
	}
	n, err := openNetwork(ctx, dir, p.programs, members)
	if err != nil {
		return r, err
	}
	defer n.close()
	e, err := newEvil(n.client)
	if err == nil && a.evil {
		err = e.join(ctx)
	}
	if err == nil {
		err = n.join(ctx)
	}
	if err != nil {
		return r, err
	}
	err = r.endure(ctx, n, e, p.length)
	return r, err
}

// endure lets the attack last, and measures what honest callers get meanwhile.
func (r *result) endure(ctx context.Context, n *network, e *evil, length time.Duration) error {
	attacking, stop := context.WithTimeout(ctx, length)
	defer stop()
	probe, begin := &stranger.Probe{}, time.Now()
	var enrolling, tampering error
	var note string
	var work sync.WaitGroup
	work.Go(func() { r.made = r.attack.hold(attacking, n) })
	work.Go(func() { probe.Run(attacking, n.urls(r.attack.database == nil)) })
	if r.attack.evil {
		work.Go(func() { enrolling = e.run(attacking) })
	}
	if r.attack.database != nil {
		work.Go(func() { note, tampering = r.attack.database(attacking, n) })
	}
	// The epochs are read while the attack lasts, as honest callers do.
	const reading = time.Second
	wait.For(attacking, length-reading)
	epochs, err := n.client.Epochs(ctx, 0, 100)
	r.judge(epochs, begin, time.Now())
	work.Wait()
	r.answers, r.resident, r.ended = probe.Answers(), process.Peak(n.contract.command.Process.Pid), n.ended()
	if r.attack.evil {
		r.notes = append(r.notes, fmt.Sprintf("bad addresses: the contract refused %d enrolments and accepted %d", e.refused, e.admitted))
	}
	if note != "" {
		r.notes = append(r.notes, note)
	}
	for _, err := range []error{err, enrolling, tampering} {
		if err != nil {
			r.failures = append(r.failures, err.Error())
		}
	}
	return ctx.Err()
}

// judge counts the epochs that ended after begin, and lag or more before end.
func (r *result) judge(epochs []contract.EpochSummary, begin, end time.Time) {
	for _, e := range epochs {
		if ended := e.End.Time(); ended.Before(begin) || ended.Add(lag).After(end) {
			continue
		}
		r.epochs++
		if e.Status != contract.StatusRewarded {
			r.missed++
		}
	}
}
