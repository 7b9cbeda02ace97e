package webserver

import (
	"context"
	"io"
	"net"
	"net/http"
)

// severing is a listener whose connections can be severed.
type severing struct{ net.Listener }

// Accept returns a *severable.
func (l severing) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(writeBufferBytes) // a connection that has failed is noticed later
	}
	severed, sever := context.WithCancel(context.Background())
	return &severable{Conn: conn, severed: severed, sever: sever}, nil
}

// severable is a connection that the server can end at any time.
type severable struct {
	net.Conn
	severed context.Context
	sever   context.CancelFunc // ends severed
}

// Read fails once the connection is severed, even before it is closed.
func (s *severable) Read(p []byte) (int, error) {
	if s.severed.Err() != nil {
		return 0, io.EOF // net/http does not answer to that
	}
	return s.Conn.Read(p)
}

// sever ends a connection of a Server without waiting, and calls closed, if it is not nil, once its
// descriptor is free. What was not sent is dropped, and what was not read is not read any more. Its
// requests end: net/http does not notice that a connection has ended once it has read the beginning
// of the next request. Closing waits until those that read and write have run again. Accepting
// connections, and freeing memory for others, must not wait for that.
func sever(conn net.Conn, closed func()) {
	if s, ok := conn.(*severable); ok {
		s.sever()
		if tcp, ok := s.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // it fails if the connection has ended
		}
	}
	go func() {
		_ = conn.Close() // as above
		if closed != nil {
			closed()
		}
	}()
}

// whileOpen returns the request with a context that ends also when its connection is severed. Done
// must be called once the request is handled.
func whileOpen(r *http.Request) (bound *http.Request, done func()) {
	conn := connectionOf(r.Context())
	if conn == nil {
		return r, func() {}
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(conn.severed, cancel)
	return r.WithContext(ctx), func() {
		stop()
		cancel()
	}
}
