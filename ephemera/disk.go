package ephemera

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Disk says when the node lets blocks wait because the disk of its store fills (PROTOCOL.md R2).
// Below Low, the chains of members wait that used most recently; below Critical, all chains, the
// node's own, too. Blocks that are certified already are stored in any case.
type Disk struct {
	// Folder is on the disk of the store, usually the store's own. If it is empty, space is not
	// measured, and never little.
	Folder string
	// Low and Critical are free bytes. The default of Low is 1 GiB or four blocks of each member,
	// whichever is more, but at most a twentieth of the disk. The default of Critical is a quarter of
	// Low.
	Low, Critical int64
	Every         time.Duration // between two measurements. Default 5 s
}

// validate returns an error if the thresholds contradict each other.
func (d Disk) validate() error {
	if d.Low < 0 || d.Critical < 0 || d.Every < 0 {
		return fmt.Errorf("config: Disk.Low is %d, Critical %d and Every %s, expected positive values", d.Low, d.Critical, d.Every)
	}
	if d.Low > 0 && d.Critical > d.Low {
		return fmt.Errorf("config: Disk.Critical is %d and Low %d, expected at most Low (leave Critical out for a quarter of it)", d.Critical, d.Low)
	}
	return nil
}

// thresholds fills in the defaults for a disk of this size.
func (d Disk) thresholds(group *membership.Group, total int64) (low, critical int64) {
	const least = 1 << 30
	low = d.Low
	if low == 0 {
		low = min(max(least, 4*int64(group.N())*int64(group.Limits().BlockBytes)), total/20)
		low = max(low, d.Critical)
	}
	critical = d.Critical
	if critical == 0 {
		critical = low / 4
	}
	return low, critical
}

// DiskSpace is what was measured last. It is zero if nothing was.
type DiskSpace struct {
	Free, Total   int64 // bytes
	Low, Critical int64 // the thresholds of Disk
}

// Waiting reports whether blocks of some members wait for space.
func (s DiskSpace) Waiting() bool { return s.Free < s.Low }

// Stopped reports whether the blocks of all members wait for space, also the node's own.
func (s DiskSpace) Stopped() bool { return s.Free < s.Critical }

// DiskSpace returns what the node knows about the disk of its store.
func (n *Node) DiskSpace() DiskSpace {
	if s := n.space.Load(); s != nil {
		return *s
	}
	return DiskSpace{}
}

// statfs returns the bytes on the disk of a folder that are free for this process, and all.
func statfs(folder string) (free, total int64, err error) {
	var s syscall.Statfs_t
	for {
		err = syscall.Statfs(folder, &s)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return 0, 0, fmt.Errorf("measure the free space of %s: %w", folder, err)
	}
	size := uint64(s.Bsize)
	return int64(min(uint64(s.Bavail), 1<<62/size) * size), int64(min(uint64(s.Blocks), 1<<62/size) * size), nil
}

// watchDisk measures the free space until ctx is done. No guarantee depends on it, so that an error
// is only logged.
func (n *Node) watchDisk(ctx context.Context) error {
	if n.config.Disk.Folder == "" {
		return nil
	}
	w := diskWatch{Node: n}
	ticker := time.NewTicker(n.config.Disk.Every)
	defer ticker.Stop()
	for {
		w.measure(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// diskWatch remembers what the log and the engine were told.
type diskWatch struct {
	*Node
	failed bool
	said   DiskSpace
	saidAt int64
}

// measure measures once. The engine hears of it while there is little space, and once more when
// there is enough again.
func (w *diskWatch) measure(ctx context.Context) {
	free, total, err := w.freeSpace(w.config.Disk.Folder)
	if err != nil {
		if !w.failed {
			w.log.Warn("free disk space is unknown", "err", err)
		}
		w.failed = true
		return
	}
	w.failed = false
	now := DiskSpace{Free: free, Total: total}
	now.Low, now.Critical = w.config.Disk.thresholds(w.view.Load().newest(), total)
	before := w.DiskSpace()
	w.space.Store(&now)
	if now.Waiting() || before.Waiting() {
		w.post(ctx, engine.Space{Free: free, Low: now.Low, Critical: now.Critical})
	}
	w.say(now)
}

// sayDiskAgain is for how long the log does not repeat that space is little.
const sayDiskAgain = 10 * time.Minute

// say logs changes, and from time to time that nothing has changed.
func (w *diskWatch) say(now DiskSpace) {
	at := w.clock.now()
	if now.Waiting() == w.said.Waiting() && now.Stopped() == w.said.Stopped() && (!now.Waiting() || at-w.saidAt < sayDiskAgain.Milliseconds()) {
		return
	}
	w.said, w.saidAt = now, at
	attributes := []any{"free", now.Free, "low", now.Low, "critical", now.Critical, "folder", w.config.Disk.Folder}
	switch {
	case now.Stopped():
		w.log.Error("disk is nearly full: blocks wait unless they are certified (free some space; nothing has to be restarted)", attributes...)
	case now.Waiting():
		w.log.Warn("disk is filling: blocks of members that used most wait (free some space)", attributes...)
	default:
		w.log.Info("disk has space again", attributes...)
	}
}
