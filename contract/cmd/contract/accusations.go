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
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// errNotProven reports evidence files that prove nothing.
var errNotProven = errors.New("not every file proves something; the output says which")

func newVerifyEvidence() *cobra.Command {
	var group, key string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "verify-evidence FILE...", Short: "Check what evidence files prove, and against whom",
		Long: `Check offline what evidence files prove, and against whom: two reports of a
Nym-API for one epoch, two headers or two certified blocks for one place of a
chain, or two receipts of the contract for one epoch. Nym-APIs write such files
into the folder evidence of their own folder. The author of a file need not be
trusted, because it holds what the culprits signed.

--group is a file that describes the group that you trust: the answer of GET
/contract/peer_info, the output of "ephemera query group -o json", or the group's
canonical bytes. --contract-key is for receipts. The exit status is 0 if every
file proves something against this group or this contract.`,
		Example: `  contract verify-evidence --group group.json data/1/evidence/*.evidence`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			trusted, err := newTrusted(group, key)
			if err != nil {
				return err
			}
			return judgeFiles(cmd.OutOrStdout(), args, trusted, asJSON)
		},
	}
	cmd.Flags().StringVar(&group, "group", "", "file that describes the group that you trust")
	cmd.Flags().StringVar(&key, "contract-key", "", "public key of the contract, as contract inspect --json shows it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// judgement says what an evidence file proves.
type judgement struct {
	File       string             `json:"file"`
	Proven     bool               `json:"proven"`
	Sentence   string             `json:"sentence,omitempty"`
	Names      []string           `json:"names,omitempty"` // of the culprits, by key
	Accusation *verify.Accusation `json:"accusation,omitempty"`
	Why        string             `json:"why,omitempty"` // nothing is proven
}

// judgeFiles prints what evidence files prove, and returns an error unless each proves something.
func judgeFiles(out io.Writer, paths []string, by trusted, asJSON bool) error {
	judgements := make([]judgement, len(paths))
	var failed error
	for i, path := range paths {
		data, err := readBounded(path, evidence.MaxBytes)
		if err != nil {
			return fmt.Errorf("read evidence: %w", err)
		}
		if judgements[i] = by.judge(path, data); !judgements[i].Proven {
			failed = errNotProven
		}
	}
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return errors.Join(encoder.Encode(judgements), failed)
	}
	for _, j := range judgements {
		j.write(out)
	}
	return failed
}

// judge checks an evidence file. It proves nothing to those who do not say whom they know.
func (t trusted) judge(path string, data []byte) judgement {
	file, err := evidence.Decode(data)
	var accusation verify.Accusation
	if err == nil {
		accusation, err = verify.Accuse(file, t.Accused)
	}
	if err != nil {
		return judgement{File: path, Why: err.Error()}
	}
	j := judgement{File: path, Proven: true, Sentence: accusation.Sentence(t.called), Accusation: &accusation}
	switch ofContract := file.Kind == contract.TwoReceipts; {
	case ofContract && t.Contract == (keys.Public{}):
		j.Proven, j.Why = false, "it is not known which contract you trust: give --contract-key"
	case !ofContract && t.Group == nil:
		j.Proven, j.Why = false, "it is not known who is a member: give --group"
	}
	for _, culprit := range accusation.Culprits {
		j.Names = append(j.Names, t.called(culprit))
	}
	return j
}

func (j judgement) write(w io.Writer) {
	word := "proven"
	if !j.Proven {
		word = "not proven"
	}
	fmt.Fprintf(w, "%s: %s\n", word, j.File)
	if j.Why != "" {
		fmt.Fprintf(w, "  %s\n", j.Why)
	}
	if j.Accusation == nil {
		return
	}
	fmt.Fprintf(w, "  %s\n", j.Sentence)
	for i, key := range j.Accusation.Culprits {
		fmt.Fprintf(w, "  culprit %s, key %s\n", j.Names[i], key)
	}
	fmt.Fprintf(w, "  network %q\n  signed %s\n     and %s\n", j.Accusation.Network, j.Accusation.Signed[0], j.Accusation.Signed[1])
}

// readBounded reads a file of at most that many bytes.
func readBounded(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return data, err
}
