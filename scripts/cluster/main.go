// Command cluster tests what the README says about the cluster on a real Docker engine:
//
//   - It starts a cluster and waits for the first rewarded epoch.
//   - It queries every node's API and verifies certificates offline.
//   - It checks that the token is in a private file, and in nothing that Docker shows.
//   - It kills a Nym-API, waits for an epoch that is rewarded without it, and restarts it.
//   - It stops the cluster, starts it with another gossip mode, and queries the nodes again.
//   - It verifies all epochs with the group and the contract's key that a Nym-API keeps, before and
//     after that.
//   - It inspects and audits the contract's database.
//   - It removes the cluster.
//
// `make cluster-test` runs it through cluster-test.sh. The cluster has its own project name and
// port, so it does not disturb another one on the same machine. Every wait has a deadline. On
// failure the command prints the end of the containers' logs. It removes the cluster in any case.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	compose := flag.String("compose", "docker compose", "Compose command to test")
	image := flag.String("image", "nym-rewarding:local", "image to run, which must exist")
	root := flag.String("root", ".", "folder that contains docker-compose.yml")
	gossip := flag.String("gossip", "flood", "gossip mode of the first half of the test: flood, mesh or direct; the second half uses the next of these")
	deadline := flag.Duration("deadline", 4*time.Minute, "time limit of the whole test")
	flag.Parse()
	if nextGossip[*gossip] == "" {
		fmt.Fprintf(os.Stderr, "-gossip %q: expected flood, mesh or direct\n", *gossip)
		os.Exit(2)
	}
	c := &cluster{
		compose: strings.Fields(*compose),
		root:    *root,
		project: fmt.Sprintf("nymtest%d", os.Getpid()),
		image:   *image,
		gossip:  *gossip,
		out:     os.Stdout,
		began:   time.Now(),
	}
	if err := c.run(ctx, *deadline); err != nil {
		fmt.Fprintf(os.Stderr, "cluster test with %s: %v\n", *compose, err)
		os.Exit(1)
	}
}

// nextGossip maps the gossip mode of a test's first half to that of the second half.
var nextGossip = map[string]string{"flood": "mesh", "mesh": "direct", "direct": "flood"}

// members is the size of the cluster: the smallest that tolerates one failure.
const members = 4

// run starts a cluster, tests it and removes it.
func (c *cluster) run(ctx context.Context, deadline time.Duration) (err error) {
	compose := strings.Join(c.compose, " ")
	c.env = append(
		os.Environ(),
		"COMPOSE_PROJECT_NAME="+c.project, "COMPOSE="+compose, "IMAGE="+c.image, fmt.Sprintf("NYMAPIS=%d", members),
		"PORT=0", "EPOCH=6s", "TICKS=3", "MIXNODES=60", "SOURCE=world", "SEED=7", "ESTIMATOR=median", "MODE=ephemera",
	)
	// The removal has a time limit of its own and runs after an interrupt, too.
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err != nil {
			c.showLogs(cleanup)
		}
		err = errors.Join(err, c.remove(cleanup))
		if err == nil {
			c.say("cluster removed; the cluster test with %s passed", compose)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return c.test(ctx)
}

// test runs the steps in order.
func (c *cluster) test(ctx context.Context) error {
	if err := c.up(ctx); err != nil {
		return err
	}
	first, err := c.waitRewarded(ctx, "the first rewarded epoch", func(epoch) bool { return true })
	if err != nil {
		return err
	}
	before, err := c.peers(ctx)
	if err != nil {
		return err
	}
	c.say("epoch %d rewarded, won by %s", first.ID, first.Winner.Name)
	if err := c.askNodes(ctx, first); err != nil {
		return err
	}
	if err := c.checkToken(ctx); err != nil {
		return err
	}
	trusted, err := os.MkdirTemp("", "cluster-test-trusted")
	if err != nil {
		return err
	}
	defer os.RemoveAll(trusted)
	if err := c.verify(ctx, trusted); err != nil {
		return err
	}

	absent, err := c.killOne(ctx, first)
	if err != nil {
		return err
	}
	if err := c.returnOne(ctx, absent); err != nil {
		return err
	}
	last, err := c.stopAndStart(ctx, before)
	if err != nil {
		return err
	}
	if err := c.askNodes(ctx, last); err != nil {
		return err
	}
	if err := errors.Join(c.verify(ctx, trusted), c.verifyOther(ctx, trusted)); err != nil {
		return err
	}
	return c.inspect(ctx, first, last)
}

// An absence describes a Nym-API that was killed.
type absence struct {
	container, name string
	epoch           int // one that was rewarded without its report
}

// killOne kills a Nym-API and waits until an epoch that began afterwards is rewarded.
func (c *cluster) killOne(ctx context.Context, first epoch) (absence, error) {
	containers, err := c.containers(ctx, "nymapi")
	if err != nil {
		return absence{}, err
	}
	if len(containers) != members {
		return absence{}, fmt.Errorf("%d Nym-APIs are running, expected %d", len(containers), members)
	}
	gone := absence{container: containers[0]}
	if _, err := c.docker(ctx, "kill", "--signal", "KILL", gone.container); err != nil {
		return absence{}, err
	}
	killed, err := c.now(ctx)
	if err != nil {
		return absence{}, err
	}
	c.say("one Nym-API killed")
	without, err := c.waitRewarded(ctx, "an epoch rewarded while one Nym-API is down", func(e epoch) bool {
		return e.Start.After(killed) && len(e.Reporters) == members-1
	})
	if err != nil {
		return absence{}, err
	}
	gone.epoch = without.ID
	for _, member := range first.Reporters {
		if !without.reported(member.Name) {
			gone.name = member.Name
		}
	}
	if gone.name == "" {
		// The first epoch may have been rewarded before all had reported. The list of members is always
		// complete.
		peers, err := c.peers(ctx)
		if err != nil {
			return absence{}, err
		}
		for name := range peers {
			if !without.reported(name) {
				gone.name = name
			}
		}
	}
	c.say("epoch %d rewarded without %s, won by %s", without.ID, gone.name, without.Winner.Name)
	return gone, nil
}

// returnOne starts the killed Nym-API and waits until it reports and signs again.
func (c *cluster) returnOne(ctx context.Context, gone absence) error {
	if _, err := c.docker(ctx, "start", gone.container); err != nil {
		return err
	}
	back, err := c.waitRewarded(ctx, gone.name+" reporting again", func(e epoch) bool {
		return e.ID > gone.epoch && e.reported(gone.name)
	})
	if err != nil {
		return err
	}
	signed, err := c.waitRewarded(ctx, gone.name+" echoing again", func(e epoch) bool {
		return e.ID > gone.epoch && e.signed(gone.name)
	})
	if err != nil {
		return err
	}
	c.say("%s is back: its report is in epoch %d, its echo in epoch %d", gone.name, back.ID, signed.ID)
	return nil
}

// stopAndStart stops all containers within their grace period, removes them, and starts the cluster
// again on the same volumes with the next gossip mode. It returns an epoch that was rewarded
// afterwards with the reports of all members.
func (c *cluster) stopAndStart(ctx context.Context, before map[string]string) (epoch, error) {
	last, err := c.newest(ctx)
	if err != nil {
		return epoch{}, err
	}
	if err := c.down(ctx); err != nil {
		return epoch{}, err
	}
	c.gossip = nextGossip[c.gossip]
	if err := c.up(ctx); err != nil {
		return epoch{}, err
	}
	after, err := c.peers(ctx)
	if err != nil {
		return epoch{}, err
	}
	if fmt.Sprint(before) != fmt.Sprint(after) {
		return epoch{}, fmt.Errorf("the members changed after down and up: %v, before %v", after, before)
	}
	next, err := c.waitRewarded(ctx, "an epoch with all reports rewarded after down and up", func(e epoch) bool {
		return e.ID > last && len(e.Reporters) == members
	})
	if err != nil {
		return epoch{}, err
	}
	c.say("down and up: the same %d members, gossip %s, epoch %d rewarded", len(after), c.gossip, next.ID)
	return next, nil
}

// inspect runs what `make inspect` runs, checks that the winners of the given epochs are shown, and
// audits the whole database.
func (c *cluster) inspect(ctx context.Context, seen ...epoch) error {
	folder, err := os.MkdirTemp("", "cluster-test")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	copied := folder + "/contract.db"
	if _, err := c.command(ctx, "scripts/contract-db.sh", copied); err != nil {
		return err
	}
	text, err := c.command(ctx, "scripts/inspect.sh", copied)
	if err != nil {
		return err
	}
	for _, e := range seen {
		if !strings.Contains(text, e.Winner.Name) {
			return fmt.Errorf("inspect does not show %s, the winner of epoch %d:\n%s", e.Winner.Name, e.ID, text)
		}
	}
	// The audit recomputes every result in the table from the signed reports stored with it.
	audit, err := c.command(ctx, "bin/contract", "audit", "--db", copied)
	if err != nil {
		return err
	}
	_, err = io.WriteString(c.out, text+audit)
	return err
}
