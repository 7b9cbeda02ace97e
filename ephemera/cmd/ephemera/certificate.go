package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/jsontext"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/plaintext"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// maxProofBytes fits the largest block of any group and its certificate in JSON, where payloads
// grow by a third.
const maxProofBytes = 128 << 20

// maxMembersBytes fits a list of a thousand members with all their addresses.
const maxMembersBytes = 16 << 20

// errUntrusted reports a valid certificate of a group that nobody said to trust.
var errUntrusted = errors.New("consistent, but not verified against a group that you trust")

// checked is what a certificate proves.
type checked struct {
	Block   block.ID      `json:"block"`
	Creator keys.Public   `json:"creator"`
	Height  uint64        `json:"height"`
	Network string        `json:"network"`
	Group   membership.ID `json:"group"`
	Number  uint64        `json:"group_number"`
	Signers []keys.Public `json:"signers"`
	N       int           `json:"n"`
	Q       int           `json:"q"`
	// Messages reports whether the file holds the whole block, with valid signatures of all messages.
	Messages bool `json:"messages_verified"`
	Trusted  bool `json:"trusted"`
}

func newCertificate(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "certificate", Short: "Verify certificates, without a node or a network"}
	verify := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify that a group certified a block",
		Long: `Verify that a group certified a block. FILE is the output of
"ephemera query certificates BLOCK -o json", or an entry of the output of
"ephemera query blocks -o json"; - is standard input. Neither a node nor a
network is needed.

The author of the file may have made up the group, so the group must come from
elsewhere: its ID, a members file (peers.toml), or the output of
"ephemera query group -o json". Without --group the exit status is 1.`,
		Example: `  ephemera query certificates last -o json > certificate.json
  ephemera certificate verify certificate.json --group peers.toml`,
		Args: cobra.ExactArgs(1),
	}
	var trusted string
	verify.Flags().StringVar(&trusted, "group", "", "group that you trust: its ID, or a file that describes it")
	verify.RunE = func(cmd *cobra.Command, args []string) error {
		data, err := readInput(cmd, args[0], maxProofBytes)
		if err != nil {
			return err
		}
		result, err := checkProof(data, trusted)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if err := c.print(cmd, result, result.write); err != nil {
			return err
		}
		if !result.Trusted {
			return fmt.Errorf("%w: signed by group %s; compare it with one that you trust, or give that one with --group", errUntrusted, result.Group)
		}
		return nil
	}
	cmd.AddCommand(verify)
	return cmd
}

func (r checked) write(w io.Writer) {
	word := "consistent"
	if r.Trusted {
		word = "valid"
	}
	fmt.Fprintf(w, "%s: block %s\n  %d of %d members signed (quorum %d), group %d of network %q, ID %s\n  chain of %s, height %d\n",
		word, r.Block, len(r.Signers), r.N, r.Q, r.Number, r.Network, r.Group, r.Creator, r.Height)
	for _, key := range r.Signers {
		fmt.Fprintf(w, "  signed by %s\n", key)
	}
	if r.Messages {
		fmt.Fprintln(w, "  all messages are signed by their senders")
	}
}

// checkProof verifies a certificate in JSON, alone or with its block, against the group that
// --group names.
func checkProof(data []byte, trusted string) (checked, error) {
	var proof struct {
		api.Certificate
		Block  *api.Block       `json:"block"`
		Nested *api.Certificate `json:"certificate"`
	}
	data, err := plaintext.Decode(data)
	if err != nil {
		return checked{}, err
	}
	if err := jsontext.Unmarshal(data, &proof); err != nil {
		return checked{}, fmt.Errorf("expected a certificate in JSON, as `ephemera query certificates BLOCK -o json` prints it: %w", err)
	}
	if proof.Nested != nil {
		proof.Certificate = *proof.Nested
	}
	if len(proof.Encoded) == 0 {
		return checked{}, errors.New("no certificate in it; `ephemera query certificates BLOCK -o json` prints one")
	}
	group, err := groupOf(proof.Certificate, trusted)
	if err != nil {
		return checked{}, err
	}
	if proof.Block != nil {
		err = api.Entry{Block: *proof.Block, Certificate: proof.Certificate}.Verify(group)
	} else {
		err = proof.Certificate.Verify(group)
	}
	if err != nil {
		return checked{}, err
	}
	certificate, err := proof.Certificate.Canonical()
	if err != nil {
		return checked{}, err
	}
	return checked{
		Block: certificate.Block, Creator: certificate.Slot.Creator, Height: certificate.Slot.Height, Network: group.Network(),
		Group: group.ID(), Number: group.Number(), Signers: certificate.Members(group), N: group.N(), Q: group.Q(),
		Messages: proof.Block != nil && !proof.Block.Pruned, Trusted: trusted != "",
	}, nil
}

// groupOf returns the group that must have signed a certificate: the trusted one, or without it the
// one in the file.
func groupOf(c api.Certificate, trusted string) (*membership.Group, error) {
	var id membership.ID
	switch {
	case trusted == "":
		if len(c.Group) == 0 {
			return nil, fmt.Errorf("group %s signed it, and the file does not describe that group; give it with --group FILE", c.Header.Group)
		}
		return membership.DecodeGroup(c.Group)
	case id.UnmarshalText([]byte(trusted)) == nil:
		if c.Header.Group != id {
			return nil, fmt.Errorf("it is signed by group %s, not by the trusted group %s", c.Header.Group, id)
		}
		if len(c.Group) == 0 {
			return nil, errors.New("the file does not describe its group: give the group's file with --group, because an ID is not enough")
		}
		group, err := membership.DecodeGroup(c.Group)
		if err == nil && group.ID() != id {
			err = fmt.Errorf("the file describes group %s, not the trusted group %s", group.ID(), id)
		}
		return group, err
	}
	group, err := readMembers(trusted, "a file or a group ID of 64 hexadecimal digits")
	if err == nil && group.ID() != c.Header.Group {
		err = fmt.Errorf("it is signed by group %s, not by the trusted group %s of %s", c.Header.Group, group.ID(), trusted)
	}
	return group.Group, err
}

// members is a group with the names of its members, as far as they are known.
type members struct {
	*membership.Group
	names map[keys.Public]string
}

// called returns the name of a member, or its peer ID.
func (m members) called(key keys.Public) string {
	return cmp.Or(m.names[key], key.PeerID())
}

// readMembers reads the file that --group names. An error says what was expected.
func readMembers(path, expected string) (members, error) {
	data, err := files.Read(path, maxMembersBytes)
	if err != nil {
		return members{}, command.Usage("--group: expected %s: %w", expected, err)
	}
	return decodeMembers(path, data)
}

// decodeMembers decodes a group: JSON of the API, JSON of a contract's peer_info, canonical bytes,
// or a members file.
func decodeMembers(name string, data []byte) (members, error) {
	m := members{names: map[keys.Public]string{}}
	if group, err := membership.DecodeGroup(data); err == nil {
		m.Group = group
		return m, nil
	}
	text, err := plaintext.Decode(data)
	if err != nil {
		return m, fmt.Errorf("%s: %w", name, err)
	}
	decode := provider.Decode
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		var group api.Group
		if err := jsontext.Unmarshal(text, &group); err == nil && len(group.Encoded) > 0 {
			for _, member := range group.Members {
				m.names[member.Key] = member.Name
			}
			m.Group, err = group.Canonical()
			return m, err
		}
		decode = provider.DecodePeerInfo
	}
	list, err := decode(name, data)
	if err != nil {
		return m, fmt.Errorf("%s is neither a members file nor a group in JSON: %w", name, err)
	}
	for _, peer := range list.Peers {
		m.names[peer.Key] = peer.Name
	}
	m.Group = list.Group
	return m, nil
}
