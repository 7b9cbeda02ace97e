package p2p

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
)

// Reasons that no attempt to connect gives.
const (
	noAddress = "no address that can be dialled"
	cutOff    = "cut off for misbehaviour"
)

// Absence returns why a member is not connected, in a few words: what the last attempt at each of
// its addresses met with. It returns "" if the member is connected, not dialled yet, or unknown.
func (t *Transport) Absence(member keys.Public) string {
	r := t.peer(peerID(member))
	if r == nil {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.connections) > 0 {
		return ""
	}
	return r.absence
}

func (r *remote) setAbsence(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.absence = reason
}

// reasonOf says in a few words why an attempt to connect failed.
func reasonOf(err error) string {
	var dialled *swarm.DialError
	if !errors.As(err, &dialled) || len(dialled.DialErrors) == 0 {
		return shortly(err)
	}
	var reasons []string
	for _, one := range dialled.DialErrors {
		if reason := shortly(one.Cause); !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	slices.Sort(reasons) // the addresses are dialled in any order
	return strings.Join(reasons, "; ")
}

func shortly(err error) string {
	var name *net.DNSError
	var other sec.ErrPeerIDMismatch
	switch {
	case errors.As(err, &other):
		return fmt.Sprintf("another node answers, with key %s", other.Actual)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route"
	case errors.As(err, &name):
		return fmt.Sprintf("name %.64q not found", name.Name)
	case errors.Is(err, swarm.ErrNoAddresses), errors.Is(err, swarm.ErrNoGoodAddresses), errors.Is(err, swarm.ErrNoTransport):
		return noAddress
	case descriptors.Exhausted(err), errors.Is(err, errNoSeat), errors.Is(err, network.ErrResourceLimitExceeded):
		return "this node may open no more connections"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT), os.IsTimeout(err):
		return "timeout"
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Sprintf("%.120s", text)
}

// unreachable is how long a member could not be dialled, for the log.
type unreachable struct {
	attempts int
	since    time.Time // of the first attempt
	warned   time.Time
	pause    time.Duration // until the next warning
	reported bool          // a warning was the last thing logged
	noted    time.Time     // when a reason was logged last, and which
	reason   string
}

// The reason is logged at the first attempt that fails, and when it changes. A member that cannot
// be dialled is reported after a few attempts and some time, and again after a pause that doubles.
const (
	unreachableAttempts = 3
	unreachableAfter    = 10 * time.Second
	unreachablePause    = 10 * time.Minute
	unreachablePauseMax = 24 * time.Hour
	changedPause        = time.Minute // between two reasons
)

func (u *unreachable) failed(r *remote, addresses []ma.Multiaddr, reason string) {
	r.setAbsence(reason)
	if u.attempts++; u.attempts == 1 {
		u.since = time.Now()
	}
	if since := time.Since(u.noted); since >= unreachablePause && u.attempts == 1 || since >= changedPause && reason != u.reason {
		u.noted, u.reason = time.Now(), reason
		r.t.config.Logger.Info("member cannot be reached for now", "peer", r.key, "addresses", addresses, "reason", reason)
	}
	if u.attempts < unreachableAttempts || time.Since(u.since) < unreachableAfter || time.Since(u.warned) < u.pause {
		return
	}
	u.reported, u.warned, u.pause = true, time.Now(), min(max(2*u.pause, unreachablePause), unreachablePauseMax)
	r.t.config.Logger.Warn("member is unreachable", "peer", r.key, "addresses", addresses, "attempts", u.attempts, "reason", reason)
}

// over reports that the member is reachable again. The pause continues, so that a member that comes
// and goes does not fill the log.
func (u *unreachable) over(r *remote) {
	if u.reported {
		r.t.config.Logger.Info("member is reachable again", "peer", r.key)
	}
	u.attempts, u.reported = 0, false
	r.setAbsence("")
}
