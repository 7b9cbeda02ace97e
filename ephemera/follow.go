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

// Provider tells who the members are, from outside: package provider has lists, files and HTTP
// addresses.
type Provider interface {
	// Current returns the newest list that the source tells, as membership.NewList makes it. It heeds
	// ctx, which has a deadline. It is asked again after an error and from time to time, by one
	// goroutine. What providers must not skip: Node.Adopt.
	Current(ctx context.Context) (membership.List, error)
}

// FollowConfig says how often a provider is asked. Zero values are the defaults.
type FollowConfig struct {
	Interval time.Duration // between two questions, a quarter more or less: 30 s
	Retry    time.Duration // after a question that failed, doubling up to Interval; between two hints from members: 1 s
	Timeout  time.Duration // of one question, and of adopting the answer: 15 s
}

func (c FollowConfig) withDefaults() FollowConfig {
	c.Interval, c.Retry, c.Timeout = cmp.Or(c.Interval, 30*time.Second), cmp.Or(c.Retry, time.Second), cmp.Or(c.Timeout, 15*time.Second)
	c.Retry = min(c.Retry, c.Interval)
	return c
}

// Validate tells what cannot be.
func (c FollowConfig) Validate() error {
	if c.Interval < 0 || c.Retry < 0 || c.Timeout < 0 {
		return fmt.Errorf("follow: Interval is %s, Retry %s and Timeout %s, expected positive durations", c.Interval, c.Retry, c.Timeout)
	}
	return nil
}

// following wakes Follow. Both channels hold one: more of the same is no news.
type following struct {
	refresh chan struct{} // ask now
	heard   chan struct{} // a member may know of a newer group
}

func newFollowing() following {
	return following{refresh: make(chan struct{}, 1), heard: make(chan struct{}, 1)}
}

func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is waiting already
	}
}

// Follow asks a provider for the list of members at an interval, after Refresh, and when another
// member says that there is a newer group, and adopts what it tells (Adopt). It runs beside Run,
// and returns nil when ctx is done and ErrStopped when the node stops.
//
// A lower number than the newest is ignored, a known number with other members or limits is
// refused, an invalid list is refused whole, and in all these cases, as while the provider fails,
// the node goes on with the groups that it knows. It says so in the log, by the name of the source,
// once for each reason. When a number is skipped the newer group is adopted all the same, with a
// warning.
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

// Refresh makes Follow ask its provider now. It never blocks.
func (n *Node) Refresh() { wake(n.follow.refresh) }

// follower is what Follow remembers between two questions.
type follower struct {
	*Node
	provider    Provider
	config      FollowConfig
	last        membership.List // that was adopted
	problem     string          // that was logged last, empty: all is well
	retry       time.Duration   // the wait after the next failure
	hintBackoff time.Duration   // between two questions that members' hints cause; hints that bring nothing make it longer
}

// poll asks once and returns how long to wait before the next question.
func (f *follower) poll(ctx context.Context, hinted bool) time.Duration {
	asking, cancel := context.WithTimeout(ctx, f.config.Timeout)
	defer cancel()
	list, err := f.provider.Current(asking)
	newer := false
	if err == nil {
		newer, err = f.adoptList(asking, list)
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

// take adopts a list and tells whether it is a newer group.
func (f *follower) adoptList(ctx context.Context, list membership.List) (newer bool, err error) {
	if list.Group == nil {
		return false, fmt.Errorf("%w: the provider tells none", membership.ErrInvalid)
	}
	number, newest := list.Group.Number(), f.Group().Number()
	if f.last.Group != nil && f.last.Group.ID() == list.Group.ID() && reflect.DeepEqual(f.last.Peers, list.Peers) {
		return false, nil
	}
	if err := f.Adopt(ctx, list.Group, list.Peers); err != nil {
		return false, fmt.Errorf("list of group %d by %s is not taken: %w", number, list.Source, err)
	}
	f.last = list
	switch {
	case number > newest+1:
		f.log.Warn("the list of members skips groups; this node takes no part in them", "source", list.Source, "newest", newest, "adopted", number)
	case number < newest:
		f.log.Info("the list of members is older than the newest group, and ignored", "source", list.Source, "newest", newest, "number", number)
	}
	return number > newest, nil
}

// note logs what is wrong when that changes.
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
		f.log.Info("the list of members is read again", "source", list.Source)
	} else {
		f.log.Warn("the list of members is not up to date; the known groups are gone on with", "err", problem)
	}
}

// sleep waits for the time of the next question. Hints bring it forward, but not to less than
// hintBackoff after the last one, so that a member that cries wolf makes nobody ask its source all the
// time. Not ok: ctx is done, or the node stopped.
func (f *follower) sleep(ctx context.Context, wait time.Duration) (hinted, ok bool) {
	asked, heard := time.Now(), f.follow.heard
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
			since := time.Since(asked)
			timer.Reset(min(wait-since, max(0, f.hintBackoff-since)+rand.N(f.config.Retry/2+1))) // members do not ask all at once
		}
	}
}

// jitter returns a duration up to a quarter shorter or longer.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }

// announce tells members the number of the newest group, so that those that have not heard of it
// ask their providers.
func (n *Node) announce(members ...keys.Public) {
	frame := wire.Encode(wire.Announce{Number: n.Group().Number()})
	for _, member := range members {
		n.config.Transport.Send(member, frame)
	}
}

// hear takes an announcement. It is believed for nothing else than that asking the provider may be
// worth while.
func (n *Node) hear(number uint64) {
	if number > n.Group().Number() {
		wake(n.follow.heard)
	}
}
