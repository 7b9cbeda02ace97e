package ephemera

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Provider reads the list of members from a source outside the node. Package provider has fixed
// lists, files and HTTP addresses.
type Provider interface {
	// Current returns the newest list of the source, made by membership.NewList. It returns when ctx
	// is done; ctx has a deadline. One goroutine calls it, from time to time and after an error.
	// Node.Adopt says which lists a provider must not skip.
	Current(ctx context.Context) (membership.List, error)
}

// FollowConfig says how often a provider is polled. The zero values are the defaults.
type FollowConfig struct {
	Interval time.Duration // between two polls, a quarter more or less: 30 s
	// Retry is the first backoff after a failure, and after a member's hint of a newer group that
	// brought none: 1 s. It doubles up to Interval.
	Retry   time.Duration
	Timeout time.Duration // of one poll, including the adoption of its result: 15 s
}

func (c FollowConfig) withDefaults() FollowConfig {
	c.Interval, c.Retry, c.Timeout = cmp.Or(c.Interval, 30*time.Second), cmp.Or(c.Retry, time.Second), cmp.Or(c.Timeout, 15*time.Second)
	c.Retry = min(c.Retry, c.Interval)
	return c
}

// Validate returns what is wrong with the configuration.
func (c FollowConfig) Validate() error {
	if c.Interval < 0 || c.Retry < 0 || c.Timeout < 0 {
		return fmt.Errorf("follow: Interval is %s, Retry %s and Timeout %s, expected positive durations", c.Interval, c.Retry, c.Timeout)
	}
	return nil
}

// following wakes Follow. Both channels have a capacity of one signal, which is enough.
type following struct {
	refresh chan struct{} // poll now
	heard   chan struct{} // a member may know a newer group
}

func newFollowing() following {
	return following{refresh: make(chan struct{}, 1), heard: make(chan struct{}, 1)}
}

func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // a signal is pending already
	}
}

// Follow polls a provider for the list of members and adopts it (see Adopt): at an interval, after
// Refresh, and when another member announces a newer group. It runs alongside Run. It returns nil
// when ctx is done and ErrStopped when the node stops.
//
// A list with a lower number than the newest is ignored. A known number with other members or
// limits, and an invalid list, are refused. In all these cases, and while the provider fails, the
// node continues with the groups it knows, and logs each reason once with the name of the source. A
// list that skips a number is adopted with a warning.
func (n *Node) Follow(ctx context.Context, provider Provider, config FollowConfig) error {
	if provider == nil {
		return errors.New("follow: a Provider is required")
	}
	if err := config.Validate(); err != nil {
		return err
	}
	config = config.withDefaults()
	f := follower{Node: n, provider: provider, config: config, retry: config.Retry, hintBackoff: config.Retry}
	select {
	case <-n.running:
	case <-n.stopped:
		return ErrStopped
	case <-ctx.Done():
		return nil
	}
	hinted := false
	for {
		wait := f.poll(ctx, hinted)
		var ok bool
		if hinted, ok = f.sleep(ctx, wait); !ok {
			break
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return ErrStopped
}

// Refresh makes Follow poll its provider now. It never blocks.
func (n *Node) Refresh() { wake(n.follow.refresh) }

// follower is the state of Follow between two polls.
type follower struct {
	*Node
	provider    Provider
	config      FollowConfig
	last        membership.List // the last one adopted
	problem     string          // the last one logged, or ""
	retry       time.Duration   // backoff after the next failure
	hintBackoff time.Duration   // least time between polls caused by hints; grows if hints are false
}

// poll polls once and returns how long to wait before the next poll.
func (f *follower) poll(ctx context.Context, hinted bool) time.Duration {
	polling, cancel := context.WithTimeout(ctx, f.config.Timeout)
	defer cancel()
	list, err := f.provider.Current(polling)
	newer := false
	if err == nil {
		newer, err = f.adoptList(polling, list)
	}
	if ctx.Err() == nil {
		f.logProblem(list, err)
	}
	switch {
	case newer || !hinted:
		f.hintBackoff = f.config.Retry
	default:
		f.hintBackoff = min(2*f.hintBackoff, f.config.Interval)
	}
	if err == nil && list.Warning == nil {
		f.retry = f.config.Retry
		return jitter(f.config.Interval)
	}
	wait := f.retry
	f.retry = min(2*f.retry, f.config.Interval)
	return jitter(wait)
}

// adoptList adopts a list and reports whether it is a newer group.
func (f *follower) adoptList(ctx context.Context, list membership.List) (newer bool, err error) {
	if list.Group == nil {
		return false, fmt.Errorf("%w: the provider returned no group", membership.ErrInvalid)
	}
	number, newest := list.Group.Number(), f.Group().Number()
	if f.last.Group != nil && f.last.Group.ID() == list.Group.ID() && reflect.DeepEqual(f.last.Peers, list.Peers) {
		return false, nil
	}
	if err := f.Adopt(ctx, list.Group, list.Peers); err != nil {
		return false, fmt.Errorf("adopt group %d of %s: %w", number, list.Source, err)
	}
	if list.Dropped != nil { // adopted only when it changed, so this is logged once
		f.log.Warn("addresses of members left out: nobody can dial them", "source", list.Source, "err", list.Dropped)
	}
	f.last = list
	switch {
	case number > newest+1:
		f.log.Warn("list of members skips groups; this node signs nothing there, and asks their members for them", "source", list.Source, "newest", newest, "adopted", number)
	case number < newest:
		f.log.Info("list of members is older than the newest group; ignoring it", "source", list.Source, "newest", newest, "number", number)
	}
	return number > newest, nil
}

// logProblem logs a problem when it begins, changes or ends.
func (f *follower) logProblem(list membership.List, err error) {
	problem := ""
	if err = cmp.Or(err, list.Warning); err != nil {
		problem = err.Error()
	}
	if problem == f.problem {
		return
	}
	f.problem = problem
	if problem == "" {
		f.log.Info("list of members is up to date again", "source", list.Source)
	} else {
		f.log.Warn("list of members is not up to date; continuing with the known groups", "err", problem)
	}
}

// sleep waits until the next poll is due. A hint brings it forward, but not to less than
// hintBackoff after the last poll, so that a member that sends false hints cannot cause constant
// polling. It returns false if ctx is done or the node stopped.
func (f *follower) sleep(ctx context.Context, wait time.Duration) (hinted, ok bool) {
	polled, heard := time.Now(), f.follow.heard
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return hinted, false
		case <-f.stopped:
			return hinted, false
		case <-f.follow.refresh:
			return hinted, true
		case <-timer.C:
			return hinted, true
		case <-heard:
			heard, hinted = nil, true
			since := time.Since(polled)
			// The delay is random, so that members do not poll all at once.
			timer.Reset(min(wait-since, max(0, f.hintBackoff-since)+rand.N(f.config.Retry/2+1)))
		}
	}
}

// jitter returns a duration up to a quarter shorter or longer.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }

// announce sends members the newest group, so that those that do not know it poll their providers,
// and those that hold another one notice.
func (n *Node) announce(members ...keys.Public) {
	group := n.Group()
	frame := wire.Encode(wire.Newest{Number: group.Number(), Group: group.ID()})
	for _, member := range members {
		n.config.Transport.Send(member, frame)
	}
}

// hear handles an announcement. It only suggests that polling the provider may be worthwhile.
func (n *Node) hear(number uint64) {
	if number > n.Group().Number() {
		wake(n.follow.heard)
	}
}
