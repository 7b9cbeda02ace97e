package mempool_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// model is the mempool as one would write it without regard for speed.
type model struct {
	limits         mempool.Limits
	include        mempool.Include
	now            int64
	wall           int64                    // the wall clock is ahead of now by this
	made           []block.Message          // every message that was ever offered
	live           []modelEntry             // in the order of arrival
	done           []modelDone              // left, and is remembered
	horizon        int64                    // nothing signed before is accepted
	ahead          map[block.MessageID]bool // of done: ahead of the clock when it was set
	forgottenAhead []int64                  // their times
	final          map[block.MessageID]bool // left, and was not dated ahead then: never accepted again
	counts         mempool.Counts
	pool           *mempool.Mempool

	tight    map[keys.Public]bool // senders of whom a message did not fit, and none has left since
	allTight bool
}

type modelEntry struct {
	block.Message
	local  bool
	expiry int64
}

// modelDone is a message that left with this time.
type modelDone struct {
	block.Message
	own  bool
	time int64
}

// date sets the time of a message that left, and says whether it is ahead of the clock.
func (m *model) date(d *modelDone) {
	if d.time = max(d.time, min(d.Time(), m.now+m.wall)); d.own {
		d.time = d.Time()
	}
	m.ahead[d.ID()] = d.time > m.latest()
}

func (m *model) moment() mempool.Moment { return mempool.Moment{Now: m.now, Wall: m.now + m.wall} }

// latest returns the latest signed time that is accepted.
func (m *model) latest() int64 { return m.now + m.wall + m.limits.Skew.Milliseconds() }

func (m *model) isDone(id block.MessageID) bool {
	return slices.ContainsFunc(m.done, func(d modelDone) bool { return d.ID() == id })
}

func (m *model) find(id block.MessageID) int {
	return slices.IndexFunc(m.live, func(e modelEntry) bool { return e.ID() == id })
}

// share returns what one sender has in the mempool.
func (m *model) share(sender keys.Public) (count, bytes int) {
	for _, e := range m.live {
		if e.Sender() == sender {
			count++
			bytes += e.Size()
		}
	}
	return count, bytes
}

func (m *model) bytes() (sum int) {
	for _, e := range m.live {
		sum += e.Size()
	}
	return sum
}

// verdict returns what Add must return for a message.
func (m *model) verdict(offered block.Message) error {
	count, bytes := m.share(offered.Sender())
	switch {
	case m.find(offered.ID()) >= 0 || m.isDone(offered.ID()):
		return mempool.ErrDuplicate
	case offered.Time() > m.latest():
		return mempool.ErrFuture
	case offered.Time()+m.limits.TTL.Milliseconds() <= m.now+m.wall || m.barred(offered.Time()):
		return mempool.ErrExpired
	case count >= m.limits.PerSender || bytes+offered.Size() > m.limits.SenderBytes:
		return mempool.ErrQuota
	case len(m.live) >= m.limits.Messages || m.bytes()+offered.Size() > m.limits.Bytes:
		return mempool.ErrFull
	}
	return nil
}

func (m *model) add(t *rapid.T, offered block.Message) {
	local := rapid.Bool().Draw(t, "local")
	want := m.verdict(offered)
	err := m.pool.Add(offered, local, m.moment())
	i := m.find(offered.ID())
	switch {
	case want == nil:
		require.NoError(t, err)
		m.counts.Taken++
		require.False(t, m.final[offered.ID()], "accepted again")
		expiry := m.now + offered.Time() + m.limits.TTL.Milliseconds() - m.now - m.wall
		m.live = append(m.live, modelEntry{offered, local, expiry})
	case i >= 0 && local && !m.live[i].local:
		require.NoError(t, err, "it is a candidate from now on")
		m.live[i].local = true
	default:
		require.ErrorIs(t, err, want)
		count, _ := m.share(offered.Sender())
		switch {
		case want == mempool.ErrQuota && 0 < count && count < m.limits.PerSender:
			m.tight[offered.Sender()] = true
		case want == mempool.ErrFull && len(m.live) < m.limits.Messages:
			m.allTight = true
		}
		*map[error]*uint64{
			mempool.ErrDuplicate: &m.counts.Duplicate, mempool.ErrFull: &m.counts.Full, mempool.ErrQuota: &m.counts.Quota,
			mempool.ErrExpired: &m.counts.Expired, mempool.ErrFuture: &m.counts.Future,
		}[want]++
	}
}

// leave removes an entry, which makes room.
func (m *model) leave(i int) {
	m.tight[m.live[i].Sender()], m.allTight = false, false
	m.live = slices.Delete(m.live, i, i+1)
}

func (m *model) drop(messages []block.Message, own bool, count *uint64) {
	for _, left := range messages {
		if i := m.find(left.ID()); i >= 0 {
			m.leave(i)
			*count++
		}
		known := slices.IndexFunc(m.done, func(d modelDone) bool { return d.ID() == left.ID() })
		if known < 0 {
			known = len(m.done)
			m.done = append(m.done, modelDone{Message: left})
		} else if !own || m.done[known].own {
			continue
		}
		m.done[known].own = own
		m.date(&m.done[known])
		m.final[left.ID()] = m.final[left.ID()] || own
		if len(m.done) > m.limits.Known {
			m.forget()
		}
	}
}

// forget forgets one message: of those ahead of the clock when it was set, if there are any, and of
// these the one with the earliest time.
func (m *model) forget() {
	first := slices.MinFunc(m.done, func(a, b modelDone) int {
		idA, idB := a.ID(), b.ID()
		if m.ahead[idA] != m.ahead[idB] {
			return map[bool]int{true: -1, false: 1}[m.ahead[idA]]
		}
		return cmp.Or(cmp.Compare(a.time, b.time), slices.Compare(idA[:], idB[:]))
	})
	id := first.ID()
	m.done = slices.DeleteFunc(m.done, func(d modelDone) bool { return d.ID() == id })
	if m.ahead[id] {
		delete(m.ahead, id)
		m.forgottenAhead = append(m.forgottenAhead, first.time)
	} else {
		m.horizon = max(m.horizon, first.time)
	}
}

// barred reports whether messages that are signed at a time may have been forgotten.
func (m *model) barred(signed int64) bool {
	return signed <= m.horizon ||
		len(m.forgottenAhead) > 0 && slices.Min(m.forgottenAhead) <= signed && signed <= slices.Max(m.forgottenAhead)
}

// setClock sets the wall clock.
func (m *model) setClock(step int64) {
	m.wall += step
	m.ahead = map[block.MessageID]bool{}
	for i := range m.done {
		m.date(&m.done[i])
	}
	m.pool.ClockStepped(m.now + m.wall)
}

func (m *model) actions() map[string]func(*rapid.T) {
	some := func(t *rapid.T) []block.Message {
		if len(m.made) == 0 {
			t.Skip("nothing was offered yet")
		}
		return rapid.SliceOfN(rapid.SampledFrom(m.made), 1, 3).Draw(t, "messages")
	}
	return map[string]func(*rapid.T){
		"add a new message": func(t *rapid.T) {
			text := rapid.StringN(0, 40, 200).Draw(t, "text")
			age := rapid.Int64Range(-1500, 11_000).Draw(t, "age")
			offered := message(t, rapid.ByteRange(0, 3).Draw(t, "sender"), text, m.now+m.wall-age)
			m.made = append(m.made, offered)
			m.add(t, offered)
		},
		"offer a message again": func(t *rapid.T) {
			if len(m.made) == 0 {
				t.Skip("nothing was offered yet")
			}
			m.add(t, rapid.SampledFrom(m.made).Draw(t, "message"))
		},
		"drop": func(t *rapid.T) {
			var dropped []block.Message // the application names messages of the mempool
			for _, e := range m.live {
				if rapid.Bool().Draw(t, "dropped") {
					dropped = append(dropped, e.Message)
				}
			}
			m.pool.Drop(ids(dropped), m.now+m.wall)
			m.drop(dropped, true, &m.counts.Dropped)
		},
		"certify": func(t *rapid.T) {
			certified, own := some(t), rapid.Bool().Draw(t, "own")
			m.pool.Certified(certified, own, m.now+m.wall)
			if own || m.include == mempool.Own {
				m.drop(certified, own, &m.counts.Included)
			}
		},
		"see a block with a message that is dated ahead": func(t *rapid.T) {
			ahead := rapid.Int64Range(0, 50*365*24*3600*1000).Draw(t, "ahead")
			m.made = append(m.made, message(t, 0, fmt.Sprint(ahead), m.now+m.wall+ahead))
			m.pool.Certified(m.made[len(m.made)-1:], false, m.now+m.wall)
			if m.include == mempool.Own {
				m.drop(m.made[len(m.made)-1:], false, &m.counts.Included)
			}
		},
		"set the clock": func(t *rapid.T) {
			m.setClock(rapid.OneOf(rapid.Int64Range(-15_000, 15_000), rapid.Just(-m.wall)).Draw(t, "step"))
		},
		"let time pass": func(t *rapid.T) {
			m.now += rapid.Int64Range(0, 4000).Draw(t, "milliseconds")
			before := len(m.live)
			for i := len(m.live) - 1; i >= 0; i-- {
				if m.live[i].expiry <= m.now {
					m.leave(i)
				}
			}
			removed, next := m.pool.Expire(m.now)
			require.Equal(t, before-len(m.live), removed)
			m.counts.TimedOut += uint64(removed)
			want := int64(0)
			for _, e := range m.live {
				if want == 0 || e.expiry < want {
					want = e.expiry
				}
			}
			require.Equal(t, want, next)
		},
		"": m.check,
	}
}

// check compares everything that is visible from outside, and checks the limits.
// digests checks that the digests are those of the messages.
func (m *model) digests(t *rapid.T) {
	m.pool.RefreshDigests(math.MaxInt64)
	want := map[keys.Public][]block.MessageID{}
	for _, e := range m.live {
		want[e.Sender()] = append(want[e.Sender()], e.ID())
	}
	got := m.pool.Digests(0, math.MaxInt32)
	require.Len(t, got, len(want))
	for _, d := range got {
		ids := want[d.Sender]
		slices.SortFunc(ids, func(a, b block.MessageID) int { return slices.Compare(a[:], b[:]) })
		require.Equal(t, ids, m.pool.Listed(d.Sender))
		require.Equal(t, block.DigestMessages(m.live[0].Network(), ids), d.Digest)
	}
}

func (m *model) check(t *rapid.T) {
	m.digests(t)
	require.LessOrEqual(t, m.pool.Len(), m.limits.Messages)
	require.LessOrEqual(t, m.pool.Bytes(), m.limits.Bytes)
	require.Equal(t, len(m.live), m.pool.Len())
	require.Equal(t, m.bytes(), m.pool.Bytes())
	require.Equal(t, m.counts, m.pool.Counts())
	var all, candidates []block.MessageID
	for _, e := range m.live {
		count, bytes := m.share(e.Sender())
		require.LessOrEqual(t, count, m.limits.PerSender)
		require.LessOrEqual(t, bytes, m.limits.SenderBytes)
		all = append(all, e.ID())
		if e.local || m.include == mempool.All {
			candidates = append(candidates, e.ID())
		}
	}
	var visited []block.MessageID
	m.pool.Each(func(e *mempool.Entry) bool {
		visited = append(visited, e.Message.ID())
		return true
	})
	require.Equal(t, all, visited)
	require.Equal(t, len(candidates), len(eligible(m.pool)))
	require.ElementsMatch(t, candidates, ids(eligible(m.pool)))
	for _, offered := range m.made {
		held, ok := m.pool.Get(offered.ID())
		require.Equal(t, m.find(offered.ID()) >= 0, ok)
		require.True(t, !ok || held.ID() == offered.ID())
		wanted := m.pool.Wants(offered.ID(), offered.Sender())
		if tight := m.tight[offered.Sender()] || m.allTight; tight {
			require.False(t, wanted, "one did not fit")
		} else if m.verdict(offered) == nil {
			require.True(t, wanted, "a message that would be accepted is wanted")
		}
	}
}

// After any sequence of operations the mempool behaves as the model does and keeps every limit.
func TestMempoolBehavesAsItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := mempool.Limits{Messages: 6, Bytes: 1100, PerSender: 3, SenderBytes: 450, Known: rapid.IntRange(2, 12).Draw(t, "known"), TTL: 10 * time.Second, Skew: time.Second}
		m := &model{
			limits: limits, include: rapid.SampledFrom([]mempool.Include{mempool.Own, mempool.All}).Draw(t, "include"),
			now: now, horizon: -1, tight: map[keys.Public]bool{}, ahead: map[block.MessageID]bool{}, final: map[block.MessageID]bool{},
		}
		m.pool = mempool.New(m.include, limits)
		t.Repeat(m.actions())
	})
}
