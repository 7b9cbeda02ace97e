package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
)

func newTestnet(c *cli) *cobra.Command {
	var dir string
	var nodes, basePort int
	var start bool
	cmd := &cobra.Command{
		Use:   "testnet",
		Short: "Create a network of nodes on this machine, and run it",
		Long: `Create a network of nodes on this machine: a folder for each with key,
configuration and list of members. It prints the addresses of the nodes, and
commands to try with the first one. With --run all nodes run in this process
until it is interrupted; "ready" is printed once, when every node is ready.

The DHT is on, so that everything can be tried. If the folder holds such a
network already, it is used as it is. A folder that holds something else is
refused.`,
		Example: `  ephemera testnet --nodes 4 --dir net
  ephemera testnet --dir net --run`,
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", "", "folder of the network")
	flags.IntVar(&nodes, "nodes", 4, "number of nodes (default: those in the folder, or 4)")
	flags.IntVar(&basePort, "base-port", 0, "first port, three for each node; 0: free ports")
	flags.BoolVar(&start, "run", false, "run all nodes until interrupted")
	given := settingFlags(flags)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if dir == "" {
			return command.Usage("--dir is missing, expected a folder for the network, such as --dir net")
		}
		s, _, err := settings.Load(settings.Sources{Flags: given})
		if err != nil {
			return err
		}
		if _, decided := given["dht.enabled"]; !decided {
			s.DHT.Enabled = true // so that everything can be tried
		}
		net, err := testnet.Open(dir)
		if err == nil {
			noteIgnored(cmd, dir, start, given)
		}
		if errors.Is(err, fs.ErrNotExist) || err == nil && flags.Changed("nodes") {
			net, err = testnet.Make(cmd.Context(), testnet.Config{Dir: dir, Nodes: nodes, BasePort: basePort, Stores: stores(), Settings: s})
		}
		if err != nil {
			return err
		}
		if err := c.print(cmd, net, func(w io.Writer) { introduce(w, net, start) }); err != nil || !start {
			return err
		}
		return runTestnet(cmd, net, given)
	}
	return cmd
}

// fewestDescriptors is how many files and connections a node of a test network may have open even
// if the process has fewer for each: strangers do not use up those of a network to try.
const fewestDescriptors = 512

// noteIgnored says on standard error which flags a network that exists does not take.
func noteIgnored(cmd *cobra.Command, dir string, start bool, given map[string]string) {
	ignored := []string{}
	if cmd.Flags().Changed("base-port") {
		ignored = append(ignored, "--base-port")
	}
	if !start {
		for _, key := range slices.Sorted(maps.Keys(given)) {
			ignored = append(ignored, "--"+key)
		}
	}
	if len(ignored) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s has a network already, %s has no effect (edit the nodes' configurations, or choose another folder)\n",
			dir, strings.Join(ignored, ", "))
	}
}

// runTestnet runs all nodes. If one fails, the others stop.
func runTestnet(cmd *cobra.Command, net testnet.Net, given map[string]string) error {
	out := &lines{w: cmd.ErrOrStderr()}
	work, ctx := errgroup.WithContext(cmd.Context())
	started := make(chan string, len(net.Nodes))
	memory := 0
	for _, node := range net.Nodes {
		folder := net.Folder(node)
		s, _, err := settings.Load(settings.Sources{File: folder.Config(), Environ: os.Environ(), Flags: given})
		if err != nil {
			return fmt.Errorf("%s: %w", node.Name, err)
		}
		if s.Log.Format == "auto" {
			s.Log.Format = "text"
		}
		logger, err := newLogger(prefixed{lines: out, prefix: node.Name + " | "}, s.Log)
		if err != nil {
			return err
		}
		memory += s.Limits.MemoryBytes
		work.Go(func() error {
			err := daemon.Run(ctx, daemon.Config{
				Folder: folder, Settings: s, Version: version, Stores: stores(), Logger: logger,
				// The nodes share the process.
				Descriptors: max(fewestDescriptors, descriptors.Limit()/len(net.Nodes)),
				Started:     func(a daemon.Addresses) { started <- a.HTTP },
			})
			if err != nil {
				return fmt.Errorf("%s: %w", node.Name, err)
			}
			return nil
		})
	}
	command.LimitMemory(int64(memory)) // the nodes share the process
	quietLibraries(logging.New(out, logging.Text, logging.Levels{}))
	work.Go(func() error {
		if !allReady(ctx, started, len(net.Nodes)) {
			return nil
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "ready")
		return err
	})
	return work.Wait()
}

// allReady waits until every node is ready, and reports whether that was before ctx ended.
func allReady(ctx context.Context, started <-chan string, count int) bool {
	for range count {
		var address string
		select {
		case address = <-started:
		case <-ctx.Done():
			return false
		}
		if address != "" && !ready(ctx, address) {
			return false
		}
	}
	return true
}

// ready queries a node until it is ready, and reports whether that was before ctx ended.
func ready(ctx context.Context, address string) bool {
	node, err := client.New("http://"+address, client.Options{})
	if err != nil {
		return false
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		if health, err := node.Health(ctx); err == nil && health.Ready {
			return true
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
}

// lines is a writer that several loggers share. Each of them writes whole lines.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(data)
}

// prefixed puts a node's name before each of its lines.
type prefixed struct {
	*lines
	prefix string
}

func (p prefixed) Write(data []byte) (int, error) {
	text := p.prefix + strings.ReplaceAll(strings.TrimSuffix(string(data), "\n"), "\n", "\n"+p.prefix) + "\n"
	if _, err := p.lines.Write([]byte(text)); err != nil {
		return 0, err
	}
	return len(data), nil
}
