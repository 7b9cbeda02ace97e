package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
)

// databaseName is that of the database in a contract's folder.
const databaseName = "contract.db"

type serveFlags struct {
	listen, home, db, network      string
	expect                         int
	token, tokenFile               string
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

Nym-APIs enrol with the token; when as many have as are expected, the group is closed and the first epoch is scheduled.
Key and database are made in --home at the first start, and a later start goes on with them.`,
		Example: `  contract serve --expect 4 --token secret --epoch 10s --mixnodes 240
  contract serve --home /var/lib/contract --expect 1 --mode single`,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address; port 0 takes a free one, which is logged")
	flags.StringVar(&f.home, "home", ".", "folder of contract.key and contract.db, made if there is none")
	flags.StringVar(&f.db, "db", "", "database, if it is not contract.db in --home")
	flags.StringVar(&f.network, "network", server.DefaultNetwork, "name that keeps signatures of different networks apart")
	flags.IntVar(&f.expect, "expect", 0, fmt.Sprintf("how many Nym-APIs will enrol, 1..%d", membership.MaxMembers))
	flags.StringVar(&f.token, "token", "", "what a Nym-API must know to enrol")
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the token, so that it is not on the command line")
	flags.DurationVar(&f.epoch, "epoch", 10*time.Second, "duration of an epoch")
	flags.DurationVar(&f.firstEpoch, "first-epoch", 3*time.Second, "time from the closing of the group to the first epoch")
	flags.IntVar(&f.mixnodes, "mixnodes", 240, "how many mixnodes are rewarded: m001, m002 and so on")
	flags.StringVar(&f.mixnodesFile, "mixnodes-file", "", "file with the names of the mixnodes, one a line, instead of --mixnodes")
	flags.StringVar(&f.estimator, "estimator", "median", "rule that makes one uptime of several: mean, median, lowmedian, trimmed, trimmed(k) or mad")
	flags.IntVar(&f.accept, "accept-epochs", 3, "how many epochs an epoch stays open after its end")
	flags.IntVar(&f.carry, "carry", 3, "over how many epochs an old value stands in for a missing one")
	flags.StringVar(&f.advance, "advance", string(server.Fixed), "when the next epoch begins: fixed or when-decided")
	flags.StringVar(&f.verify, "verify", "full", "full: recompute every result from signed reports; none: believe anybody, as the original did")
	flags.StringVar(&f.mode, "mode", "ephemera", "ephemera: certified blocks of many; single: the word of one authorised Nym-API")
	flags.StringVar(&f.trusted, "authorised", "", "name of that one in mode single; default: the first by name")
	f.log.Add(flags)
	return cmd
}

func serve(cmd *cobra.Command, f serveFlags) error {
	cfg, err := f.config()
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
	if err := os.MkdirAll(filepath.Dir(cfg.Database), 0o700); err != nil {
		return fmt.Errorf("--home: %w", err)
	}
	if f.verify == "none" {
		cfg.Logger.Warn("--verify none: whoever is first decides what is paid")
	}
	if cfg.Token == "" {
		cfg.Logger.Warn("no --token: whoever reaches this address can enrol until the group is complete")
	}
	contract, err := server.New(cfg)
	if err != nil {
		return err
	}
	return contract.Run(cmd.Context())
}

func (f serveFlags) config() (server.Config, error) {
	cfg := server.Config{
		Database: f.database(), Listen: f.listen, Network: f.network, Expected: f.expect, FirstEpochDelay: f.firstEpoch,
		EpochDuration: f.epoch, AcceptEpochs: f.accept, Advance: server.Advance(f.advance), CarryLimit: f.carry, Authorised: f.trusted,
	}
	var err error
	if cfg.Mode, err = f.apiMode(); err != nil {
		return cfg, err
	}
	if f.expect < 1 || f.expect > membership.MaxMembers {
		return cfg, command.Usage("--expect %d, expected the number of Nym-APIs that will enrol, 1..%d", f.expect, membership.MaxMembers)
	}
	if f.accept < 1 {
		return cfg, command.Usage("--accept-epochs %d, expected at least 1", f.accept)
	}
	if cfg.Token, err = command.Token("--token", f.token, f.tokenFile); err != nil {
		return cfg, err
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

func (f serveFlags) apiMode() (contract.Mode, error) {
	if f.mode != "ephemera" && f.mode != "single" {
		return "", command.Usage("--mode %q, expected ephemera or single", f.mode)
	}
	switch f.verify {
	case "none":
		return contract.ModeNone, nil
	case "full":
		if f.mode == "single" {
			return contract.ModeSingle, nil
		}
		return contract.ModeFull, nil
	default:
		return "", command.Usage("--verify %q, expected full or none", f.verify)
	}
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
		return nil, fmt.Errorf("--mixnodes-file: %w", err)
	}
	defer file.Close()
	var names []metrics.MixID
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		name, err := metrics.ParseMixID(text)
		if err != nil {
			return nil, fmt.Errorf("--mixnodes-file %s, line %d: %w", f.mixnodesFile, number, err)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, errors.Join(lines.Err())
}
