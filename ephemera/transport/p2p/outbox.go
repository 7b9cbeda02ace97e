package p2p

import (
	"bufio"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

const (
	// batchBytes is about how much is taken from the queue at once.
	batchBytes = 64 << 10
	// maxAttempts is how often a batch is tried, each time on a new stream, before its frames are
	// dropped. The protocol resends what is still needed.
	maxAttempts = 2
)

// outbox is the bounded queue of frames of one kind that wait to be sent to a member. Each kind has
// a stream of its own.
type outbox struct {
	of                  *remote
	kind                kind
	protocol            protocol.ID
	maxFrames, maxBytes int
	ready               chan struct{} // capacity 1, signals a change of connections or queue

	// Guarded by of.mu:
	queue  [][]byte
	queued int // bytes in queue
}

func newOutbox(of *remote, frames kind, maxFrames, maxBytes int) outbox {
	return outbox{of: of, kind: frames, protocol: of.t.protocols[frames], maxFrames: maxFrames, maxBytes: maxBytes, ready: make(chan struct{}, 1)}
}

// push queues a frame. It returns false if the member is offline or the queue is full.
func (o *outbox) push(frame []byte) bool {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	if !o.fits(len(frame)) {
		return false
	}
	o.queue = append(o.queue, frame)
	o.count(len(frame))
	wake(o.ready)
	return true
}

// hasRoom reports whether push would queue a frame of this length.
func (o *outbox) hasRoom(bytes int) bool {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	return o.fits(bytes)
}

// fits is hasRoom for a caller that holds of.mu, as do those of count and clear.
func (o *outbox) fits(bytes int) bool {
	r := o.of
	return !r.leaving && len(r.connections) > 0 && len(o.queue) < o.maxFrames &&
		o.queued+bytes <= o.maxBytes && r.queued+bytes <= r.t.config.Limits.QueueBytes
}

// count adds to the bytes that wait.
func (o *outbox) count(bytes int) {
	o.queued += bytes
	o.of.queued += bytes
}

// clear drops all frames.
func (o *outbox) clear() {
	o.count(-o.queued)
	o.queue = nil
}

// batch returns the first frames of the queue, up to about size bytes but at least one, and the
// value of changes that they belong to. The frames stay in the queue until sent removes them.
func (o *outbox) batch(size int) (frames [][]byte, changes uint64) {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	for n, frame := range o.queue {
		if size -= len(frame); n > 0 && size < 0 {
			return slices.Clone(o.queue[:n]), o.of.changes
		}
	}
	return slices.Clone(o.queue), o.of.changes
}

// sent removes the first n frames, unless the queue was cleared since batch returned them.
func (o *outbox) sent(n int, changes uint64) {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	if changes != o.of.changes || n > len(o.queue) {
		return
	}
	for i := range n {
		o.count(-len(o.queue[i]))
	}
	o.queue = slices.Delete(o.queue, 0, n)
}

// outgoing is an open stream to a peer.
type outgoing struct {
	stream  network.Stream
	buffer  *bufio.Writer
	stall   time.Duration
	changes uint64 // remote.changes when it was opened
}

// write sends the frames of the queue until ctx is done.
func (o *outbox) write(ctx context.Context) {
	var (
		out    *outgoing
		failed int // attempts at the current batch
		retry  = newRetry(o.of.t.config.Backoff)
	)
	drop := func() {
		if out != nil {
			_ = out.stream.Reset() // an error leaves nothing to do
			out = nil
		}
	}
	defer drop()
	for ctx.Err() == nil {
		frames, changes := o.batch(batchBytes)
		if len(frames) == 0 {
			select {
			case <-ctx.Done():
			case <-o.ready:
			}
			continue
		}
		if out != nil && out.changes != changes {
			drop() // its connection was closed
		}
		if out == nil {
			var err error
			if out, err = o.openStream(ctx, changes); err != nil {
				o.of.t.config.Logger.Debug("opening stream failed", "peer", o.of.key, "error", err)
				if o.kind == messages { // it may be a member that takes none
					o.sent(len(frames), changes)
				}
				wait.For(ctx, retry.next())
				continue
			}
			retry.reset()
		}
		err := o.writeBatch(out, frames)
		if err != nil {
			o.of.t.config.Logger.Debug("writing to stream failed, opening another", "peer", o.of.key, "error", err)
			drop()
			failed++
		}
		if err == nil || failed == maxAttempts {
			o.sent(len(frames), changes)
			failed = 0
		}
	}
}

// openStream opens a stream on an existing connection. Dialling is the task of connect.
func (o *outbox) openStream(ctx context.Context, changes uint64) (*outgoing, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "frames"), o.of.t.config.DialTimeout)
	defer cancel()
	stream, err := o.of.t.host.NewStream(ctx, o.of.id, o.protocol)
	if err != nil {
		return nil, err
	}
	return &outgoing{
		stream: stream, buffer: bufio.NewWriterSize(stream, streamBuffer), stall: o.of.t.config.StallTimeout, changes: changes,
	}, nil
}

func (o *outbox) writeBatch(out *outgoing, frames [][]byte) error {
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
	o.of.t.traffic.sentFrames.Add(uint64(len(frames)))
	o.of.t.traffic.sentBytes.Add(uint64(bytes))
	if o.kind == messages {
		o.of.t.traffic.gossipSentBytes.Add(uint64(bytes))
	}
	return nil
}

// write writes a frame in chunks. Each chunk has its own stall timeout; a flush shares the last
// one.
func (o *outgoing) write(frame []byte) (int, error) {
	prefix := binary.AppendUvarint(nil, uint64(len(frame)))
	for chunk := range slices.Chunk(slices.Concat(prefix, frame[:min(len(frame), chunkBytes)]), chunkBytes) {
		if err := o.writeChunk(chunk); err != nil {
			return 0, err
		}
	}
	for chunk := range slices.Chunk(frame[min(len(frame), chunkBytes):], chunkBytes) {
		if err := o.writeChunk(chunk); err != nil {
			return 0, err
		}
	}
	return len(prefix) + len(frame), nil
}

func (o *outgoing) writeChunk(chunk []byte) error {
	if err := o.stream.SetWriteDeadline(time.Now().Add(o.stall)); err != nil {
		return err
	}
	_, err := o.buffer.Write(chunk)
	return err
}
