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

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// refused are flags with which no contract is served, and a part of the message.
var refused = []struct {
	flags []string
	want  string
}{
	{[]string{"--listen="}, "is not an address"},
	{[]string{"--listen=127.0.0.1:99999"}, "expected 0..65535"},
	{[]string{"--listen=127.0.0.1:0\n"}, "expected 0..65535"},
	{[]string{"--listen= 127.0.0.1:0"}, "is not an address"},
	{[]string{"--host=a b"}, `contains ' '`},
	{[]string{"--host=contract:8080"}, "without a port"},
	{[]string{"--trusted-proxies=proxy.example"}, "expected an address or a prefix"},
	{[]string{"--trusted-proxies=0.0.0.0/0"}, "any caller could claim any address"},
	{[]string{"--home=file"}, "--home: "},
	{[]string{"--db=folder"}, "--db: folder is not a regular file"},
	{[]string{"--network=My Net"}, "network name"},
	{[]string{"--network=net\n"}, "network name"},
	{[]string{"--expect=0"}, "--expect 0, expected"},
	{[]string{"--expect=101"}, "--expect 101, expected"},
	{[]string{"--expect=many"}, "a whole number"},
	{[]string{"--token=secret\n"}, "line end around it"},
	{[]string{"--token=a", "--token-file=b"}, "both given"},
	{[]string{"--token-file=missing"}, "does not exist"},
	{[]string{"--token-file=folder"}, "is a folder"},
	{[]string{"--token-file=exposed"}, "chmod 600"},
	{[]string{"--create-token"}, "expected the file to create"},
	{[]string{"--epoch=10"}, "a number with its unit"},
	{[]string{"--epoch=0s"}, "expected whole milliseconds up to a year"},
	{[]string{"--epoch=-1s"}, "expected whole milliseconds up to a year"},
	{[]string{"--first-epoch=-1s"}, "expected 0 up to a year"},
	{[]string{"--first-epoch=2562047h"}, "expected 0 up to a year"},
	{[]string{"--mixnodes=0"}, "--mixnodes: bad world"},
	{[]string{"--mixnodes=-1"}, "--mixnodes: bad world"},
	{[]string{"--mixnodes-file=missing"}, "no such file"},
	{[]string{"--mixnodes-file=folder"}, "is a directory"},
	{[]string{"--mixnodes-file=table"}, "bad list of names"},
	{[]string{"--estimator=avg"}, "unknown estimator"},
	{[]string{"--accept-epochs=0"}, "--accept-epochs 0, expected at least 1"},
	{[]string{"--accept-epochs=1000000"}, "expected 1.."},
	{[]string{"--carry=-1"}, "expected 0.."},
	{[]string{"--advance=never"}, "expected fixed or when-decided"},
	{[]string{"--verify=half"}, "expected full or none"},
	{[]string{"--mode=both"}, "expected ephemera, single or performance-contract"},
	{[]string{"--mode=performance-contract", "--verify=none"}, "--verify none is not for --mode performance-contract"},
	{[]string{"--mode=performance-contract", "--carry=3"}, "a look-back of 24 epochs; leave it out"},
	{[]string{"--mode=performance-contract", "--estimator=mean"}, "--estimator mean is not for"},
	{[]string{"--authorised=a"}, "is for --mode single"},
	{[]string{"--mode=single", "--authorised=a b"}, "expected letters"},
	{[]string{"--memory-bytes=1000"}, "1000 bytes of memory"},
	{[]string{"--log-level=loud"}, "expected debug"},
	{[]string{"--log-format=xml"}, "expected text"},
}

// A contract is refused its flags before it creates anything. Every flag of `contract serve` has a
// value that is refused, also if it comes from the environment.
func TestServeRefusesWrongFlagsBeforeItOpensAnything(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("folder", 0o700))
	for name, text := range map[string]string{"file": "", "exposed": "secret", "table": "mix_id,key\n1,2Gu\n"} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	require.NoError(t, os.Chmod("exposed", 0o640))
	before := entries(t)
	tried := map[string]bool{}
	for _, row := range refused {
		// What follows is created only after everything is checked.
		args := append([]string{"serve", "--expect=1", "--listen=127.0.0.1:0", "--home=new"}, row.flags...)
		status, errs := ends(t, args...)
		require.Equal(t, command.ExitUsage, status, "%q: %s", row.flags, errs)
		require.Contains(t, errs, row.want, "%q", row.flags)
		require.Equal(t, before, entries(t), "%q", row.flags)
		last := row.flags[len(row.flags)-1]
		name, value, _ := strings.Cut(strings.TrimPrefix(last, "--"), "=")
		tried[name] = true
		if len(row.flags) > 1 || value == "" {
			continue
		}
		t.Setenv("CONTRACT_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_")), value)
		args = []string{"serve"}
		for _, other := range []string{"--expect=1", "--listen=127.0.0.1:0", "--home=new"} {
			if !strings.HasPrefix(other, "--"+name+"=") {
				args = append(args, other)
			}
		}
		status, errs = ends(t, args...)
		require.Equal(t, command.ExitUsage, status, "%q: %s", row.flags, errs)
		require.Contains(t, errs, row.want, "%q", row.flags)
		require.NoError(t, os.Unsetenv("CONTRACT_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))))
	}
	newServe().Flags().VisitAll(func(f *pflag.Flag) {
		require.True(t, tried[f.Name], "no row for --%s", f.Name)
	})
	status, errs := ends(t, "serve", "--expect=1", "--listen=127.0.0.1:99999", "--token-file=token", "--create-token")
	require.Equal(t, command.ExitUsage, status, errs)
	require.Equal(t, before, entries(t), "a token was created for a contract that does not start")
}

// A contract whose address is in use says so, and creates no key or database.
func TestAddressInUseIsNamedBeforeAnythingIsCreated(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	home := t.TempDir()
	status, errs := ends(t, "serve", "--expect=1", "--home", home, "--listen", taken.Addr().String())
	require.Equal(t, command.ExitFailure, status, errs)
	require.Contains(t, errs, "listen on "+taken.Addr().String())
	require.Contains(t, errs, "choose another address")
	found, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Empty(t, found)
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
