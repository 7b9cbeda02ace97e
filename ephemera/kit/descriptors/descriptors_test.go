package descriptors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// asLimited is the environment variable that makes the test binary print its limit.
const asLimited = "DESCRIPTORS_TEST_PRINT"

func TestMain(m *testing.M) {
	if os.Getenv(asLimited) != "" {
		fmt.Println(Limit())
		return
	}
	os.Exit(m.Run())
}

// A program started with a low soft limit gets the hard one, of which Go leaves one.
func TestTheSoftLimitIsRaised(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	for script, want := range map[string]int{"ulimit -Sn 100; ulimit -Hn 300": 299, "ulimit -n 70": 70} {
		command := exec.CommandContext(t.Context(), "sh", "-c", script+`; exec "$0"`, program)
		command.Env = append(os.Environ(), asLimited+"=1")
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s", out)
		limit, err := strconv.Atoi(strings.TrimSpace(string(out)))
		require.NoError(t, err)
		require.GreaterOrEqual(t, limit, want, script)
		require.LessOrEqual(t, limit, want+1, script)
	}
}

func TestExhaustedRecognisesWrappedErrors(t *testing.T) {
	err := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	require.True(t, Exhausted(fmt.Errorf("serve: %w", err)))
	require.True(t, Exhausted(syscall.ENFILE))
	require.False(t, Exhausted(errors.New("other")))
	require.False(t, Exhausted(nil))
}

func TestWhatIsOpenIsCounted(t *testing.T) {
	before, known := opened()
	if !known {
		t.Skip("the system does not tell")
	}
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()
	after, _ := opened()
	require.Equal(t, before+1, after)
}

// safeText is a text that one goroutine writes and another one reads.
type safeText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *safeText) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(data)
}

func (s *safeText) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// The warning comes soon after few are left, and is not repeated each time.
func TestAWarningComesWhenFewAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log safeText
		ctx, cancel := context.WithCancel(t.Context())
		var open atomic.Int64
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			watch(ctx, slog.New(slog.NewTextHandler(&log, nil)), 100, func() (int, bool) { return int(open.Load()), true })
		}()
		time.Sleep(time.Hour)
		open.Store(95)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, log.String())
		open.Store(96)
		time.Sleep(watchEvery)
		synctest.Wait()
		require.Equal(t, 1, strings.Count(log.String(), "open=96 limit=100"))
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, 6, strings.Count(log.String(), "\n")-1, log.String())
		cancel()
		<-ended
	})
}
