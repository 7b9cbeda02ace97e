package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// refused are flags with which no Nym-API runs, and a part of the message.
var refused = []struct {
	flags []string
	want  string
}{
	{[]string{"--mode=both"}, "expected single, ephemera or performance-contract"},
	{[]string{"--contract=localhost"}, "is not a URL"},
	{[]string{"--contract=http://127.0.0.1:8080\n"}, "is not a URL"},
	{[]string{"--contract= http://127.0.0.1:8080"}, "is not a URL"},
	{[]string{"--contract=http://127.0.0.1:99999"}, "expected 1..65535"},
	{[]string{"--contract=http://127.0.0.1:0"}, "expected 1..65535"},
	{[]string{"--contract=http://127.0.0.1:8080?a"}, "has a query"},
	{[]string{"--home="}, "--home is missing"},
	{[]string{"--home-slots=slots"}, "both given"},
	{[]string{"--number=0"}, "expected 1 or more"},
	{[]string{"--number=-1"}, "expected 1 or more"},
	{[]string{"--name=a b"}, "expected letters"},
	{[]string{"--token=secret\n"}, "line end around it"},
	{[]string{"--token-file=missing"}, "does not exist"},
	{[]string{"--token-file=folder"}, "is a folder"},
	{[]string{"--token-file=exposed"}, "chmod 600"},
	{[]string{"--listen=127.0.0.1:3000"}, "listen: "},
	{[]string{"--listen=/ip4/127.0.0.1/tcp/99999"}, "invalid"},
	{[]string{"--listen=/dns4/localhost/tcp/0"}, "expected an IP address"},
	{[]string{"--listen=/ip4/127.0.0.1/udp/0/quic-v1"}, "QUIC is off"},
	{[]string{"--announce=/ip4/0.0.0.0/tcp/1"}, "others cannot dial"},
	{[]string{"--announce=/dns4/node.example/tcp/0"}, "others cannot dial port 0"},
	{[]string{"--gossip=loud"}, "gossip"},
	{[]string{"--dht=perhaps"}, "dht"},
	{[]string{"--api=127.0.0.1:99999"}, "expected 0..65535"},
	{[]string{"--api=127.0.0.1:0\n"}, "expected 0..65535"},
	{[]string{"--listen=/ip4/127.0.0.1/tcp/7", "--api=:7"}, "different ports"},
	{[]string{"--api-host=a:1"}, "without a port"},
	{[]string{"--api-url=127.0.0.1:3100"}, "is not a URL"},
	{[]string{"--api-trusted-proxies=0.0.0.0/0"}, "any caller could claim any address"},
	{[]string{"--ephemera=127.0.0.1:3100"}, "is not a URL"},
	{[]string{"--ephemera=http://127.0.0.1:99999"}, "expected 1..65535"},
	{[]string{"--ephemera-admin=http://127.0.0.1:3101"}, "--ephemera is missing"},
	{[]string{"--ephemera=http://127.0.0.1:3100", "--ephemera-admin=http://127.0.0.1:3101\n"}, "is not a URL"},
	{[]string{"--ephemera=http://127.0.0.1:3100", "--ephemera-token-file=exposed"}, "chmod 600"},
	{[]string{"--submit=last"}, "expected race or staged"},
	{[]string{"--ticks=0"}, "--ticks 0, expected 1.."},
	{[]string{"--ticks=many"}, "a whole number"},
	{[]string{"--accept-history=perhaps"}, "accept-history"},
	{[]string{"--bundles=-1"}, "expected 0 or more epochs"},
	{[]string{"--source=dice"}, "expected world, uniform or trace"},
	{[]string{"--seed=-1"}, "a whole number from 0"},
	{[]string{"--missing=2"}, "expected 0 to 1"},
	{[]string{"--missing=NaN"}, "expected 0 to 1"},
	{[]string{"--trace=x"}, "are for --source trace"},
	{[]string{"--source=trace", "--trace=missing"}, "no such file"},
	{[]string{"--source=trace", "--trace=folder"}, "is a directory"},
	{[]string{"--observer=n00"}, "are for --source trace"},
	{[]string{"--health-listen=127.0.0.1:99999"}, "expected 0..65535"},
	{[]string{"--health-listen=127.0.0.1"}, "is not an address"},
	{[]string{"--api=127.0.0.1:7", "--health-listen=localhost:7"}, "different ports"},
	{[]string{"--memory-bytes=0"}, "expected at least 1"},
	{[]string{"--log-level=loud"}, "expected debug"},
	{[]string{"--log-format=xml"}, "expected text"},
}

// A Nym-API is refused its flags before it creates anything, with --home and with --home-slots.
// Every flag of `nymapi run` has a value that is refused.
func TestRunRefusesWrongFlagsBeforeItOpensAnything(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("folder", 0o700))
	require.NoError(t, os.WriteFile("exposed", []byte("secret"), 0o600))
	require.NoError(t, os.Chmod("exposed", 0o640))
	before := entries(t)
	tried := map[string]bool{}
	for _, row := range refused {
		last := row.flags[len(row.flags)-1]
		name, _, _ := strings.Cut(strings.TrimPrefix(last, "--"), "=")
		tried[name] = true
		places := []string{"--home=new", "--home-slots=new"}
		if strings.HasPrefix(name, "home") {
			places = places[:1]
		}
		for _, place := range places {
			status, errs := ends(t, append([]string{"run", place}, row.flags...)...)
			require.Equal(t, command.ExitUsage, status, "%q: %s", row.flags, errs)
			require.Contains(t, errs, row.want, "%q", row.flags)
			require.Equal(t, before, entries(t), "%q", row.flags)
		}
	}
	requireAll(t, newRun(), tried)
}

// A listener of a Nym-API whose address is in use is named before anything is created.
func TestAddressInUseIsNamedBeforeAnythingIsCreated(t *testing.T) {
	t.Chdir(t.TempDir())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for flag, want := range map[string]string{"--api": "serve the node's API: listen on", "--health-listen": "--health-listen: listen on"} {
		status, errs := ends(t, "run", "--contract=http://127.0.0.1:1", "--home=new", flag, taken.Addr().String())
		require.Equal(t, command.ExitFailure, status, errs)
		require.Contains(t, errs, want+" "+taken.Addr().String())
		require.Contains(t, errs, "choose another address")
		require.Empty(t, entries(t), flag)
	}
}

// The same for `nymapi enrol`, which asks nobody before its flags are checked.
func TestEnrolRefusesWrongFlagsBeforeItAsksTheContract(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("exposed", []byte("secret"), 0o600))
	require.NoError(t, os.Chmod("exposed", 0o640))
	_, err := keys.Create("key")
	require.NoError(t, err)
	tried := map[string]bool{}
	for _, row := range []struct{ flag, want string }{
		{"--contract=http://127.0.0.1:1\n", "is not a URL"},
		{"--key-file=missing", "no such file"},
		{"--key-file=exposed", "--key-file: "},
		{"--name=a b", "expected letters"},
		{"--address=/ip4/0.0.0.0/tcp/1", "others cannot dial"},
		{"--address=127.0.0.1:3000", "address"},
		{"--token=secret\n", "line end around it"},
		{"--token-file=exposed", "chmod 600"},
	} {
		status, errs := ends(t, "enrol", "--contract=http://127.0.0.1:1", "--key-file=key", row.flag)
		require.Equal(t, command.ExitUsage, status, "%q: %s", row.flag, errs)
		require.Contains(t, errs, row.want, "%q", row.flag)
		name, _, _ := strings.Cut(strings.TrimPrefix(row.flag, "--"), "=")
		tried[name] = true
	}
	requireAll(t, newEnrol(), tried)
}

func requireAll(t *testing.T, cmd *cobra.Command, tried map[string]bool) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		require.True(t, tried[f.Name], "no row for --%s", f.Name)
	})
}

// ends runs the command, which must end by itself.
func ends(t *testing.T, args ...string) (status int, stderr string) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	status = run(ctx, args, &out, &errs)
	require.NoError(t, ctx.Err(), "%q was not refused: %s", args, errs.String())
	return status, errs.String()
}

func entries(t *testing.T) []string {
	found, err := filepath.Glob("*")
	require.NoError(t, err)
	return found
}
