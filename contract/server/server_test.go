package server_test

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that only the test advances.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(m contract.Millis) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = m.Time()
}

const (
	begin    = contract.Millis(1_700_000_000_000) // of epoch 1
	duration = time.Second
)

// end returns the end of an epoch of the fixed schedule.
func end(epoch int) contract.Millis { return begin.Add(time.Duration(epoch) * duration) }

// world is a contract under test, with its clock and a client.
type world struct {
	*client.Client
	t     *testing.T
	cfg   server.Config
	clock *clock
	stop  func()
}

// configure returns a contract of n static members whose epoch 1 begins at begin, in a folder of
// its own.
func configure(t *testing.T, n, mixnodes int) server.Config {
	estimator, err := metrics.ParseEstimator("median")
	require.NoError(t, err)
	return server.Config{
		Database: filepath.Join(t.TempDir(), "contract.db"), Network: contracttest.Network, Members: contracttest.Peers(n),
		FirstEpoch: begin.Time(), EpochDuration: duration,
		Mixnodes: contracttest.Mixnodes(mixnodes), Estimator: estimator, CarryLimit: 3,
	}
}

// start runs a contract until the test ends or stop is called.
func start(t *testing.T, cfg server.Config) *world {
	w := &world{t: t, clock: &clock{now: begin.Time()}}
	cfg.Now = w.clock.Now
	w.cfg = cfg
	contract, err := server.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- contract.Run(ctx) }()
	w.Client, err = client.New(contract.URL(), nil)
	require.NoError(t, err)
	w.stop = sync.OnceFunc(func() {
		w.Client.Close()
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(w.stop)
	return w
}

// restart stops the contract and starts it on the same database.
func (w *world) restart() *world {
	w.stop()
	at := w.clock.Now()
	next := start(w.t, w.cfg)
	next.clock.set(contract.At(at))
	return next
}

func (w *world) description(epoch contract.Epoch) contract.Description {
	d, err := w.Description(context.Background(), epoch)
	require.NoError(w.t, err)
	return d
}

// win makes member 1 the winner of an epoch with a block of messages.
func (w *world) win(d contract.Description, messages []block.Message) {
	b := contracttest.Block(d, 1, messages)
	e := &contract.Evidence{Block: b, Certificate: contracttest.Certify(d, b, contracttest.Numbers(d.Group.Q())...)}
	s, err := contract.NewSubmission(contracttest.Key(1), d, contracttest.Result(d, e), e)
	require.NoError(w.t, err)
	_, err = w.Submit(context.Background(), s)
	require.NoError(w.t, err)
}

// verify checks a rewarded epoch, the one after the last that the verifier has seen.
func (w *world) verify(verifier *check.Verifier, epoch contract.Epoch) {
	core, err := w.Core(context.Background(), epoch)
	require.NoError(w.t, err)
	report := verifier.Next(check.Evidence{Core: core.Encode()})
	require.Zero(w.t, report.Count(check.Fail), report.Text())
}

// post sends bytes.
func (w *world) post(path, contentType string, body io.Reader) *http.Response {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.URL()+path, body)
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", contentType)
	return w.do(request)
}

func (w *world) do(request *http.Request) *http.Response {
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

func (w *world) attempts(epoch contract.Epoch) []contract.Attempt {
	detail, err := w.EpochDetail(context.Background(), epoch)
	require.NoError(w.t, err)
	return detail.Attempts
}

// problem returns the refusal that err must be.
func problem(t *testing.T, err error) *contract.Problem {
	t.Helper()
	var p *contract.Problem
	require.ErrorAs(t, err, &p)
	return p
}
