package main

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/jsontext"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/plaintext"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// trusted is what the caller knows from elsewhere: the group, or nil, and the contract's key, or
// zero, with the names of members as far as they are known.
type trusted struct {
	verify.Accused
	names map[keys.Public]string
}

// called returns the name of a key, or its peer ID.
func (t trusted) called(key keys.Public) string { return cmp.Or(t.names[key], key.String()) }

// maxGroupFile fits the JSON of a group of 100,000 members.
const maxGroupFile = 64 << 20

// newTrusted reads the values of --group and --contract-key. Both may be empty.
func newTrusted(group, key string) (t trusted, err error) {
	t.names = map[keys.Public]string{}
	if key != "" {
		if t.Contract, err = keys.ParsePublic(key); err != nil {
			return t, command.Usage("--contract-key %q, expected the contract's public key: %w", key, err)
		}
		t.names[t.Contract] = "contract"
	}
	if group == "" {
		return t, nil
	}
	data, err := readBounded(group, maxGroupFile)
	if err != nil {
		return t, command.Usage("--group: expected a file that describes a group: %w", err)
	}
	if err := t.readGroup(data); err != nil {
		return t, fmt.Errorf("--group: %s: %w", group, err)
	}
	return t, nil
}

// groupText is a group in JSON, as a contract or a node describes it.
type groupText struct {
	contract.PeerInfo
	Encoded string `json:"encoded"` // canonical bytes in hexadecimal, of a node's answer only
}

// readGroup reads a group in one of its forms, with the names of members if the form has them.
func (t *trusted) readGroup(data []byte) (err error) {
	if t.Group, err = membership.DecodeGroup(data); err == nil {
		return nil
	}
	text, err := plaintext.Decode(data)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return errors.New("neither a group in JSON nor the canonical bytes of one")
	}
	var group groupText
	if err := jsontext.Unmarshal(text, &group); err != nil {
		return err
	}
	for _, member := range group.Members {
		t.names[member.Key] = member.Name
	}
	if group.Encoded == "" {
		t.Group, err = group.MakeGroup()
		return err
	}
	encoded, err := hex.DecodeString(group.Encoded)
	if err == nil {
		t.Group, err = membership.DecodeGroup(encoded)
	}
	return err
}
