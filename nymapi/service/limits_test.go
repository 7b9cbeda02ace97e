package service

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
)

func TestTheMempoolHoldsEveryReportThatIsOfUse(t *testing.T) {
	t.Parallel()
	for _, duration := range []time.Duration{200 * time.Millisecond, 4 * time.Second, time.Hour} {
		d := contracttest.Description(10, 240)
		d.End = d.Start.Add(duration)
		limits, err := mempoolLimits(d)
		require.NoError(t, err)
		require.GreaterOrEqual(t, limits.TTL, max(time.Minute, 8*duration))
		epochs := 0
		for at := time.Duration(0); at < limits.TTL; at += duration {
			epochs++
		}
		message := contracttest.Message(d, 1, contracttest.Report(d, 1))
		require.GreaterOrEqual(t, limits.PerSender, 2*epochs, "two reports of one member for each epoch")
		require.GreaterOrEqual(t, limits.Messages, 10*limits.PerSender)
		require.GreaterOrEqual(t, limits.Bytes, 10*epochs*message.Size())
	}
	_, err := mempoolLimits(contract.Description{End: 1, Group: contracttest.Group(1)})
	require.Error(t, err)
}
