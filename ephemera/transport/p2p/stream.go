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

// A frame on a stream is its length as an unsigned varint, then its bytes.

const (
	// streamBuffer joins small frames into one write or read.
	streamBuffer = 16 << 10
	// batchBytes of frames are written before the next look at the queue.
	batchBytes = 64 << 10
	// attempts at a batch, each on a stream of its own, before its frames are given up: they are
	// resent by those who need them.
	attempts = 2
	// pieceBytes of a frame are allocated on the word of its length, more as they arrive; and each
	// such piece has the stall timeout.
	pieceBytes = 64 << 10
	// streamsIn is how many incoming streams of one peer are read: the present one, and the last one
	// until its end was noticed.
	streamsIn = 2
)

// outgoing is the open stream to a peer.
type outgoing struct {
	stream  network.Stream
	buffer  *bufio.Writer
	stall   time.Duration
	changes uint64 // of the connection it was opened on
}

// write sends what waits for the member until ctx is done.
func (r *remote) write(ctx context.Context) {
	var (
		out    *outgoing
		failed int // attempts with the present batch
		retry  = newRetry(r.t.config.Backoff)
	)
	drop := func() {
		if out != nil {
			_ = out.stream.Reset() // nothing waits for an answer
			out = nil
		}
	}
	defer drop()
	for ctx.Err() == nil {
		frames, changes := r.batch(batchBytes)
		if len(frames) == 0 {
			select {
			case <-ctx.Done():
			case <-r.ready:
			}
			continue
		}
		if out != nil && out.changes != changes {
			drop() // its connection is gone
		}
		if out == nil {
			var err error
			if out, err = r.openStream(ctx, changes); err != nil {
				r.t.config.Logger.Debug("stream not opened", "peer", r.key, "error", err)
				pause(ctx, retry.next())
				continue
			}
			retry.reset()
		}
		err := r.writeBatch(out, frames)
		if err != nil {
			r.t.config.Logger.Debug("stream broken, opening another", "peer", r.key, "error", err)
			drop()
			failed++
		}
		if err == nil || failed == attempts {
			r.sent(len(frames), changes)
			failed = 0
		}
	}
}

func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// openStream opens a stream on an existing connection. Dialling is the other goroutine's.
func (r *remote) openStream(ctx context.Context, changes uint64) (*outgoing, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "frames"), r.t.config.DialTimeout)
	defer cancel()
	stream, err := r.t.host.NewStream(ctx, r.id, r.t.protocol)
	if err != nil {
		return nil, err
	}
	return &outgoing{
		stream: stream, buffer: bufio.NewWriterSize(stream, streamBuffer), stall: r.t.config.StallTimeout, changes: changes,
	}, nil
}

func (r *remote) writeBatch(out *outgoing, frames [][]byte) error {
	bytes := 0
	for _, frame := range frames {
		n, err := out.write(frame)
		if err != nil {
			return err
		}
		bytes += n
	}
	if err := out.buffer.Flush(); err != nil {
		return err
	}
	r.t.traffic.sentFrames.Add(uint64(len(frames)))
	r.t.traffic.sentBytes.Add(uint64(bytes))
	return nil
}

// write gives every piece of a frame the whole stall timeout; the flush shares the last one's.
func (o *outgoing) write(frame []byte) (int, error) {
	prefix := binary.AppendUvarint(nil, uint64(len(frame)))
	for piece := range slices.Chunk(slices.Concat(prefix, frame[:min(len(frame), pieceBytes)]), pieceBytes) {
		if err := o.writePiece(piece); err != nil {
			return 0, err
		}
	}
	for piece := range slices.Chunk(frame[min(len(frame), pieceBytes):], pieceBytes) {
		if err := o.writePiece(piece); err != nil {
			return 0, err
		}
	}
	return len(prefix) + len(frame), nil
}

func (o *outgoing) writePiece(piece []byte) error {
	if err := o.stream.SetWriteDeadline(time.Now().Add(o.stall)); err != nil {
		return err
	}
	_, err := o.buffer.Write(piece)
	return err
}

// inbound is an incoming stream that is being read.
type inbound struct {
	stream network.Stream
	done   chan struct{} // closed when the stream must end
	once   sync.Once
}

func (i *inbound) end() {
	i.once.Do(func() {
		close(i.done)
		_ = i.stream.Reset()
	})
}

// incoming reads a stream that a peer opened. libp2p calls it in a goroutine per stream.
func (t *Transport) incoming(stream network.Stream) {
	in := &inbound{stream: stream, done: make(chan struct{})}
	if r := t.peer(stream.Conn().RemotePeer()); r == nil || !t.serve(r, in) {
		in.end()
	}
}

// serve starts a reader. False when the transport does not run.
func (t *Transport) serve(r *remote, in *inbound) bool {
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
		if r.adopt(in) {
			defer r.forget(in)
			stop := context.AfterFunc(run.ctx, in.end)
			defer stop()
			err := r.read(in, run.receiver)
			t.config.Logger.Debug("incoming stream ended", "peer", r.key, "error", err)
			switch {
			case errors.Is(err, errFrame):
				r.offend(garbage, err.Error())
			case errors.Is(err, errStall):
				r.offend(stalled, err.Error())
			}
		}
	}()
	return true
}

// adopt makes room for a stream by ending the oldest: a peer that opens many harms itself only.
func (r *remote) adopt(in *inbound) bool {
	r.mu.Lock()
	var oldest *inbound
	if len(r.streams) >= streamsIn {
		oldest, r.streams = r.streams[0], r.streams[1:]
	}
	r.streams = append(r.streams, in)
	leaving := r.leaving
	r.mu.Unlock()
	if oldest != nil {
		oldest.end()
	}
	return !leaving
}

func (r *remote) forget(in *inbound) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.streams {
		if other == in {
			r.streams = slices.Delete(r.streams, i, i+1)
			return
		}
	}
}

// read hands the stream's frames to the receiver, one of this peer at a time and not faster than
// its rate: what comes faster waits in the peer's own queue, behind the stream's window.
func (r *remote) read(in *inbound, receiver transport.Receiver) error {
	buffer := bufio.NewReaderSize(in.stream, streamBuffer)
	var waited time.Duration // for which the peer was not blamed yet
	for {
		frame, prefix, err := readFrame(in.stream, buffer, r.t.config)
		if err != nil {
			return err
		}
		r.t.traffic.receivedFrames.Add(1)
		r.t.traffic.receivedBytes.Add(uint64(prefix + len(frame)))
		select {
		case <-in.done:
			return nil
		case <-r.turn:
		}
		r.heard.Add(1)
		if wait := r.direct.delay(time.Now(), len(frame)); wait > 0 {
			r.t.traffic.throttled.Add(1)
			for waited += wait; waited >= time.Second; waited -= time.Second {
				r.offend(throttled, "sends more than its rate")
			}
			if !in.after(wait) {
				r.turn <- struct{}{}
				return nil
			}
		}
		verdict := receiver.Receive(r.key, frame)
		r.turn <- struct{}{}
		if verdict == transport.Reject {
			r.offend(garbage, "sends garbage")
		}
	}
}

var (
	// errFrame reports a frame that no correct peer sends.
	errFrame = errors.New("bad frame")
	// errStall reports one whose rest did not come in time.
	errStall = errors.New("frame stalls")
)

// broken says why the rest of a frame did not come. That its stream ended is nobody's fault.
func broken(part string, err error) error {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%w: %s: %w", errStall, part, err)
	}
	return fmt.Errorf("%s: %w", part, err)
}

// deadliner is the part of a stream that a reader of frames needs.
type deadliner interface{ SetReadDeadline(time.Time) error }

// readFrame waits for a frame as long as it takes; once begun, its length and then each piece must
// come within the stall timeout.
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
		return nil, 0, broken("body", err)
	}
	return frame, len(binary.AppendUvarint(nil, size)), stream.SetReadDeadline(time.Time{})
}

// readLength tells a length that is none from one whose stream ended.
func readLength(buffer *bufio.Reader) (uint64, error) {
	var size uint64
	for shift := 0; shift < 64; shift += 7 {
		b, err := buffer.ReadByte()
		if err != nil {
			return 0, broken("length", err)
		}
		if shift == 63 && b > 1 {
			break
		}
		size |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return size, nil
		}
	}
	return 0, fmt.Errorf("%w: its length does not fit 64 bits", errFrame)
}

func readBody(stream deadliner, r io.Reader, size int, stall time.Duration) ([]byte, error) {
	frame := make([]byte, 0, min(size, pieceBytes))
	for len(frame) < size {
		piece := min(size-len(frame), pieceBytes)
		frame = slices.Grow(frame, piece)[:len(frame)+piece]
		if err := stream.SetReadDeadline(time.Now().Add(stall)); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(r, frame[len(frame)-piece:]); err != nil {
			return nil, err
		}
	}
	return frame, nil
}
