package command

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSecondSignalEndsTheProcessUnlessItIsTheSameOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal)
		cancelled, status := 0, 0
		go watch(signals, func() { cancelled++ }, func(s int) { status = s })
		send := func() {
			signals <- syscall.SIGTERM
			synctest.Wait()
		}
		send()
		require.Equal(t, 1, cancelled)
		time.Sleep(100 * time.Millisecond) // in virtual time
		send()
		require.Zero(t, status, "sent to the process and to its group")
		time.Sleep(time.Second)
		send()
		require.Equal(t, ExitInterrupted, status)
		require.Equal(t, 1, cancelled)
		close(signals)
	})
}
