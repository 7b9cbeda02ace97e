package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	accusation "github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// errNotProven reports evidence files that prove nothing.
var errNotProven = errors.New("not every file proves something; the output says which")

// accused is whom evidence files may convict, with the names of members as far as they are known.
type accused struct {
	verify.Accused
	names map[keys.Public]string
}

// called returns the name of a key, or its peer ID.
func (t accused) called(key keys.Public) string {
	if key == t.Contract {
		return "contract"
	}
	return cmp.Or(t.names[key], key.String())
}

// accused reads the group and the key that the caller trusts. Evidence does not describe its group,
// so an ID is not enough.
func (f verifyFlags) accused() (t accused, err error) {
	if t.Contract, err = trustedKey(f.key); err != nil || f.group == "" {
		return t, err
	}
	if id := new(membership.ID); id.UnmarshalText([]byte(f.group)) == nil {
		return t, command.Usage("--group: expected a file, because an evidence file does not describe its group and an ID is not enough")
	}
	data, err := readTrusted(f.group)
	if err != nil {
		return t, command.Usage("--group: expected a file: %w", err)
	}
	group, peers, err := decodeGroup(f.group, data)
	if err != nil {
		return t, command.Usage("--group: %w", err)
	}
	t.Group, t.names = group, namesOf(peers)
	return t, nil
}

// accusing returns the paths with each folder of evidence files against somebody replaced by those
// files in order. A folder that also has bundles is one of bundles, and stays.
func accusing(paths []string) ([]string, error) {
	var all []string
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			all = append(all, path) // what is missing is reported where it is read
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		found, bundles := []string{}, false
		for _, entry := range entries {
			switch filepath.Ext(entry.Name()) {
			case accusation.Extension:
				found = append(found, filepath.Join(path, entry.Name()))
			case coreSuffix, annexSuffix:
				bundles = true
			}
		}
		if bundles || len(found) == 0 {
			found = []string{path}
		}
		all = append(all, found...)
	}
	return all, nil
}

// areEvidence reports whether all files are evidence files. The error is a usage error if only some
// are.
func areEvidence(paths []string) (bool, error) {
	found := 0
	for _, path := range paths {
		begins, err := beginning(path)
		if err != nil {
			return false, err
		}
		if accusation.Recognise(begins) {
			found++
		}
	}
	if found > 0 && found < len(paths) {
		return false, command.Usage("%d of %d files are evidence against somebody, the others are not: give one kind at a time", found, len(paths))
	}
	return found > 0, nil
}

// beginning returns the first bytes of a file. What cannot be read, such as a folder, has none.
func beginning(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil // fromFiles says what is wrong
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	defer file.Close()
	begins, err := io.ReadAll(io.LimitReader(file, 64))
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	return begins, nil
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

// judge prints what evidence files prove, and returns an error unless each proves something.
func (f verifyFlags) judge(paths []string, out io.Writer) error {
	by, err := f.accused()
	if err != nil {
		return err
	}
	judgements := make([]judgement, len(paths))
	var failed error
	for i, path := range paths {
		data, err := files.Read(path, accusation.MaxBytes)
		if err != nil {
			return fmt.Errorf("read evidence: %w", err)
		}
		if err := by.checkKey(data); err != nil {
			return err
		}
		if judgements[i] = by.judge(path, data); !judgements[i].Proven {
			failed = errNotProven
		}
	}
	if f.json {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return errors.Join(encoder.Encode(judgements), failed)
	}
	for _, j := range judgements {
		j.write(out)
	}
	return failed
}

// checkKey returns a usage error if the trusted key is the private key of the contract whose
// receipts a file holds.
func (t accused) checkKey(data []byte) error {
	file, err := accusation.Decode(data)
	if err != nil || file.Kind != contract.TwoReceipts {
		return nil
	}
	two, err := contract.DecodeEquivocation(file)
	if err != nil || two.First.Contract == t.Contract {
		return nil
	}
	if err := t.Contract.CheckNotSeedOf(two.First.Contract); err != nil {
		return command.Usage("--contract-key: %w (%s)", err, publicKeyHint)
	}
	return nil
}

// judge checks an evidence file. It proves nothing to those who do not say whom they know.
func (t accused) judge(path string, data []byte) judgement {
	file, err := accusation.Decode(data)
	var proven verify.Accusation
	if err == nil {
		proven, err = verify.Accuse(file, t.Accused)
	}
	if err != nil {
		return judgement{File: path, Why: err.Error()}
	}
	j := judgement{File: path, Proven: true, Sentence: proven.Sentence(t.called), Accusation: &proven}
	switch ofContract := file.Kind == contract.TwoReceipts; {
	case ofContract && t.Contract == (keys.Public{}):
		j.Proven, j.Why = false, "it is not known which contract you trust: give --contract-key"
	case !ofContract && t.Group == nil:
		j.Proven, j.Why = false, "it is not known who is a member: give --group"
	}
	for _, culprit := range proven.Culprits {
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
