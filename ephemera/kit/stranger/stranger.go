// Package stranger attacks servers as callers without a key do, and measures what honest callers
// get meanwhile. Only the programs of `make attack` use it.
//
// The package is unstable: it is public only because the modules of this repository share it.
package stranger

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// Speech is what an attacker does on a connection, until it returns or the connection is closed.
type Speech func(connection net.Conn)

const (
	dialTimeout = 3 * time.Second
	pause       = 50 * time.Millisecond // before an attacker dials again
	answerBytes = 64 << 10              // of an answer that is read
	pipelined   = 32                    // requests of which no answer is read
)

// Hold keeps n connections from the IP address source open to address, host:port, and makes a new
// one when one is closed. It returns when ctx is done, with the number of connections made.
func Hold(ctx context.Context, source, address string, n int, speak Speech) int64 {
	var made atomic.Int64
	var holding sync.WaitGroup
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: dialTimeout}
	for range n {
		holding.Go(func() {
			for ctx.Err() == nil {
				if connection, err := dialer.DialContext(ctx, "tcp", address); err == nil {
					made.Add(1)
					closing := context.AfterFunc(ctx, func() { _ = connection.Close() })
					speak(connection)
					closing()
					_ = connection.Close()
				}
				wait.For(ctx, pause)
			}
		})
	}
	holding.Wait()
	return made.Load()
}

// Silent sends nothing.
func Silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// Noise sends random bytes.
func Noise(c net.Conn) {
	junk := make([]byte, 4096)
	_, _ = rand.Read(junk)
	_, _ = c.Write(junk)
}

// SlowBody returns a request of size bytes to a path, all of whose body but the end is sent at
// once, and the end one byte a second.
func SlowBody(path, mediaType string, size int) Speech {
	return func(c net.Conn) {
		_, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", path, mediaType, size)
		const rest = 1024
		if err == nil {
			_, err = io.CopyN(c, zeros{}, int64(max(0, size-rest)))
		}
		for err == nil {
			time.Sleep(time.Second)
			_, err = c.Write([]byte{0})
		}
	}
}

// WholeBody returns requests of size bytes to a path, as fast as they are answered, until the
// server closes the connection.
func WholeBody(path, mediaType string, size int) Speech {
	return func(c net.Conn) {
		answers := bufio.NewReader(c)
		for {
			_, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", path, mediaType, size)
			if err == nil {
				_, err = io.CopyN(c, zeros{}, int64(size))
			}
			if err != nil {
				return
			}
			answer, err := http.ReadResponse(answers, nil)
			if err != nil {
				return
			}
			_, err = io.Copy(io.Discard, answer.Body)
			if err = errors.Join(err, answer.Body.Close()); err != nil || answer.Close {
				return
			}
		}
	}
}

// zeros reads as zeros without end, so that an attacker needs no memory for what it sends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// SlowReader returns many requests for a path whose answers are not read.
func SlowReader(path string) Speech {
	return func(c net.Conn) {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(4096)
		}
		for range pipelined {
			if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
				return
			}
		}
		crawl(c)
	}
}

// Idle returns one request for a path, whose answer is read, and silence.
func Idle(path string) Speech {
	return func(c net.Conn) {
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err == nil {
			Silent(c)
		}
	}
}

// Subscriber returns a WebSocket at a path that reads nothing.
func Subscriber(path string) Speech {
	return func(c net.Conn) {
		const request = "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
		if _, err := fmt.Fprintf(c, request, path); err == nil {
			crawl(c)
		}
	}
}

// crawl reads one byte a second, until the connection is closed or an answer has been read.
func crawl(c net.Conn) {
	for range answerBytes {
		if _, err := c.Read(make([]byte, 1)); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}
