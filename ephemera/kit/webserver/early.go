package webserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Early answers at an address until the server for it can be made, so that a process that waits
// while it starts is not taken for dead. Its methods may be called concurrently.
type Early struct {
	listener *lent
	stop     context.CancelFunc
	once     sync.Once
}

// ListenEarly listens and answers with a handler until Listener or Close is called.
func ListenEarly(address string, handler http.Handler, logger *slog.Logger) (*Early, error) {
	listener, err := listen(address)
	if err != nil {
		return nil, err
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(errors.New("not a TCP listener"), listener.Close())
	}
	const patience = 5 * time.Second
	of := &lent{TCPListener: tcp, left: make(chan struct{})}
	server, err := New(Config{Listener: of, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: patience, CancelRequests: true, Logger: logger})
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_ = server.Run(ctx, server.Answering(handler)) // an error is that of the listener
		of.leave()
	}()
	return &Early{listener: of, stop: stop}, nil
}

// Address returns the address that is listened on.
func (e *Early) Address() string { return e.listener.Addr().String() }

// Listener stops answering, and returns the listener for a server. Connections that wait to be
// accepted wait for that server. It must be called at most once, and not after Close.
func (e *Early) Listener() net.Listener {
	e.once.Do(e.end)
	return e.listener.TCPListener
}

// Close stops answering, and closes the listener unless a server has it.
func (e *Early) Close() error {
	var err error
	e.once.Do(func() {
		e.end()
		err = e.listener.TCPListener.Close()
	})
	return err
}

// end waits until no connection is accepted any more. Those that are open end within seconds.
func (e *Early) end() {
	e.stop()
	<-e.listener.left
	_ = e.listener.SetDeadline(time.Time{}) // it fails only if the listener is closed
}

// lent is a listener that stays open when its server ends.
type lent struct {
	*net.TCPListener
	mu      sync.Mutex // held while the server ends
	ended   bool
	leaving sync.Once
	left    chan struct{} // closed when it accepts no more, and its deadline stays as it is
}

// Accept fails once the server ends.
func (l *lent) Accept() (net.Conn, error) {
	conn, err := l.TCPListener.Accept()
	if !l.hasEnded() {
		return conn, err
	}
	l.leave()
	if err == nil {
		_ = conn.Close() // it came at the last moment
	}
	return nil, net.ErrClosed
}

func (l *lent) hasEnded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// leave notes that no connection is accepted any more.
func (l *lent) leave() { l.leaving.Do(func() { close(l.left) }) }

// Close makes Accept fail.
func (l *lent) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil
	}
	l.ended = true
	return l.SetDeadline(time.Unix(1, 0))
}

// Starting returns a handler for an API that is not open yet: it answers at one path that the
// process is alive, and refuses everything else with status 503. What says what is waited for.
func (g Guard) Starting(live string, what func() string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != live || r.Method != http.MethodGet && r.Method != http.MethodHead {
			g.Refuse(w, r, &Refusal{Status: http.StatusServiceUnavailable, Detail: "starting: " + what(), RetryAfter: comeBack})
			return
		}
		_ = WriteJSON(w, http.StatusOK, map[string]string{"status": "live"}) // it can be encoded
	})
}
