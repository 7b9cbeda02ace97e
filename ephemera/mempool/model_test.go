package mempool_test

import (
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
	limits  mempool.Limits
	include mempool.Include
	now     int64
	made    []block.Message   // every message that was ever offered
	live    []modelEntry      // in the order of arrival
	done    []block.MessageID // left recently, oldest first
	counts  mempool.Counts
	pool    *mempool.Mempool

	tight    map[keys.Public]bool // senders of whom a message did not fit, and none has left since
	allTight bool
}

type modelEntry struct {
	block.Message
	local bool
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
	case m.find(offered.ID()) >= 0 || slices.Contains(m.done, offered.ID()):
		return mempool.ErrDuplicate
	case offered.Time() > m.now+m.limits.Skew.Milliseconds():
		return mempool.ErrFuture
	case offered.Time()+m.limits.TTL.Milliseconds() <= m.now:
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
	err := m.pool.Add(offered, local, m.now)
	i := m.find(offered.ID())
	switch {
	case want == nil:
		require.NoError(t, err)
		m.counts.Taken++
		m.live = append(m.live, modelEntry{offered, local})
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

func (m *model) drop(ids []block.MessageID, count *uint64) {
	for _, id := range ids {
		if i := m.find(id); i >= 0 {
			m.leave(i)
			*count++
		}
		if !slices.Contains(m.done, id) {
			m.done = append(m.done, id)
		}
		m.done = m.done[max(0, len(m.done)-4*m.limits.Messages):]
	}
}

func (m *model) actions() map[string]func(*rapid.T) {
	some := func(t *rapid.T) []block.MessageID {
		if len(m.made) == 0 {
			t.Skip("nothing was offered yet")
		}
		return ids(rapid.SliceOfN(rapid.SampledFrom(m.made), 1, 3).Draw(t, "messages"))
	}
	return map[string]func(*rapid.T){
		"add a new message": func(t *rapid.T) {
			text := rapid.StringN(0, 40, 200).Draw(t, "text")
			age := rapid.Int64Range(-1500, 11_000).Draw(t, "age")
			offered := message(t, rapid.ByteRange(0, 3).Draw(t, "sender"), text, m.now-age)
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
			dropped := some(t)
			m.pool.Drop(dropped)
			m.drop(dropped, &m.counts.Dropped)
		},
		"certify": func(t *rapid.T) {
			certified, own := some(t), rapid.Bool().Draw(t, "own")
			m.pool.Certified(certified, own)
			if own || m.include == mempool.Own {
				m.drop(certified, &m.counts.Included)
			}
		},
		"let time pass": func(t *rapid.T) {
			m.now += rapid.Int64Range(0, 4000).Draw(t, "milliseconds")
			before := len(m.live)
			for i := len(m.live) - 1; i >= 0; i-- {
				if m.pool.Expiry(m.live[i].Message) <= m.now {
					m.leave(i)
				}
			}
			removed, next := m.pool.Expire(m.now)
			require.Equal(t, before-len(m.live), removed)
			m.counts.TimedOut += uint64(removed)
			want := int64(0)
			for _, e := range m.live {
				if expiry := m.pool.Expiry(e.Message); want == 0 || expiry < want {
					want = expiry
				}
			}
			require.Equal(t, want, next)
		},
		"": m.check,
	}
}

// check compares everything that is visible from outside, and checks the limits.
func (m *model) check(t *rapid.T) {
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
		limits := mempool.Limits{Messages: 6, Bytes: 1100, PerSender: 3, SenderBytes: 450, TTL: 10 * time.Second, Skew: time.Second}
		m := &model{
			limits: limits, include: rapid.SampledFrom([]mempool.Include{mempool.Own, mempool.All}).Draw(t, "include"),
			now: now, tight: map[keys.Public]bool{},
		}
		m.pool = mempool.New(m.include, limits)
		t.Repeat(m.actions())
	})
}
