package rules_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

func TestTheMempoolHoldsEveryReportThatIsOfUse(t *testing.T) {
	t.Parallel()
	d := contracttest.Description(10, 240)
	length, err := rules.ReportBytes(d.Mixnodes)
	require.NoError(t, err)
	message := contracttest.Message(d, 1, contracttest.Report(d, 1))
	require.GreaterOrEqual(t, length, len(message.Payload()))
	for _, duration := range []time.Duration{200 * time.Millisecond, 4 * time.Second, time.Hour} {
		limits := rules.Mempool(duration, 10, length)
		require.GreaterOrEqual(t, limits.TTL, max(time.Minute, 8*duration))
		epochs := 0
		for at := time.Duration(0); at < limits.TTL; at += duration {
			epochs++
		}
		require.GreaterOrEqual(t, limits.PerSender, 2*epochs, "two reports of one member for each epoch")
		require.GreaterOrEqual(t, limits.Messages, 10*limits.PerSender)
		require.GreaterOrEqual(t, limits.Bytes, 10*epochs*message.Size())
	}
	_, err = rules.ReportBytes(nil)
	require.Error(t, err)
}
