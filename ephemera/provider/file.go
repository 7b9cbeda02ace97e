package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/plaintext"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// maxBytes bounds a file and a response. 100 members with as many addresses as allowed fit.
const maxBytes = 1 << 20

// File reads the list from a TOML file, which Encode writes:
//
//	network = "mynet"
//	number = 2          # the next one with every change of members or limits
//	n = 4               # how many members follow, so that a truncated file is noticed
//	[limits]            # optional, and so is each of its lines
//	payload_bytes = 262144
//	block_messages = 1024
//	block_bytes = 4194304
//	[[member]]
//	name = "one"
//	key = "12D3KooW…"   # or 64 hexadecimal digits
//	addresses = ["/dns4/one.example/tcp/3000"]
//
// The file is read at every poll, so edits take effect without a restart. While it is invalid,
// missing or truncated, the last good list stays, and its Warning names the file and line.
func File(path string) Func {
	return keepLast(func(context.Context) (membership.List, error) {
		data, err := readFile(path)
		if err != nil {
			return membership.List{}, err
		}
		return Decode(path, data)
	})
}

// readFile reads a regular file of bounded size.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxBytes:
		return nil, fmt.Errorf("%s: longer than %d bytes", path, maxBytes)
	}
	return data, nil
}

// fileLimits are membership.Limits in a file. A missing line means the default.
type fileLimits struct {
	PayloadBytes  uint32 `toml:"payload_bytes"`
	BlockMessages uint32 `toml:"block_messages"`
	BlockBytes    uint32 `toml:"block_bytes"`
}

type fileMember struct {
	Name      string   `toml:"name"`
	Key       string   `toml:"key"`
	Addresses []string `toml:"addresses"`
}

type file struct {
	Network string       `toml:"network" comment:"the members of an Ephemera group, the same file at every member"`
	Number  uint64       `toml:"number" comment:"give every change of members or limits the next number; names and addresses change under the same one"`
	N       int          `toml:"n" comment:"how many members follow, so that a truncated file is noticed"`
	Limits  *fileLimits  `toml:"limits" comment:"bounds on blocks, the same for every member; a missing line means the default"`
	Members []fileMember `toml:"member" comment:"key: a peer ID or 64 hexadecimal digits; addresses: multiaddrs without /p2p/…"`
}

// Encode returns the file of a list, with comments.
func Encode(list membership.List) ([]byte, error) {
	limits := list.Group.Limits()
	f := file{
		Network: list.Group.Network(), Number: list.Group.Number(), N: list.Group.N(),
		Limits: &fileLimits{limits.PayloadBytes, limits.BlockMessages, limits.BlockBytes},
	}
	for _, peer := range list.Peers {
		f.Members = append(f.Members, fileMember{peer.Name, peer.Key.PeerID(), append([]string{}, peer.Addresses...)})
	}
	data, err := toml.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode the list of group %d: %w", list.Group.Number(), err)
	}
	return data, nil
}

// Decode reads a file that Encode or a person wrote. The error wraps membership.ErrInvalid, and
// names the source and, if known, the line.
func Decode(source string, data []byte) (membership.List, error) {
	var f file
	data, err := plaintext.Decode(data)
	if err != nil {
		return membership.List{}, fmt.Errorf("%s: %w", source, invalid(err))
	}
	if err := toml.Unmarshal(data, &f); err != nil {
		return membership.List{}, explain(source, err)
	}
	refuse := func(line int, err error) (membership.List, error) {
		if line > 0 {
			return membership.List{}, fmt.Errorf("%s:%d: %w", source, line, invalid(err))
		}
		return membership.List{}, fmt.Errorf("%s: %w", source, invalid(err))
	}
	if key := unknownKey(data); key != "" {
		return refuse(lineOf(data, key), fmt.Errorf("unknown key %.100q, expected network, number, n, limits and member with name, key, addresses", key))
	}
	lines := memberLines(data)
	if n := len(f.Members); f.N != n {
		return refuse(lineOf(data, "n"), fmt.Errorf("n is %d, but %d members follow: the file is truncated, or n must be %d", f.N, n, n))
	}
	if at := lineOf(data, "[limits]"); len(lines) > 0 && at > lines[0] {
		return refuse(at, errors.New("[limits] is after a member: put it before the first one"))
	}
	peers := make([]membership.Peer, len(f.Members))
	seen := map[keys.Public]bool{}
	for i, m := range f.Members {
		line := 0
		if len(lines) == len(f.Members) {
			line = lines[i]
		}
		peer, err := m.peer()
		if err == nil && seen[peer.Key] {
			err = fmt.Errorf("member %s is listed twice", peer.Key)
		}
		if err != nil {
			return refuse(line, err)
		}
		seen[peer.Key], peers[i] = true, peer
	}
	group, err := makeGroup(f.Network, f.Number, peers, f.limits())
	if err != nil {
		return refuse(0, err)
	}
	return membership.NewList(group, peers, source)
}

func (f file) limits() membership.Limits {
	limits := membership.DefaultLimits()
	if f.Limits == nil {
		return limits
	}
	for _, l := range []struct{ to, from *uint32 }{
		{&limits.PayloadBytes, &f.Limits.PayloadBytes}, {&limits.BlockMessages, &f.Limits.BlockMessages}, {&limits.BlockBytes, &f.Limits.BlockBytes},
	} {
		if *l.from != 0 {
			*l.to = *l.from
		}
	}
	return limits
}

func (m fileMember) peer() (membership.Peer, error) {
	key, err := keys.ParsePublic(m.Key)
	if err != nil {
		return membership.Peer{}, fmt.Errorf("member %q: key: %w", m.Name, err)
	}
	return newPeer(key, m.Name, m.Addresses)
}

func newPeer(key keys.Public, name string, addresses []string) (membership.Peer, error) {
	peer := membership.Peer{Key: key, Name: name, Addresses: append([]string{}, addresses...)}
	return peer, peer.Check()
}

func makeGroup(network string, number uint64, peers []membership.Peer, limits membership.Limits) (*membership.Group, error) {
	if len(peers) > membership.MaxMembers {
		return nil, fmt.Errorf("%d members, at most %d are supported", len(peers), membership.MaxMembers)
	}
	members := make([]keys.Public, len(peers))
	for i, peer := range peers {
		members[i] = peer.Key
	}
	return membership.NewGroup(network, number, members, limits)
}

func invalid(err error) error {
	if errors.Is(err, membership.ErrInvalid) {
		return err
	}
	return fmt.Errorf("%w: %w", membership.ErrInvalid, err)
}

// explain puts file:line:column in front of an error of the TOML decoder.
func explain(source string, err error) error {
	var broken *toml.DecodeError
	if errors.As(err, &broken) {
		row, column := broken.Position()
		return fmt.Errorf("%s:%d:%d: %w: %w", source, row, column, membership.ErrInvalid, err)
	}
	return fmt.Errorf("%s: %w: %w", source, membership.ErrInvalid, err)
}

// unknownKey returns a key that a list does not have, or "". The decoder's own strict mode takes
// time quadratic in the number of such keys.
func unknownKey(data []byte) string {
	var top, limits, member map[string]any
	_ = toml.Unmarshal(data, &top) // it was decoded before
	unknown := func(table map[string]any, known ...string) string {
		for _, key := range slices.Sorted(maps.Keys(table)) {
			if !slices.Contains(known, key) {
				return key
			}
		}
		return ""
	}
	found := unknown(top, "network", "number", "n", "limits", "member")
	if limits, _ = top["limits"].(map[string]any); found == "" {
		found = unknown(limits, "payload_bytes", "block_messages", "block_bytes")
	}
	members, _ := top["member"].([]any)
	for i := 0; i < len(members) && found == ""; i++ {
		member, _ = members[i].(map[string]any)
		found = unknown(member, "name", "key", "addresses")
	}
	return found
}

// memberLines returns the lines on which members begin.
func memberLines(data []byte) []int {
	var lines []int
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("[[member]]")) {
			lines = append(lines, number)
		}
	}
	return lines
}

// lineOf returns the line that begins with a key or table, or 0.
func lineOf(data []byte, word string) int {
	number := 0
	for line := range bytes.Lines(data) {
		number++
		rest, found := bytes.CutPrefix(bytes.TrimSpace(line), []byte(word))
		if found && (len(rest) == 0 || bytes.IndexByte([]byte(" \t=#"), rest[0]) >= 0) {
			return number
		}
	}
	return 0
}
