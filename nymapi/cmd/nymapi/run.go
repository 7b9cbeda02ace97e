package main

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
	"github.com/ephemera-go/nym-rewarding/nymapi/collector"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// runFlags are the flags of `nymapi run`.
type runFlags struct {
	mode, contract, home, homeSlots string
	name, submit                    string
	number, ticks, bundles          int
	token, tokenFile                string
	listen, announce                []string
	apiHosts, apiURLs               []string
	gossip                          p2p.Mode
	dht, acceptHistory              bool
	api                             string
	apiProxies                      []string
	daemon                          service.Daemon
	daemonTokenFile                 string
	healthListen                    string
	memory                          int64
	source                          sourceFlags
	log                             command.Log
}

func newRun() *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run one Nym-API until it is stopped",
		Long: `Run one Nym-API until it is stopped.

The first start creates a key and databases in --home, and later starts continue
with them. A later start with another --number, --ticks or source measures
accordingly from then on, and logs the old value. Its name stays. --mode must be
that of the contract.`,
		Example: `  nymapi run --contract http://127.0.0.1:8080 --home data/1 --number 1 --token-file token
  nymapi run --mode single --contract http://127.0.0.1:8080 --home data/1
  nymapi run --contract http://127.0.0.1:8080 --home data/1 --ephemera http://127.0.0.1:3100 --ephemera-admin http://127.0.0.1:3101`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.ErrOrStderr()) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.mode, "mode", string(service.Ephemera), "single: submit own measurements; ephemera: submit the result of certified blocks; performance-contract: submit own measurements before the epoch ends, right after the last tick, and nothing measured later counts")
	flags.StringVar(&f.contract, "contract", "http://127.0.0.1:8080", "address of the contract")
	flags.StringVar(&f.home, "home", "", "folder for the key and databases, created at the first start")
	flags.StringVar(&f.homeSlots, "home-slots", "", "instead of --home: take the first free folder of DIR/1, DIR/2, …, and its number")
	flags.IntVar(&f.number, "number", 1, "number of this Nym-API in the simulated world, from 1")
	flags.StringVar(&f.name, "name", "", "name of the member (default: nymapi-<number>)")
	flags.StringVar(&f.token, "token", "", "the contract's token for new members")
	flags.StringVar(&f.tokenFile, "token-file", "", "file that contains the token, which other users must not be able to read; --token shows it to all of them")
	flags.StringSliceVar(&f.listen, "listen", []string{"/ip4/127.0.0.1/tcp/0"}, "multiaddrs to listen on for other Nym-APIs")
	flags.StringSliceVar(&f.announce, "announce", nil, "multiaddrs at which others reach this Nym-API (default: those of --listen)")
	flags.TextVar(&f.gossip, "gossip", p2p.Flood, "how reports spread. flood: from each to all; mesh: to some neighbours, which forward them; direct: from each to all without GossipSub; off: only by exchange between two members")
	flags.BoolVar(&f.dht, "dht", true, "join the hash table of the members, in which members whose address changed are found, and what others hold of an epoch")
	flags.StringVar(&f.api, "api", "", "address of the node's HTTP API, WebSocket and /metrics, such as 127.0.0.1:3100; not served if empty")
	flags.StringSliceVar(&f.apiURLs, "api-url", nil, "URL at which others reach --api or --health-listen, for those who look for the evidence of an epoch (default: the address of --api, with the hosts of --announce or --listen if that is 0.0.0.0)")
	flags.StringSliceVar(&f.apiHosts, "api-host", []string{"nymapi"}, "names at which callers reach --api, other than localhost and IP addresses; requests that name another host are refused")
	flags.StringSliceVar(&f.apiProxies, "api-trusted-proxies", nil, "addresses or prefixes of proxies in front of --api, whose X-Forwarded-For says who calls")
	flags.StringVar(&f.daemon.URL, "ephemera", "", "sidecar mode: address of the Ephemera daemon to use instead of an embedded node; enrol its key first with nymapi enrol")
	flags.StringVar(&f.daemon.Admin, "ephemera-admin", "", "address of the daemon's admin listener (default: the value of --ephemera)")
	flags.StringVar(&f.daemonTokenFile, "ephemera-token-file", "", "file that contains the daemon's bearer token, if it runs on another machine; other users must not be able to read it")
	flags.StringVar(&f.submit, "submit", string(service.Race), "race: all Nym-APIs submit at once; staged: they take turns")
	flags.IntVar(&f.ticks, "ticks", 4, "measurements of each mixnode per epoch")
	flags.BoolVar(&f.acceptHistory, "accept-history", false, "continue with a contract that lost its memory: accept the first description that does not follow from the epochs before")
	flags.IntVar(&f.bundles, "bundles", 256, "number of the newest epochs of which the evidence is kept in the folder bundles; 0: none")
	f.source.add(flags)
	flags.StringVar(&f.healthListen, "health-listen", "", "address of /livez, /readyz and /metrics, not served if empty (default with --home-slots: "+defaultHealth+")")
	flags.Int64Var(&f.memory, "memory-bytes", 2<<30, "memory in bytes that the garbage collector keeps it within, unless GOMEMLIMIT is set")
	f.log.Add(flags)
	return cmd
}

// config returns the service's configuration, and creates nothing before all of it is checked. If
// New fails, the caller must close Lock.
func (f *runFlags) config(stderr io.Writer) (service.Config, error) {
	logger, err := newLogger(stderr, f.log)
	if err != nil {
		return service.Config{}, err
	}
	mode, err := service.ParseMode(f.mode)
	if err != nil {
		return service.Config{}, command.Usage("--mode: %w", err)
	}
	order, err := service.ParseSubmission(f.submit)
	if err != nil {
		return service.Config{}, command.Usage("--submit: %w", err)
	}
	if f.ticks < 1 || f.ticks > collector.MaxTicks { // 0 would be service.Config's default
		return service.Config{}, command.Usage("--ticks %d, expected 1..%d measurements per epoch", f.ticks, collector.MaxTicks)
	}
	if f.bundles < 0 {
		return service.Config{}, command.Usage("--bundles %d, expected 0 or more epochs", f.bundles)
	}
	if f.memory < 1 {
		return service.Config{}, command.Usage("--memory-bytes %d, expected at least 1", f.memory)
	}
	token, err := command.Token("--token", f.token, f.tokenFile)
	if err != nil {
		return service.Config{}, err
	}
	if f.daemon.Token, err = command.Token("--ephemera-token", "", f.daemonTokenFile); err != nil {
		return service.Config{}, err
	}
	if f.daemon != (service.Daemon{}) && f.daemon.URL == "" {
		return service.Config{}, command.Usage("--ephemera is missing, expected the address of the daemon's API, such as --ephemera http://127.0.0.1:3100")
	}
	for _, name := range f.apiHosts {
		if err := webserver.CheckHost(name); err != nil {
			return service.Config{}, command.Usage("--api-host: %w", err)
		}
	}
	proxies, err := webserver.ParseProxies(f.apiProxies)
	if err != nil {
		return service.Config{}, command.Usage("--api-trusted-proxies: %w", err)
	}
	c := service.Config{
		APIProxies: proxies, SourceSettings: f.source.settings(),
		Name: f.name, Number: f.number, Home: f.home, Mode: mode, Contract: f.contract, Token: token, Ticks: f.ticks, Bundles: f.bundles, AcceptHistory: f.acceptHistory,
		Listen: f.listen, Announce: f.announce, Gossip: f.gossip, DHT: f.dht, API: f.api, APIHosts: f.apiHosts, APIURLs: f.apiURLs, Version: version, Daemon: f.daemon, Submit: order, Logger: logger,
	}
	switch {
	case f.home != "" && f.homeSlots != "":
		return service.Config{}, command.Usage("--home and --home-slots are both given, expected one of them")
	case f.home == "" && f.homeSlots == "":
		return service.Config{}, command.Usage("--home is missing, expected a folder for the key and databases, such as --home ./nymapi-1")
	case f.homeSlots != "":
		c.Home, f.healthListen = f.homeSlots, cmp.Or(f.healthListen, defaultHealth)
	}
	if err := f.checkListeners(); err != nil {
		return service.Config{}, err
	}
	if c.Source, err = f.source.open(c.Number); err != nil {
		return service.Config{}, err
	}
	if err := c.Validate(); err != nil {
		return service.Config{}, err
	}
	return c, f.takeSlot(&c)
}

// checkListeners checks the address of the health server, and that no two listeners need one port.
func (f *runFlags) checkListeners() error {
	listeners := []address.Listener{{Setting: "--api", Address: f.api}, {Setting: "--health-listen", Address: f.healthListen}}
	if f.healthListen != "" {
		if err := address.CheckHostPort(f.healthListen); err != nil {
			return command.Usage("--health-listen: %w", err)
		}
	}
	for _, text := range f.listen {
		listeners = append(listeners, address.Listener{Setting: "--listen", Address: text})
	}
	if err := address.CheckDistinct(listeners...); err != nil {
		return &command.UsageError{Err: err}
	}
	return nil
}

// takeSlot sets folder, number, source and lock of --home-slots, if it is given.
func (f *runFlags) takeSlot(c *service.Config) error {
	if f.homeSlots == "" {
		return nil
	}
	slot, err := takeSlot(f.homeSlots)
	if err != nil {
		return err
	}
	c.Home, c.Number, c.Lock = slot.dir, slot.number, slot.lock
	if c.Source, err = f.source.open(c.Number); err != nil {
		return errors.Join(err, c.Lock.Close())
	}
	return nil
}

func (f *runFlags) run(ctx context.Context, stderr io.Writer) error {
	c, err := f.config(stderr)
	if err != nil {
		return err
	}
	nymapi, err := service.New(c)
	if err != nil {
		return errors.Join(err, unlock(c))
	}
	health, err := listenHealth(f.healthListen)
	if err != nil {
		return errors.Join(err, unlock(c))
	}
	command.LimitMemory(f.memory)
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return nymapi.Run(ctx) })
	work.Go(func() error {
		descriptors.Watch(ctx, c.Logger)
		return nil
	})
	if health != nil {
		work.Go(func() error {
			return health.Run(ctx, health.Answering(healthAnswers(nymapi.Status, nymapi.Figures(), nymapi.Handler())))
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	c.Logger.Info("stopped")
	return nil
}

// unlock releases the folder of a Nym-API that does not run.
func unlock(c service.Config) error {
	if c.Lock == nil {
		return nil
	}
	return c.Lock.Close()
}
