package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// A cluster is the Compose project of one test.
type cluster struct {
	compose []string // the Compose command and its arguments
	root    string   // of the repository
	project string
	image   string
	gossip  string // mode of the Nym-APIs that are started next: flood, mesh or direct
	env     []string
	out     io.Writer
	began   time.Time
	url     string // of the contract, set by up
}

// say prints a line with the elapsed time.
func (c *cluster) say(format string, args ...any) {
	fmt.Fprintf(c.out, "%4.0fs  %s\n", time.Since(c.began).Seconds(), fmt.Sprintf(format, args...))
}

// command runs a command in the root of the repository and returns its standard output.
func (c *cluster) command(ctx context.Context, words ...string) (string, error) {
	return c.feed(ctx, nil, words...)
}

// feed is like command and passes input to the standard input.
func (c *cluster) feed(ctx context.Context, input []byte, words ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.Dir, command.Env = c.root, append(c.env[:len(c.env):len(c.env)], "GOSSIP="+c.gossip)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(words, " "), errors.Join(err, ctx.Err()), stdout.String()+stderr.String())
	}
	return stdout.String(), nil
}

// docker runs a subcommand of docker.
func (c *cluster) docker(ctx context.Context, words ...string) (string, error) {
	return c.command(ctx, append([]string{"docker"}, words...)...)
}

// composeCommand runs a subcommand of Compose.
func (c *cluster) composeCommand(ctx context.Context, words ...string) (string, error) {
	return c.command(ctx, append(c.compose[:len(c.compose):len(c.compose)], words...)...)
}

// up starts the cluster and reads the contract's address.
func (c *cluster) up(ctx context.Context) error {
	if _, err := c.composeCommand(ctx, "up", "--detach", "--no-build"); err != nil {
		return err
	}
	address, err := c.composeCommand(ctx, "port", "contract", "8080")
	if err != nil {
		return err
	}
	c.url = "http://" + strings.TrimSpace(address)
	c.say("up: %s", c.url)
	return nil
}

// containers returns the IDs of a service's running containers.
func (c *cluster) containers(ctx context.Context, service string) ([]string, error) {
	ids, err := c.composeCommand(ctx, "ps", "--quiet", service)
	return strings.Fields(ids), err
}

// stopGrace is the grace period of docker-compose.yml plus some time for the engine.
const stopGrace = 15 * time.Second

// down stops the containers, checks their exit codes, and removes them. The volumes remain.
func (c *cluster) down(ctx context.Context) error {
	ids, err := c.composeCommand(ctx, "ps", "--quiet")
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := c.composeCommand(ctx, "stop"); err != nil {
		return err
	}
	took := time.Since(began)
	if took > stopGrace {
		return fmt.Errorf("the containers took %s to stop, at most %s", took, stopGrace)
	}
	for _, id := range strings.Fields(ids) {
		ended, err := c.docker(ctx, "inspect", "--format", "{{.Name}} {{.State.ExitCode}}", id)
		if err != nil {
			return err
		}
		if name, code, _ := strings.Cut(strings.TrimSpace(ended), " "); code != "0" {
			return fmt.Errorf("%s stopped with exit status %s, expected 0", name, code)
		}
	}
	c.say("all containers stopped with exit status 0 in %s", took.Round(100*time.Millisecond))
	_, err = c.composeCommand(ctx, "down")
	return err
}

// showLogs prints the end of the containers' logs.
func (c *cluster) showLogs(ctx context.Context) {
	for _, words := range [][]string{{"ps"}, {"logs", "--no-color", "--tail", "60"}} {
		text, err := c.composeCommand(ctx, words...)
		if err != nil {
			text = err.Error()
		}
		fmt.Fprintln(c.out, text)
	}
}

// remove removes the project and checks that no container, volume or network of it is left.
func (c *cluster) remove(ctx context.Context) error {
	_, err := c.composeCommand(ctx, "down", "--volumes", "--remove-orphans", "--timeout", "10")
	ours := "label=com.docker.compose.project=" + c.project
	for _, list := range [][]string{
		{"ps", "--all", "--quiet", "--filter", ours},
		{"volume", "ls", "--quiet", "--filter", ours},
		{"network", "ls", "--quiet", "--filter", ours},
	} {
		left, listErr := c.docker(ctx, list...)
		err = errors.Join(err, listErr)
		if left = strings.TrimSpace(left); left != "" {
			err = errors.Join(err, fmt.Errorf("left behind (docker %s): %s", strings.Join(list, " "), left))
		}
	}
	return err
}
