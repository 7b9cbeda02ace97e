package webserver

import (
	"log/slog"
	"net"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
)

// reportEvery is the shortest time between two log lines about connections that were not accepted.
const reportEvery = time.Minute

// reporting is a listener that logs when no descriptor is left for a connection. http.Server then
// waits, for a second at most, and tries again. One goroutine calls Accept.
type reporting struct {
	net.Listener
	logger   *slog.Logger
	reported time.Time
}

func (l *reporting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if descriptors.Exhausted(err) && time.Since(l.reported) >= reportEvery {
		l.reported = time.Now()
		l.logger.Warn("no connection can be accepted for now", "listener", l.Addr().String(), "err", err, "advice", descriptors.Advice)
	}
	return conn, err
}
