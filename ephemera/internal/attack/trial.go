package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/attack/attacker"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/attack/honest"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/stranger"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

const (
	members      = 4
	memoryBytes  = 512 << 20
	rate         = 20   // messages per second
	messageBytes = 1024 // payload
	startTimeout = time.Minute
	// restartAfter is when a member is restarted during the attack.
	restartAfter = time.Second
	// restartUnderStrangers is the same during an attack of strangers, whose connections take time.
	restartUnderStrangers = 6 * time.Second
	// drain is the time between the last message that is submitted to a member and its end: what is in
	// no block then is lost with its mempool.
	drain = 500 * time.Millisecond
	// settleTimeout bounds the wait for the last deliveries after the attack.
	settleTimeout = 30 * time.Second
)

// trial is one attack on a group of its own.
type trial struct {
	plan
	attack  attacker.Attack
	network testnet.Net
	nodes   []*honest.Node // the honest members
	load    *honest.Load
	result  result
}

// try runs an attack and returns how the honest members fared.
func try(ctx context.Context, attack attacker.Attack, p plan) (result, error) {
	dir, err := os.MkdirTemp("", "attack-"+attack.Name+"-")
	if err != nil {
		return result{}, err
	}
	t := &trial{plan: p, attack: attack, result: result{attack: attack}}
	if p.keep {
		t.result.notes = append(t.result.notes, "logs are in "+dir)
	} else {
		defer func() { _ = os.RemoveAll(dir) }()
	}
	defer func() {
		for _, n := range t.nodes {
			n.Close()
		}
	}()
	if err := t.open(ctx, dir); err != nil {
		return result{}, err
	}
	if err := t.start(ctx); err != nil {
		return result{}, err
	}
	if attack.Regroup {
		if err := t.regroup(ctx); err != nil {
			return result{}, err
		}
	}
	err = t.run(ctx)
	return t.result, err
}

// open creates the group's folders.
func (t *trial) open(ctx context.Context, dir string) (err error) {
	config := settings.Default()
	config.Limits.Members, config.Limits.MemoryBytes = members, memoryBytes
	config.Block.Every = settings.Duration(t.every)
	config.Membership.Interval, config.Membership.HandOver = settings.Duration(time.Second), settings.Duration(2*time.Second)
	t.network, err = testnet.Make(ctx, testnet.Config{Dir: filepath.Join(dir, "net"), Nodes: members, Settings: config})
	if err != nil {
		return err
	}
	for _, node := range t.network.Nodes[:members-1] {
		log, err := os.Create(filepath.Join(dir, node.Name+".log"))
		if err != nil {
			return err
		}
		n, err := honest.Open(t.network, node, t.program, log)
		if err != nil {
			return errors.Join(err, log.Close())
		}
		t.nodes = append(t.nodes, n)
	}
	t.load = honest.NewLoad(t.nodes, rate, messageBytes)
	return nil
}

// start starts all honest members and waits until they are ready.
func (t *trial) start(ctx context.Context) error {
	var starting errgroup.Group
	for _, n := range t.nodes {
		starting.Go(func() error {
			_, err := n.Start(ctx, startTimeout)
			return err
		})
	}
	if err := starting.Wait(); err != nil {
		return err
	}
	limit, err := t.nodes[0].Metric(ctx, "go_gc_gomemlimit_bytes")
	if err == nil && limit != memoryBytes {
		err = fmt.Errorf("the daemon's memory limit is %.0f bytes, expected %d: it does not follow memory_bytes (is GOMEMLIMIT set?)", limit, memoryBytes)
	}
	return err
}

// run applies load, attacks, and restarts a member meanwhile.
func (t *trial) run(ctx context.Context) error {
	watching, stopWatching := context.WithCancel(ctx)
	loading, stopLoading := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stopWatching()
	defer stopLoading()
	work.Go(func() { t.load.Watch(watching) })
	work.Go(func() { t.load.Run(loading) })

	wait.For(ctx, t.warm)
	quiet := time.Now()
	wait.For(ctx, t.quiet)
	calm := time.Now()

	enemy, err := startHostile(t.network.Folder(t.network.Nodes[members-1]).Dir, t.attack.Name)
	if err != nil {
		return err
	}
	defer enemy.kill()
	if err := enemy.ready(startTimeout); err != nil {
		return err
	}
	probing, stopProbing := context.WithCancel(ctx)
	defer stopProbing()
	probe := &stranger.Probe{}
	if t.attack.Keyless() {
		work.Go(func() { probe.Run(probing, t.urls()) })
	}
	window, err := t.endure(ctx, enemy)
	if err != nil {
		return err
	}
	stopProbing()
	t.result.answers = probe.Answers()
	end := time.Now()
	stopLoading()
	if t.result.counts, err = enemy.stop(); err != nil {
		t.result.notes = append(t.result.notes, err.Error())
	}
	if t.verbose {
		received, _ := t.nodes[0].Metric(ctx, "ephemera_received_bytes_total")
		t.result.notes = append(t.result.notes, t.result.counts.String(), fmt.Sprintf("%s received %.0f MB", t.nodes[0].Name, received/(1<<20)))
	}
	t.load.Settle(ctx, settleTimeout)
	t.judge(ctx, quiet, calm, window, end)
	return ctx.Err()
}

// endure lets the attack last, restarts a member at its beginning, and measures the last part. It
// returns when that part began.
func (t *trial) endure(ctx context.Context, enemy *enemy) (window time.Time, err error) {
	begin := time.Now()
	before := make([]int64, len(t.nodes))
	for i, n := range t.nodes {
		before[i] = n.Disk()
	}
	if t.attack.Keyless() {
		wait.For(ctx, restartUnderStrangers)
	} else {
		wait.For(ctx, restartAfter)
	}
	restarted := t.nodes[1]
	restarted.Pause()
	wait.For(ctx, drain)
	restarted.Stop()
	if t.result.start, err = restarted.Start(ctx, startTimeout); err != nil && !errors.Is(err, honest.ErrNotReady) {
		return window, err
	}
	wait.For(ctx, time.Until(begin.Add(t.plan.attack-t.window)))
	window = time.Now()
	used, usedByAttacker, usedByOthers := t.time(), enemy.time(), others(t, enemy)
	wait.For(ctx, t.window) // all of it, also if the restart took long
	length := time.Since(window).Seconds()
	t.result.share = (enemy.time() - usedByAttacker).Seconds() / length
	t.result.work = (t.time() - used).Seconds() / length / float64(len(t.nodes))
	if cores := (others(t, enemy) - usedByOthers).Seconds() / length; cores > disturbance {
		t.result.notes = append(t.result.notes, fmt.Sprintf("other programs used %.1f cores: the latencies are theirs, too", cores))
	}
	for i, n := range t.nodes {
		t.result.grown = max(t.result.grown, n.Disk()-before[i])
	}
	return window, ctx.Err()
}

// urls returns what honest callers ask for during an attack of strangers, at the members that are
// not restarted.
func (t *trial) urls() []string {
	var urls []string
	for _, n := range []*honest.Node{t.nodes[0], t.nodes[2]} {
		for _, path := range []string{api.PathLive, api.PathReady, api.PathHealth} {
			urls = append(urls, "http://"+n.HTTP+path)
		}
	}
	return urls
}

// disturbance is how many cores other programs may use before latencies are in doubt.
const disturbance = 0.3

// others returns the CPU time of programs that are not part of the trial.
func others(t *trial, enemy *enemy) time.Duration {
	return honest.MachineTime() - t.time() - enemy.time() - honest.ProcessTime(os.Getpid())
}

// time returns the CPU time of all honest members.
func (t *trial) time() (sum time.Duration) {
	for _, n := range t.nodes {
		sum += n.Time()
	}
	return sum
}

// judge fills in what is known after the attack.
func (t *trial) judge(ctx context.Context, quiet, calm, window, end time.Time) {
	r := &t.result
	before, under := t.load.Tally(quiet, calm), t.load.Tally(window, end)
	r.quiet, r.p50 = before.P50, under.P50
	r.measured = min(before.Submitted, under.Submitted)
	whole := t.load.Tally(quiet, end)
	r.submitted, r.missing = whole.Submitted, whole.Missing
	for _, err := range whole.Rejected[:min(2, len(whole.Rejected))] {
		r.notes = append(r.notes, "a message was refused: "+err.Error())
	}
	for _, n := range t.nodes {
		r.resident = max(r.resident, n.Peak())
		r.cuts += n.Cuts(ctx)
		if !n.Running() {
			r.notes = append(r.notes, n.Name+" ended")
			r.missing = max(r.missing, 1)
		}
	}
}
