package main

import (
	"bytes"
	"errors"
	"io/fs"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

const (
	groupHelp       = "group that you trust: its ID, or a file: members file, peer_info of the contract, or an encoded group"
	contractKeyHelp = "contract key that you trust: 64 hexadecimal digits, a peer ID, or a file with one of them"
	publicKeyHint   = "give the contract.key in the folder of a Nym-API, which holds the public key; that in the contract's folder is secret"
)

// maxTrustedBytes fits a list of a thousand members with all their addresses.
const maxTrustedBytes = 16 << 20

// trustedGroup reads --group. Names are nil if the file has none.
func trustedGroup(text string) (id membership.ID, names map[keys.Public]string, err error) {
	if text == "" {
		return id, nil, nil
	}
	if err := id.UnmarshalText([]byte(text)); err == nil {
		if id == (membership.ID{}) { // means that none is given
			return id, nil, command.Usage("--group: the ID is all zeros, which no group has")
		}
		return id, nil, nil
	}
	data, err := readTrusted(text)
	if err != nil {
		return id, nil, command.Usage("--group: expected the ID of a group, 64 hexadecimal digits, or a file: %w", err)
	}
	group, peers, err := decodeGroup(text, data)
	if err != nil {
		return id, nil, command.Usage("--group: %w", err)
	}
	return group.ID(), namesOf(peers), nil
}

func decodeGroup(name string, data []byte) (*membership.Group, []membership.Peer, error) {
	if group, err := membership.DecodeGroup(data); err == nil {
		return group, nil, nil
	}
	decode := provider.Decode
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		decode = provider.DecodePeerInfo
	}
	list, err := decode(name, data)
	return list.Group, list.Peers, err
}

func namesOf(peers []membership.Peer) map[keys.Public]string {
	names := make(map[keys.Public]string, len(peers))
	for _, p := range peers {
		names[p.Key] = p.Name
	}
	return names
}

// trustedKey reads --contract-key.
func trustedKey(text string) (keys.Public, error) {
	if text == "" {
		return keys.Public{}, nil
	}
	key, err := parseKey(text)
	if err == nil && key == (keys.Public{}) { // means that none is given
		return key, command.Usage("--contract-key: the key is all zeros, which nobody has")
	}
	return key, err
}

// parseKey parses a key, or the content of a file.
func parseKey(text string) (keys.Public, error) {
	key, err := keys.ParsePublic(text)
	if err == nil {
		return key, nil
	}
	data, failed := readTrusted(text)
	switch {
	case errors.Is(failed, fs.ErrNotExist):
		return keys.Public{}, command.Usage("--contract-key: expected a key or a file: %w", err)
	case failed != nil:
		return keys.Public{}, command.Usage("--contract-key: %w", failed)
	}
	key, err = keys.DecodePublic(data)
	if errors.Is(err, keys.ErrPrivateKey) {
		return keys.Public{}, command.Usage("--contract-key %s: %w (%s)", text, err, publicKeyHint)
	}
	if err != nil {
		return keys.Public{}, command.Usage("--contract-key %s: %w", text, err)
	}
	return key, nil
}

func readTrusted(path string) ([]byte, error) { return files.Read(path, maxTrustedBytes) }
