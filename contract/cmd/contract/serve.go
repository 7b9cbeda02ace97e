package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/spreadsheet"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
)

// databaseName is the name of the database in a contract's folder.
const databaseName = "contract.db"

type serveFlags struct {
	listen, home, db, network      string
	hosts                          []string
	expect                         int
	token, tokenFile               string
	createToken                    bool
	proxies                        []string
	memory                         int64
	epoch, firstEpoch              time.Duration
	mixnodes                       int
	mixnodesFile, estimator        string
	accept, carry                  int
	advance, verify, mode, trusted string
	log                            command.Log
}

func newServe() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve the contract over HTTP",
		Long: `Serve the contract over HTTP until it is stopped.

Nym-APIs enrol with the token. When the expected number of them have enrolled,
the group is closed and the first epoch is scheduled. The first start creates a
key and a database in --home, and later starts continue with them. What a later
start changes applies to the next epochs and is logged with its old value, as is
what cannot be changed: --expect and --first-epoch once the group is closed.`,
		Example: `  contract serve --expect 4 --token-file token --create-token --epoch 10s --mixnodes 240
  contract serve --home /var/lib/contract --expect 1 --mode single`,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address; port 0 takes a free port, which is logged")
	flags.StringSliceVar(&f.hosts, "host", []string{"contract"}, "names at which callers reach it, other than localhost and IP addresses; requests that name another host are refused")
	flags.StringSliceVar(&f.proxies, "trusted-proxies", nil, "addresses or prefixes of proxies in front, whose X-Forwarded-For says who calls")
	flags.Int64Var(&f.memory, "memory-bytes", 0, "memory that callers may make it use, also the limit of the garbage collector unless GOMEMLIMIT is set (default: 268435456, or what the submissions of all members need)")
	flags.StringVar(&f.home, "home", ".", "folder of contract.key and contract.db, created if it does not exist")
	flags.StringVar(&f.db, "db", "", "database, if it is not contract.db in --home")
	flags.StringVar(&f.network, "network", server.DefaultNetwork, "name of the network, which every signature contains")
	flags.IntVar(&f.expect, "expect", 0, fmt.Sprintf("number of Nym-APIs that will enrol, 1..%d", membership.MaxMembers))
	flags.StringVar(&f.token, "token", "", "secret with which Nym-APIs enrol")
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the token, which other users must not be able to read; --token shows it to all of them")
	flags.BoolVar(&f.createToken, "create-token", false, "create --token-file with a random token if it does not exist")
	flags.DurationVar(&f.epoch, "epoch", 10*time.Second, "duration of an epoch")
	flags.DurationVar(&f.firstEpoch, "first-epoch", 3*time.Second, "time from the closing of the group to the first epoch")
	flags.IntVar(&f.mixnodes, "mixnodes", 240, "number of mixnodes that are rewarded: m001, m002 and so on")
	flags.StringVar(&f.mixnodesFile, "mixnodes-file", "", "file with the names of the mixnodes, one a line, instead of --mixnodes")
	flags.StringVar(&f.estimator, "estimator", "median", "rule that combines several uptimes: "+metrics.EstimatorNames())
	flags.IntVar(&f.accept, "accept-epochs", 3, "number of epochs for which an epoch stays open after its end")
	flags.IntVar(&f.carry, "carry", 3, "number of epochs for which an old value replaces a missing one")
	flags.StringVar(&f.advance, "advance", string(server.Fixed), "when the next epoch begins: fixed or when-decided")
	flags.StringVar(&f.verify, "verify", "full", "full: recompute every result from signed reports; none: accept any result, like the original")
	flags.StringVar(&f.mode, "mode", "ephemera", "ephemera: certified blocks of many Nym-APIs; single: results of one authorised Nym-API; performance-contract: medians of what each Nym-API submits before the epoch ends, by the rules of Nym's performance contract")
	flags.StringVar(&f.trusted, "authorised", "", "name of the authorised Nym-API in mode single (default: the first by name)")
	f.log.Add(flags)
	return cmd
}

func serve(cmd *cobra.Command, f serveFlags) error {
	cfg, err := f.config(cmd.Flags().Changed)
	if err != nil {
		return err
	}
	logger, err := f.log.Logger(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	cfg.Logger = logger.With("logger", "contract")
	if err := cfg.Validate(); err != nil {
		return &command.UsageError{Err: err}
	}
	if cfg.Token, err = f.readToken(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(cfg.Database), 0o700); err != nil {
		return command.Usage("--home: %w", err)
	}
	if f.verify == "none" {
		cfg.Logger.Warn("--verify none: the first submission decides what is paid")
	}
	if cfg.Token == "" {
		cfg.Logger.Warn("no --token: any caller can enrol until the group is complete")
	}
	contract, err := server.New(cfg)
	if err != nil {
		return err
	}
	command.LimitMemory(contract.MemoryBytes())
	return contract.Run(cmd.Context())
}

// readToken returns the token with which Nym-APIs enrol. It is the first that may create a file.
func (f serveFlags) readToken() (string, error) {
	if f.createToken {
		if err := command.CreateToken("--token", f.tokenFile); err != nil {
			return "", err
		}
	}
	return command.Token("--token", f.token, f.tokenFile)
}

// config returns the configuration, without the token, and creates nothing. changed reports whether
// a flag was given.
func (f serveFlags) config(changed func(name string) bool) (server.Config, error) {
	cfg := server.Config{
		Database: f.database(), Listen: f.listen, Hosts: f.hosts, Network: f.network, Expected: f.expect, FirstEpochDelay: f.firstEpoch,
		EpochDuration: f.epoch, AcceptEpochs: f.accept, MemoryBytes: f.memory, Advance: server.Advance(f.advance), CarryLimit: f.carry, Authorised: f.trusted, Version: version,
	}
	var err error
	if cfg.Mode, err = f.apiMode(); err != nil {
		return cfg, err
	}
	if err := f.checkMedians(changed); err != nil {
		return cfg, err
	}
	if f.expect < 1 || f.expect > membership.MaxMembers {
		return cfg, command.Usage("--expect %d, expected the number of Nym-APIs that will enrol, 1..%d", f.expect, membership.MaxMembers)
	}
	if err := address.CheckHostPort(f.listen); err != nil {
		return cfg, command.Usage("--listen: %w", err)
	}
	if f.accept < 1 {
		return cfg, command.Usage("--accept-epochs %d, expected at least 1", f.accept)
	}
	if f.trusted != "" {
		if f.mode != "single" {
			return cfg, command.Usage("--authorised is for --mode single, but the mode is %s", f.mode)
		}
		if err := contract.CheckName(f.trusted); err != nil {
			return cfg, command.Usage("--authorised: %w", err)
		}
	}
	if info, err := os.Stat(cfg.Database); err == nil && !info.Mode().IsRegular() {
		return cfg, command.Usage("--db: %s is not a regular file", cfg.Database)
	}
	if cfg.Proxies, err = webserver.ParseProxies(f.proxies); err != nil {
		return cfg, command.Usage("--trusted-proxies: %w", err)
	}
	if cfg.Estimator, err = metrics.ParseEstimator(f.estimator); err != nil {
		return cfg, command.Usage("--estimator: %w", err)
	}
	cfg.Mixnodes, err = f.readMixnodes()
	return cfg, err
}

func (f serveFlags) database() string {
	if f.db != "" {
		return f.db
	}
	return filepath.Join(f.home, databaseName)
}

// checkMedians refuses flags that the rules of the performance contract leave no choice about.
func (f serveFlags) checkMedians(changed func(name string) bool) error {
	if f.mode != string(contract.ModePerformance) {
		return nil
	}
	wrong := ""
	switch {
	case f.estimator != "median":
		wrong = "--estimator " + f.estimator
	case changed("carry") && f.carry != performance.LookBack:
		wrong = fmt.Sprintf("--carry %d", f.carry)
	case f.verify != "full":
		wrong = "--verify " + f.verify
	default:
		return nil
	}
	return command.Usage("%s is not for --mode %s, which pays medians with a look-back of %d epochs; leave it out", wrong, f.mode, performance.LookBack)
}

func (f serveFlags) apiMode() (contract.Mode, error) {
	full, known := map[string]contract.Mode{
		"ephemera": contract.ModeFull, "single": contract.ModeSingle, string(contract.ModePerformance): contract.ModePerformance,
	}[f.mode]
	switch {
	case !known:
		return "", command.Usage("--mode %q, expected ephemera, single or %s", f.mode, contract.ModePerformance)
	case f.verify == "full":
		return full, nil
	case f.verify == "none":
		return contract.ModeNone, nil
	}
	return "", command.Usage("--verify %q, expected full or none", f.verify)
}

func (f serveFlags) readMixnodes() ([]metrics.MixID, error) {
	if f.mixnodesFile == "" {
		w, err := world.New(world.Config{Mixnodes: f.mixnodes})
		if err != nil {
			return nil, command.Usage("--mixnodes: %w", err)
		}
		return w.Mixnodes(), nil
	}
	file, err := os.Open(f.mixnodesFile)
	if err != nil {
		return nil, command.Usage("--mixnodes-file: %w", err)
	}
	defer file.Close()
	names, err := spreadsheet.ReadNames(file, f.mixnodesFile)
	if err != nil {
		return nil, command.Usage("--mixnodes-file: %w", err)
	}
	return names, nil
}
