package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// syncBuffer is a buffer that goroutines may write to concurrently.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(data)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestBadFlagsNameWhatWasExpected(t *testing.T) {
	home := t.TempDir()
	exposed := filepath.Join(home, "exposed")
	require.NoError(t, os.WriteFile(exposed, []byte("secret"), 0o600))
	require.NoError(t, os.Chmod(exposed, 0o604))
	for _, test := range []struct{ args, expected string }{
		{"run", "--home is missing"},
		{"run --home " + home + " --token-file " + exposed, "chmod 600"},
		{"run --home " + home + " --ephemera-token-file " + exposed, "chmod 600"},
		{"enrol --key-file x --token-file " + exposed, "chmod 600"},
		{"run --home " + home + " --api 127.0.0.1:0 --api-host a:1", "--api-host"},
		{"run --home x --home-slots y", "both given"},
		{"run --home " + home + " --mode both", "expected single, ephemera or performance-contract"},
		{"run --home " + home + " --submit last", "expected race or staged"},
		{"run --home " + home + " --source dice", "expected world, uniform or trace"},
		{"run --home " + home + " --source trace", "--trace is missing"},
		{"run --home " + home + " --trace x", "--trace and --observer are for --source trace"},
		{"run --home " + home + " --missing 2", "expected 0 to 1"},
		{"run --home " + home + " --number 0", "expected 1 or more"},
		{"run --home " + home + " --ticks -1", "--ticks -1, expected 1.."},
		{"run --home " + home + " --ticks 0", "--ticks 0, expected 1.."},
		{"run --home " + home + " --contract localhost", "is not a URL; expected one such as http://127.0.0.1:8080"},
		{"run --home " + home + " --log-level loud", "expected debug, info, warn or error"},
		{"run --home " + home + " --log-format xml", "expected text, json or auto"},
		{"run --home " + home + " --token a --token-file b", "both given"},
		{"run --home " + home + " --token-file " + home + "/none", "--token-file"},
		{"run --home " + home + " --ephemera localhost:3100", "address of the Ephemera daemon: \"localhost:3100\" is not a URL"},
		{"run --home " + home + " --ephemera-admin http://127.0.0.1:3101", "--ephemera is missing"},
		{"run --home " + home + " --mode single --ephemera http://127.0.0.1:3100", "expected mode ephemera"},
		{"enrol", "--key-file is missing"},
		{"enrol --key-file " + home + "/none", "--key-file"},
		{"run --colour red", "unknown flag"},
		{"run now", "takes no argument"},
		{"walk", `nymapi has no command "walk"`},
	} {
		var out, complaints bytes.Buffer
		status := run(t.Context(), strings.Fields(test.args), &out, &complaints)
		require.Equal(t, command.ExitUsage, status, test.args)
		require.Contains(t, complaints.String(), test.expected, test.args)
		require.Empty(t, out.String(), test.args)
	}
}

func TestTheEnvironmentReplacesFlags(t *testing.T) {
	t.Setenv("NYMAPI_MODE", "both")
	t.Setenv("NYMAPI_HOME", t.TempDir())
	var out, complaints bytes.Buffer
	require.Equal(t, command.ExitUsage, run(t.Context(), []string{"run"}, &out, &complaints))
	require.Contains(t, complaints.String(), `"both"`)
	complaints.Reset()
	require.Equal(t, command.ExitUsage, run(t.Context(), []string{"run", "--mode", "none"}, &out, &complaints), "the flag wins")
	require.Contains(t, complaints.String(), `"none"`)
	t.Setenv("NYMAPI_TICKS", "many")
	complaints.Reset()
	require.Equal(t, command.ExitUsage, run(t.Context(), []string{"run"}, &out, &complaints))
	require.Contains(t, complaints.String(), "NYMAPI_TICKS")
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"version"}, &out, &out))
	require.Equal(t, "nymapi unknown\n", out.String())
}

func TestReplicasTakeTheFirstFreeSlot(t *testing.T) {
	dir := t.TempDir()
	first, err := takeSlot(dir)
	require.NoError(t, err)
	second, err := takeSlot(dir)
	require.NoError(t, err)
	require.Equal(t, 1, first.number)
	require.Equal(t, 2, second.number)
	require.Equal(t, filepath.Join(dir, "2"), second.dir)
	require.NoError(t, first.lock.Close())
	again, err := takeSlot(dir)
	require.NoError(t, err)
	require.Equal(t, 1, again.number, "identities survive a restart")
	require.NoError(t, again.lock.Close())
	require.NoError(t, second.lock.Close())

	_, err = takeSlot(filepath.Join(dir, "1", "nymapi.lock"))
	require.Error(t, err, "a file is not a folder")
}

func TestHealthFailsIfNothingListens(t *testing.T) {
	var out, complaints bytes.Buffer
	require.Equal(t, command.ExitFailure, run(t.Context(), []string{"health", "--health-listen", freePort(t)}, &out, &complaints))
	require.Contains(t, complaints.String(), "no Nym-API responds")
}

func freePort(t *testing.T) string {
	t.Helper()
	address, err := freeport.Address()
	require.NoError(t, err)
	return address
}

// startContract runs a contract that accepts the results of a single Nym-API.
func startContract(t *testing.T) (address string) {
	t.Helper()
	estimator, err := metrics.ParseEstimator("median")
	require.NoError(t, err)
	contract, err := server.New(server.Config{
		Database: filepath.Join(t.TempDir(), "contract.sqlite"), Expected: 1, Token: "secret", EpochDuration: time.Second,
		Mixnodes: []metrics.MixID{"m001", "m002"}, Estimator: estimator, Mode: contract.ModeSingle,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- contract.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return contract.URL()
}

func TestANymAPIRunsUntilItIsStopped(t *testing.T) {
	url, dir, health := startContract(t), t.TempDir(), freePort(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte("secret\n"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	var complaints syncBuffer
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, []string{
			"run", "--mode", "single", "--contract", url, "--home-slots", dir, "--token-file", filepath.Join(dir, "token"),
			"--health-listen", health, "--log-format", "json",
		}, &complaints, &complaints)
	}()
	asked, err := client.New(url, nil)
	require.NoError(t, err)
	defer asked.Close()
	require.Eventually(t, func() bool {
		detail, err := asked.EpochDetail(t.Context(), 1)
		return err == nil && detail.Status == contract.StatusRewarded && detail.Winner.Name == "nymapi-1"
	}, time.Minute, 20*time.Millisecond)
	var out bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"health", "--ready", "--health-listen", health}, &out, &out))
	require.Contains(t, out.String(), `"ready":true`)
	require.Eventually(t, func() bool { return strings.Contains(body(t, "http://"+health+"/metrics"), "nymapi_receipts 1\n") }, time.Minute, 20*time.Millisecond)
	require.Contains(t, body(t, "http://"+health+"/metrics"), "nymapi_contract_equivocations 0\n")
	require.JSONEq(t, `{"evidence":[]}`, body(t, "http://"+health+service.PathEvidence))
	require.Contains(t, body(t, "http://"+health+service.PathEvidence+"/x"), "there is no such evidence")
	cancel() // what a signal does
	require.Zero(t, <-status, complaints.String())
	require.NotContains(t, complaints.String(), "secret")
	require.Contains(t, complaints.String(), `"msg":"stopped"`)
}

// body returns the body of an answer.
func body(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

func TestARefusalOfTheContractIsPrinted(t *testing.T) {
	var out, complaints bytes.Buffer
	status := run(t.Context(), []string{"run", "--contract", startContract(t), "--home", t.TempDir(), "--token", "guess"}, &out, &complaints)
	require.Equal(t, command.ExitFailure, status)
	require.Contains(t, complaints.String(), "The token is wrong")
}
