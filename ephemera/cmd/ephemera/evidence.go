package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// errNotProven reports files that prove nothing.
var errNotProven = errors.New("not every file proves something; the output says which")

func newEvidence(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "evidence", Short: "Prove to others who signed two things where one is allowed"}
	cmd.AddCommand(newEvidenceVerify(c), newEvidenceExport(c))
	return cmd
}

func newEvidenceVerify(c *cli) *cobra.Command {
	var trusted string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "verify FILE...", Short: "Check what evidence files prove, and against whom",
		Long: `Check what evidence files prove, and against whom. "ephemera evidence export"
writes such files, and Nym-APIs write them into HOME/evidence. - is standard
input. Neither a node nor a network is needed: the author of a file need not be
trusted, because it holds what the culprits signed.

A file accuses the creator of two headers of one slot, the sender of two messages
under one label, or the members that signed two certified blocks of one slot. Two
messages are an offence where the application allows one under a label, as
Nym-APIs do for reports: "contract verify" checks that they are reports.

Who is a member must come from elsewhere: a members file (peers.toml), the output
of "ephemera query group -o json", or a contract's peer_info. Without --group the
exit status is 1. It is 0 if every file proves something.`,
		Example: `  ephemera evidence verify data/2/evidence/*.evidence --group peers.toml`,
		Args:    atLeastOneFile,
	}
	cmd.Flags().StringVar(&trusted, "group", "", "file that describes the group that you trust")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON, as with -o json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if asJSON {
			c.output = "json"
		}
		var group members
		var err error
		if trusted != "" {
			if group, err = accusedGroup(trusted); err != nil {
				return err
			}
		}
		verdicts := make([]verdict, len(args))
		for i, path := range args {
			data, err := readInput(cmd, path, evidence.MaxBytes)
			if err != nil {
				return err
			}
			verdicts[i] = judge(path, data, group)
		}
		return c.printVerdicts(cmd, verdicts, trusted != "")
	}
	return cmd
}

func atLeastOneFile(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("no FILE is given, expected at least one evidence file, or - for standard input")
	}
	return nil
}

// accusedGroup reads --group. Evidence does not describe its group, so an ID is not enough.
func accusedGroup(trusted string) (members, error) {
	const expected = "a file that describes the group"
	if id := new(membership.ID); id.UnmarshalText([]byte(trusted)) == nil {
		return members{}, command.Usage("--group: expected %s, got a group ID: evidence does not describe its group, so an ID is not enough", expected)
	}
	return readMembers(trusted, expected)
}

// verdict says what a file proves.
type verdict struct {
	File     string          `json:"file"`
	Proven   bool            `json:"proven"`
	Sentence string          `json:"sentence,omitempty"`
	Names    []string        `json:"names,omitempty"` // of the culprits, in the order of their keys
	Proof    *evidence.Proof `json:"proof,omitempty"`
	Why      string          `json:"why,omitempty"` // nothing is proven
}

// judge checks a file against a group. Without one, keys are accused that may be nobody's.
func judge(path string, data []byte, group members) verdict {
	file, err := evidence.Decode(data)
	var proof evidence.Proof
	if err == nil {
		proof, err = file.Verify(group.Group)
	}
	if err != nil {
		return verdict{File: path, Why: err.Error()}
	}
	v := verdict{File: path, Proven: group.Group != nil, Sentence: proof.Sentence(group.called), Proof: &proof}
	if !v.Proven {
		v.Why = "it is not known who is a member: give --group"
	}
	for _, culprit := range proof.Culprits {
		v.Names = append(v.Names, group.called(culprit))
	}
	return v
}

// printVerdicts prints verdicts and returns an error unless every file proves something.
func (c *cli) printVerdicts(cmd *cobra.Command, verdicts []verdict, trusted bool) error {
	err := c.print(cmd, verdicts, func(w io.Writer) {
		for _, v := range verdicts {
			v.write(w)
		}
	})
	for _, v := range verdicts {
		if !v.Proven && err == nil {
			err = errNotProven
			if !trusted {
				err = fmt.Errorf("%w: the files may accuse keys that nobody has; give the group that you trust with --group", errUntrusted)
			}
		}
	}
	return err
}

func (v verdict) write(w io.Writer) {
	word := "proven"
	if !v.Proven {
		word = "not proven"
	}
	fmt.Fprintf(w, "%s: %s\n", word, v.File)
	if v.Why != "" {
		fmt.Fprintf(w, "  %s\n", v.Why)
	}
	if v.Proof == nil {
		return
	}
	fmt.Fprintf(w, "  %s\n", v.Sentence)
	for i, key := range v.Proof.Culprits {
		fmt.Fprintf(w, "  culprit %s, key %s\n", v.Names[i], key)
	}
	if v.Proof.Group != (membership.ID{}) {
		fmt.Fprintf(w, "  group %s of network %q\n", v.Proof.Group, v.Proof.Network)
	} else {
		fmt.Fprintf(w, "  network %q\n", v.Proof.Network)
	}
	fmt.Fprintf(w, "  signed %s\n     and %s\n", v.Proof.Signed[0], v.Proof.Signed[1])
}

func newEvidenceExport(c *cli) *cobra.Command {
	var url, dir string
	cmd := &cobra.Command{
		Use: "export", Short: "Write the proofs that a running node holds as files, one for each",
		Long: `Write the proofs that a running node holds as files that anybody can check with
"ephemera evidence verify": one for each creator of two headers of one slot, and
one for each chain that stopped at two certified blocks. A file that exists
is not written again. The output names the files.`,
		Example: `  ephemera evidence export --home net/node-1 --dir evidence`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			node, err := c.connect(url)
			if err != nil {
				return err
			}
			proofs, err := held(cmd, node)
			if err != nil {
				return err
			}
			paths, err := writeProofs(dir, proofs)
			if err != nil {
				return fmt.Errorf("export evidence: %w", err)
			}
			return c.print(cmd, paths, func(w io.Writer) {
				for _, path := range paths {
					fmt.Fprintln(w, path)
				}
				if len(paths) == 0 {
					fmt.Fprintln(w, "the node holds no evidence against anybody")
				}
			})
		},
	}
	connects(c, cmd, &url)
	cmd.Flags().StringVar(&dir, "dir", "evidence", "folder of the files, created if it does not exist")
	return cmd
}

// held returns the proofs that a node holds, by the names of their files.
func held(cmd *cobra.Command, node api.API) (map[string]evidence.File, error) {
	equivocations, err := node.Evidence(cmd.Context())
	if err != nil {
		return nil, err
	}
	forks, err := node.Forks(cmd.Context())
	if err != nil {
		return nil, err
	}
	proofs := map[string]evidence.File{}
	add := func(file evidence.File, group *membership.Group) error {
		proof, err := file.Verify(group)
		if err == nil {
			proofs[proof.FileName()] = file
		}
		return err
	}
	for _, e := range equivocations {
		file, err := e.File()
		if err == nil {
			err = add(file, nil)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, f := range forks {
		group, err := f.OfGroup()
		if err == nil {
			err = add(f.File(), group)
		}
		if err != nil {
			return nil, err
		}
	}
	return proofs, nil
}

// writeProofs writes the proofs that a folder lacks, and returns the paths of all in order.
func writeProofs(dir string, proofs map[string]evidence.File) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	paths := []string{}
	for _, name := range slices.Sorted(maps.Keys(proofs)) {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			err = files.Replace(path, 0o644, proofs[name].Encode())
			if err != nil {
				return nil, err
			}
		}
		paths = append(paths, path)
	}
	return paths, nil
}
