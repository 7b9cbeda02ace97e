package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

func encode(t require.TestingT, list membership.List) string {
	data, err := provider.Encode(list)
	require.NoError(t, err)
	return string(data)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

const byHand = `
# two members, written by a person
network = "provider-test"
number = 7
n = 2

[limits]
payload_bytes = 1000

[[member]]
name = "one"
key = "%s"
addresses = ["/ip4/192.0.2.1/tcp/3000", "/dns4/one.example/udp/3000/quic-v1"]

[[member]]
key = "%x"
`

func TestPeopleWriteFilesByHand(t *testing.T) {
	one, two := key(1), key(2)
	list, err := provider.Decode("peers.toml", fmt.Appendf(nil, byHand, one.PeerID(), two[:]))
	require.NoError(t, err)
	require.Equal(t, uint64(7), list.Group.Number())
	limits := membership.DefaultLimits()
	limits.PayloadBytes = 1000
	require.Equal(t, limits, list.Group.Limits())
	require.True(t, list.Group.Contains(one) && list.Group.Contains(two))
	i, _ := list.Group.Index(one)
	require.Equal(t, "one", list.Peers[i].Name)
	require.Len(t, list.Peers[i].Addresses, 2)
	require.Empty(t, list.Peers[1-i].Addresses)
}

func TestFileRoundTrips(t *testing.T) {
	list := makeList(t, "peers.toml", 3, 0, 1, 2, 3)
	data := encode(t, list)
	again, err := provider.Decode("peers.toml", []byte(data))
	require.NoError(t, err)
	requireList(t, list, again)
	edited, err := provider.Decode("peers.toml", []byte("\xef\xbb\xbf"+strings.ReplaceAll(data, "\n", "\r\n")))
	require.NoError(t, err, "a file as editors save it")
	requireList(t, list, edited)
	_, err = provider.Decode("peers.toml", []byte("\xff\xfen\x00"))
	require.ErrorIs(t, err, membership.ErrInvalid)
	require.ErrorContains(t, err, "peers.toml: invalid")
	require.Equal(t, list.Group.Limits(), again.Group.Limits())
	require.Contains(t, data, "# how many members follow")
}

// Every error names the file and, if there is one, the line.
func TestErrorsNameTheLine(t *testing.T) {
	good := encode(t, makeList(t, "", 3, 0, 1, 2))
	line := func(word string, nth int) int {
		for i, text := range strings.Split(good, "\n") {
			if strings.HasPrefix(text, word) {
				if nth--; nth == 0 {
					return i + 1
				}
			}
		}
		t.Fatalf("no line begins with %q", word)
		return 0
	}
	replace := func(old, with string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, with, 1)
	}
	for name, test := range map[string]struct {
		content string
		line    int // 0: none
		reason  string
	}{
		"unknown key":       {replace("number = 3", "nummer = 3"), line("number", 1), "nummer"},
		"no value":          {replace("number = 3", "number ="), line("number", 1), ""},
		"negative number":   {replace("number = 3", "number = -3"), line("number", 1), ""},
		"no number":         {replace("number = 3", ""), 0, "numbered from 1"},
		"no network":        {replace(`network = 'provider-test'`, ""), 0, "network name"},
		"wrong n":           {replace("n = 3", "n = 4"), line("n =", 1), "n must be 3"},
		"no n":              {replace("n = 3", ""), 0, "n must be 3"},
		"not a key":         {replace(key(1).PeerID(), "12D3KooWnobody"), line("[[member]]", place(1)), "peer ID"},
		"no key":            {replace("key = '"+key(1).PeerID()+"'", ""), line("[[member]]", place(1)), "peer ID"},
		"a member twice":    {replace(key(1).PeerID(), key(2).PeerID()), line("[[member]]", max(place(1), place(2))), "twice"},
		"limits at the end": {strings.Replace(good, "[limits]", "[limit]", 1) + "[limits]\n", 0, "limit"},
		"empty":             {"", 0, "network name"},
		"many unknown keys": {strings.Repeat("[[a]]\n", 1<<16), 0, "unknown"},
		"other letters":     {replace("number = 3", "Number = 3"), line("number", 1), "unknown"},
		"no text":           {"\x00\x01", 1, ""},
	} {
		_, err := provider.Decode("peers.toml", []byte(test.content))
		require.ErrorIs(t, err, membership.ErrInvalid, name)
		require.ErrorContains(t, err, test.reason, name)
		require.ErrorContains(t, err, "peers.toml:", name)
		if test.line > 0 {
			require.ErrorContains(t, err, fmt.Sprintf("peers.toml:%d:", test.line), name)
		}
	}
	limits := good[strings.Index(good, "[limits]"):strings.Index(good, "# key:")]
	_, err := provider.Decode("peers.toml", []byte(strings.Replace(good, limits, "", 1)+limits))
	require.ErrorContains(t, err, "put it before the first")
}

// place returns the place of a member in a list of the first three, from 1.
func place(member int) int {
	at := 1
	for i := range 3 {
		if key(i).Compare(key(member)) < 0 {
			at++
		}
	}
	return at
}

func TestEditsTakeEffectAndMistakesKeepTheLastList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.toml")
	file := provider.File(path)
	_, err := file.Current(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)

	one, two := makeList(t, "", 1, 0, 1), makeList(t, "", 2, 0, 1, 2)
	write(t, path, encode(t, one))
	list, err := file.Current(t.Context())
	require.NoError(t, err)
	requireList(t, one, list)
	require.Equal(t, path, list.Source)

	for _, broken := range []string{"", "number = ", encode(t, two)[:400], strings.Repeat("#", 1<<20+1)} {
		write(t, path, broken)
		list, err = file.Current(t.Context())
		require.NoError(t, err)
		requireList(t, one, list)
		require.ErrorContains(t, list.Warning, path)
	}
	require.NoError(t, os.Remove(path))
	list, err = file.Current(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, list.Warning, os.ErrNotExist)
	require.NoError(t, os.Mkdir(path, 0o755))
	list, err = file.Current(t.Context())
	require.NoError(t, err)
	require.ErrorContains(t, list.Warning, "not a regular file")

	require.NoError(t, os.Remove(path))
	write(t, path, encode(t, two))
	list, err = file.Current(t.Context())
	require.NoError(t, err)
	requireList(t, two, list)
	require.NoError(t, list.Warning)
}

// A truncated file is refused or makes the intended group.
func TestHalfWrittenFileMakesNoOtherGroup(t *testing.T) {
	list := makeList(t, "", 2, 0, 1, 2, 3)
	whole := encode(t, list)
	for length := range len(whole) {
		got, err := provider.Decode("peers.toml", []byte(whole[:length]))
		if err == nil {
			require.Equal(t, list.Group.ID(), got.Group.ID(), "the first %d of %d bytes", length, len(whole))
		}
	}
}

func TestAnyListRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SliceOfNDistinct(rapid.IntRange(0, 40), 1, 20, rapid.ID).Draw(t, "members")
		list := makeList(t, "", rapid.Uint64Range(1, canonical.MaxNumber).Draw(t, "number"), members...)
		again, err := provider.Decode("", []byte(encode(t, list)))
		require.NoError(t, err)
		list.Dropped = nil // an encoded list has usable addresses only
		require.Equal(t, list, again)
	})
}

// Any file is decoded or refused, and a decoded list is the same after another round trip.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(encode(f, makeList(f, "", 3, 0, 1, 2, 3))))
	one, two := key(1), key(2)
	f.Add(fmt.Appendf(nil, byHand, one.PeerID(), two[:]))
	f.Add([]byte("n = 1\n[[member]]\nkey = 5"))
	f.Add([]byte("a = " + strings.Repeat("[", 1000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := provider.Decode("file", data)
		if err != nil {
			require.ErrorIs(t, err, membership.ErrInvalid)
			return
		}
		again, err := provider.Decode("file", []byte(encode(t, list)))
		require.NoError(t, err)
		list.Dropped = nil // an encoded list has usable addresses only
		require.Equal(t, list, again)
	})
}
