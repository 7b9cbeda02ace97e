package architecture

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestRoomsFormNoCycle(t *testing.T) {
	for _, found := range checkRooms(sources(t), cycleReasons) {
		t.Error(found)
	}
}

func TestCyclesBetweenRoomsAreFound(t *testing.T) {
	const closes = ": move the package that needs both"
	imports := func(folders ...string) string {
		text := "// Package p is planted.\npackage p\n"
		for _, folder := range folders {
			text += "import _ \"" + module + folder + "\"\n"
		}
		return text
	}
	cases := []struct {
		what    string
		files   map[string]string
		reasons map[string]string
		want    []string
	}{
		{
			what: "a package in a leaf's folder imports the root",
			files: map[string]string{
				"ephemera/node.go":                  imports("ephemera/membership"),
				"ephemera/membership/provider/p.go": imports("ephemera"),
			},
			want: []string{
				"ephemera/node.go: the import of ephemera/membership by ephemera closes a cycle" + closes,
				"ephemera/membership/provider/p.go: the import of ephemera by ephemera/membership closes a cycle" + closes,
			},
		},
		{
			what: "a cycle of three",
			files: map[string]string{
				"nymapi/epoch/p.go":   imports("nymapi/rewards/deep"),
				"nymapi/rewards/p.go": imports("nymapi/service"),
				"nymapi/service/p.go": imports("nymapi/epoch"),
			},
			want: []string{
				"nymapi/epoch/p.go: the import of nymapi/rewards by nymapi/epoch closes a cycle" + closes,
				"nymapi/rewards/p.go: the import of nymapi/service by nymapi/rewards closes a cycle" + closes,
				"nymapi/service/p.go: the import of nymapi/epoch by nymapi/service closes a cycle" + closes,
			},
		},
		{
			what: "folders that only group",
			files: map[string]string{
				"ephemera/node.go":              imports("ephemera/internal/engine"),
				"ephemera/internal/daemon/p.go": imports("ephemera"),
				"ephemera/cmd/ephemera/main.go": imports("ephemera/internal/daemon"),
			},
		},
		{
			what: "inside a room",
			files: map[string]string{
				"ephemera/store/p.go":        imports("ephemera/keys"),
				"ephemera/store/sqlite/p.go": imports("ephemera/store"),
			},
		},
		{
			what: "a test",
			files: map[string]string{
				"ephemera/node.go":        imports("ephemera/keys"),
				"ephemera/keys/k_test.go": imports("ephemera"),
			},
		},
		{
			what: "a cycle with a reason",
			files: map[string]string{
				"ephemera/node.go":   imports("ephemera/api"),
				"ephemera/api/p.go":  imports("ephemera"),
				"ephemera/wire/p.go": imports("ephemera/keys"),
			},
			reasons: map[string]string{"ephemera/api -> ephemera": "why not"},
		},
		{
			what:    "a reason without a cycle",
			files:   map[string]string{"ephemera/api/p.go": imports("ephemera")},
			reasons: map[string]string{"ephemera/api -> ephemera": "why not"},
			want:    []string{"cycleReasons: ephemera/api -> ephemera closes no cycle: remove its entry"},
		},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			tree := fstest.MapFS{"ephemera/p.go": {Data: []byte(imports())}, "nymapi/p.go": {Data: []byte(imports())}}
			for file, text := range c.files {
				tree[file] = &fstest.MapFile{Data: []byte(text)}
			}
			all, err := parse(tree, []string{"ephemera", "nymapi"})
			require.NoError(t, err)
			require.Equal(t, strings.Join(c.want, "\n"), strings.Join(checkRooms(all, c.reasons), "\n"))
		})
	}
}
