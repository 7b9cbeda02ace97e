package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

func newCompareReceipts() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "compare-receipts FILE FILE", Short: "Check whether a contract signed two receipts for one epoch",
		Long: `Check offline whether a contract signed two different receipts for one epoch.
Each file is an answer of GET /contract/epochs/{id}, or the output of contract
inspect --epoch --json. The exit status is 0 if the receipts prove it.`,
		Example: `  contract compare-receipts --key KEY before.json after.json`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var known keys.Public
			if err := known.UnmarshalText([]byte(key)); err != nil {
				return command.Usage("--key %q, expected the contract's public key: %w", key, err)
			}
			return compareReceipts(cmd.OutOrStdout(), known, args[0], args[1])
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "public key of the contract, as contract inspect --json shows it")
	return cmd
}

func compareReceipts(out io.Writer, key keys.Public, first, second string) error {
	a, err := readReceipt(first)
	if err != nil {
		return err
	}
	b, err := readReceipt(second)
	if err != nil {
		return err
	}
	if err := verify.Equivocation(key, a, b); err != nil {
		return err
	}
	fmt.Fprintf(out, "equivocation: contract %s signed two receipts for epoch %d of network %s:\n", key, a.Epoch, a.Network)
	for _, r := range []contract.Receipt{a, b} {
		fmt.Fprintf(out, "  at %s for %s, block %s, rewards %s\n", r.AcceptedAt, r.Submitter, r.Block, r.Rewards)
	}
	return nil
}

// maxDetailBytes bounds a file with the details of an epoch.
const maxDetailBytes = 64 << 20

func readReceipt(path string) (contract.Receipt, error) {
	file, err := os.Open(path)
	if err != nil {
		return contract.Receipt{}, fmt.Errorf("read receipt: %w", err)
	}
	defer file.Close()
	var detail struct {
		Receipt *contract.Receipt `json:"receipt"`
	}
	err = json.NewDecoder(io.LimitReader(file, maxDetailBytes)).Decode(&detail)
	if err == nil && detail.Receipt == nil {
		err = errors.New("the epoch has no receipt")
	}
	if err != nil {
		return contract.Receipt{}, fmt.Errorf("read receipt of %s: %w", path, err)
	}
	return *detail.Receipt, nil
}
