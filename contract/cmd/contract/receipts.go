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
	accusation "github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/jsontext"
)

func newCompareReceipts() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "compare-receipts FILE [FILE]", Short: "Check whether a contract signed two receipts for one epoch",
		Long: `Check offline whether a contract signed two different receipts for one epoch.
Give the proof that a Nym-API wrote, equivocation-epoch-N.json or an evidence
file of two receipts, or two files with a receipt each: an answer of GET /contract/epochs/{id} or /receipt below it, or
the output of contract inspect --epoch --json. The exit status is 0 if the
receipts prove it.`,
		Example: `  contract compare-receipts --key KEY data/1/equivocation-epoch-17.json
  contract compare-receipts --key KEY before.json after.json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var known keys.Public
			if err := known.UnmarshalText([]byte(key)); err != nil {
				return command.Usage("--key %q, expected the contract's public key: %w", key, err)
			}
			return compareReceipts(cmd.OutOrStdout(), known, args)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "public key of the contract, as contract inspect --json shows it")
	return cmd
}

func compareReceipts(out io.Writer, key keys.Public, paths []string) error {
	var receipts []contract.Receipt
	for _, path := range paths {
		found, err := readReceipts(path)
		if err != nil {
			return err
		}
		receipts = append(receipts, found...)
	}
	if len(receipts) != 2 {
		return command.Usage("%d receipts in %d files, expected two: a proof, or two files with a receipt each", len(receipts), len(paths))
	}
	return showEquivocation(out, key, receipts[0], receipts[1])
}

// showEquivocation prints what two receipts prove, or returns why they prove nothing.
func showEquivocation(out io.Writer, key keys.Public, first, second contract.Receipt) error {
	if err := verify.Equivocation(key, first, second); err != nil {
		return err
	}
	fmt.Fprintf(out, "equivocation: contract %s signed two receipts for epoch %d of network %s:\n", key, first.Epoch, first.Network)
	for _, r := range []contract.Receipt{first, second} {
		fmt.Fprintf(out, "  at %s for %s, block %s, rewards %s\n", r.AcceptedAt, r.Submitter, r.Block, r.Rewards)
	}
	return nil
}

// maxDetailBytes bounds a file with the details of an epoch.
const maxDetailBytes = 64 << 20

// readReceipts returns the receipts in a file: one of a receipt or of the details of an epoch, and
// two of a proof.
func readReceipts(path string) ([]contract.Receipt, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read receipt: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxDetailBytes))
	if err != nil {
		return nil, fmt.Errorf("read receipt: %w", err)
	}
	receipts, err := decodeReceipts(data)
	if err != nil {
		return nil, fmt.Errorf("read receipt of %s: %w", path, err)
	}
	return receipts, nil
}

func decodeReceipts(data []byte) ([]contract.Receipt, error) {
	if accusation.Recognise(data) {
		return receiptsOf(data)
	}
	var content struct {
		Receipt   *contract.Receipt `json:"receipt"`
		First     *contract.Receipt `json:"first"`
		Second    *contract.Receipt `json:"second"`
		Signature json.RawMessage   `json:"signature"`
	}
	if err := jsontext.Unmarshal(data, &content); err != nil {
		return nil, err
	}
	switch {
	case content.First != nil && content.Second != nil:
		return []contract.Receipt{*content.First, *content.Second}, nil
	case content.Receipt != nil:
		return []contract.Receipt{*content.Receipt}, nil
	case content.Signature != nil:
		receipts := make([]contract.Receipt, 1)
		return receipts, json.Unmarshal(data, &receipts[0])
	}
	return nil, errors.New("the epoch has no receipt")
}

// receiptsOf returns the two receipts in an evidence file.
func receiptsOf(data []byte) ([]contract.Receipt, error) {
	file, err := accusation.Decode(data)
	if err != nil {
		return nil, err
	}
	if file.Kind != contract.TwoReceipts {
		return nil, fmt.Errorf("it is an evidence file of kind %q, expected %q", file.Kind, contract.TwoReceipts)
	}
	two, err := contract.DecodeEquivocation(file)
	return []contract.Receipt{two.First, two.Second}, err
}
