package p2p

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// On a stream, a frame is its length as an unsigned varint, followed by its bytes.

const (
	// streamBuffer is the buffer of a stream, which combines small frames into one read or write.
	streamBuffer = 16 << 10
	// chunkBytes is how much of a frame is read or written within one stall timeout. It also bounds
	// the memory that is allocated for a frame ahead of its bytes.
	chunkBytes = 64 << 10
	// maxInbound is how many incoming streams of a peer and kind are read: its current one, and its
	// previous one until the end of that is noticed.
	maxInbound = 2
)

// inbound is an incoming stream that is being read.
type inbound struct {
	stream network.Stream
	done   chan struct{} // closed by end
	once   sync.Once
	waited time.Duration // delay that no offence was counted for yet; owned by its reader
}

// end ends the stream and its reader. It may be called more than once.
func (in *inbound) end() {
	in.once.Do(func() {
		close(in.done)
		_ = in.stream.Reset()
	})
}

// sleep waits for the given time. It returns false if the stream ends first.
func (in *inbound) sleep(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-in.done:
		return false
	case <-timer.C:
		return true
	}
}

// kind is one of the two kinds of frames that travel on streams.
type kind uint8

const (
	direct   kind = iota // frames for one member
	messages             // messages on their way to all
	kinds
)

// incoming returns the handler of streams that a peer opened for frames of one kind. libp2p calls
// it in a new goroutine.
func (t *Transport) incoming(of kind) network.StreamHandler {
	return func(stream network.Stream) {
		in := &inbound{stream: stream, done: make(chan struct{})}
		r := t.peer(stream.Conn().RemotePeer())
		if r == nil || of == messages && r.isGuest() || !t.serve(r, of, in) {
			in.end()
		}
	}
}

// serve starts reading a stream. It returns false if the transport does not run.
func (t *Transport) serve(r *remote, of kind, in *inbound) bool {
	t.mu.RLock()
	run := t.running
	if run == nil || run.ctx.Err() != nil {
		t.mu.RUnlock()
		return false
	}
	run.work.Add(1)
	t.mu.RUnlock()

	go func() {
		defer run.work.Done()
		defer in.end()
		if r.addStream(of, in) {
			defer r.removeStream(of, in)
			stop := context.AfterFunc(run.ctx, in.end)
			defer stop()
			err := r.read(in, func(frame []byte) bool {
				if of == messages {
					return r.passMessage(run, in, frame)
				}
				return r.pass(run.receiver, in, frame)
			})
			t.config.Logger.Debug("incoming stream ended", "peer", r.key, "error", err)
			switch {
			case errors.Is(err, errFrame):
				r.penalise(garbage, err.Error())
			case errors.Is(err, errStall):
				r.penalise(stalled, err.Error())
			}
		}
	}()
	return true
}

// addStream registers a stream and ends the oldest one of its kind if there are too many, so that a
// peer that opens many harms only itself. It returns false if the member is leaving.
func (r *remote) addStream(of kind, in *inbound) bool {
	r.mu.Lock()
	var oldest *inbound
	if streams := r.streams[of]; len(streams) >= maxInbound {
		oldest, r.streams[of] = streams[0], streams[1:]
	}
	r.streams[of] = append(r.streams[of], in)
	leaving := r.leaving
	r.mu.Unlock()
	if oldest != nil {
		oldest.end()
	}
	return !leaving
}

func (r *remote) removeStream(of kind, in *inbound) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.streams[of] {
		if other == in {
			r.streams[of] = slices.Delete(r.streams[of], i, i+1)
			return
		}
	}
}

// read passes the stream's frames on until pass returns false. The stream's window is the
// backpressure: what the peer sends faster waits in its own queue.
func (r *remote) read(in *inbound, pass func(frame []byte) bool) error {
	buffer := bufio.NewReaderSize(in.stream, streamBuffer)
	for {
		frame, prefix, err := readFrame(in.stream, buffer, r.t.config)
		if err != nil {
			return err
		}
		r.t.traffic.receivedFrames.Add(1)
		r.t.traffic.receivedBytes.Add(uint64(prefix + len(frame)))
		if !pass(frame) {
			return nil
		}
	}
}

// pass passes a direct frame to the receiver, one frame of this peer at a time and within its rate
// limit. It returns false if the stream ends first.
func (r *remote) pass(receiver transport.Receiver, in *inbound, frame []byte) bool {
	select {
	case <-in.done:
		return false
	case <-r.turn:
	}
	r.received.Add(1)
	if !r.throttle(in, r.direct.delay(time.Now(), len(frame))) {
		r.turn <- struct{}{}
		return false
	}
	verdict := receiver.Receive(r.key, frame)
	r.turn <- struct{}{}
	switch verdict {
	case transport.Reject:
		r.penalise(garbage, "sent a frame that no correct member sends")
	case transport.Excess:
		r.t.traffic.throttled.Add(1)
		r.penalise(throttled, "sent frames that cost more work than its budget")
	}
	return true
}

// throttle delays the reader of a stream. Each second of delay is an offence. It returns false if
// the stream ends first.
func (r *remote) throttle(in *inbound, wait time.Duration) bool {
	if wait <= 0 {
		return true
	}
	r.t.traffic.throttled.Add(1)
	for in.waited += wait; in.waited >= time.Second; in.waited -= time.Second {
		r.penalise(throttled, "sent frames above its rate")
	}
	return in.sleep(wait)
}

var (
	// errFrame reports a frame that no correct member sends.
	errFrame = errors.New("malformed frame")
	// errStall reports a frame whose rest did not arrive in time.
	errStall = errors.New("frame stalled")
)

// readError returns the error of a frame whose rest did not arrive: errStall after a timeout. The
// end of the stream is not an offence.
func readError(part string, err error) error {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%w: %s: %w", errStall, part, err)
	}
	return fmt.Errorf("%s: %w", part, err)
}

// deadliner is the part of a stream that a reader of frames needs.
type deadliner interface{ SetReadDeadline(time.Time) error }

// readFrame waits for the first byte of a frame without a timeout. Then the length and each chunk
// must arrive within the stall timeout.
func readFrame(stream deadliner, buffer *bufio.Reader, c Config) (frame []byte, prefix int, err error) {
	if _, err := buffer.Peek(1); err != nil {
		return nil, 0, err
	}
	if err := stream.SetReadDeadline(time.Now().Add(c.StallTimeout)); err != nil {
		return nil, 0, err
	}
	size, err := readLength(buffer)
	if err != nil {
		return nil, 0, err
	}
	if size > uint64(c.Limits.FrameBytes) {
		return nil, 0, fmt.Errorf("%w: %d bytes, at most %d", errFrame, size, c.Limits.FrameBytes)
	}
	if frame, err = readBody(stream, buffer, int(size), c.StallTimeout); err != nil {
		return nil, 0, readError("body", err)
	}
	return frame, len(binary.AppendUvarint(nil, size)), stream.SetReadDeadline(time.Time{})
}

// readLength reads an unsigned varint. Unlike binary.ReadUvarint, it distinguishes a malformed
// length from the end of the stream.
func readLength(buffer *bufio.Reader) (uint64, error) {
	var size uint64
	for shift := 0; shift < 64; shift += 7 {
		b, err := buffer.ReadByte()
		if err != nil {
			return 0, readError("length", err)
		}
		if shift == 63 && b > 1 {
			break
		}
		size |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return size, nil
		}
	}
	return 0, fmt.Errorf("%w: the length does not fit 64 bits", errFrame)
}

func readBody(stream deadliner, r io.Reader, size int, stall time.Duration) ([]byte, error) {
	frame := make([]byte, 0, min(size, chunkBytes))
	for len(frame) < size {
		chunk := min(size-len(frame), chunkBytes)
		frame = slices.Grow(frame, chunk)[:len(frame)+chunk]
		if err := stream.SetReadDeadline(time.Now().Add(stall)); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(r, frame[len(frame)-chunk:]); err != nil {
			return nil, err
		}
	}
	return frame, nil
}
