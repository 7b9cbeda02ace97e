package mempool_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// unsure is a mempool with the questions that an application was asked, kept as a list.
type unsure struct {
	*mempool.Mempool
	limits  mempool.Limits
	at      mempool.Moment
	made    []block.Message
	waiting map[block.MessageID]bool // of pending
	pending []block.Message          // in the order of arrival
}

func newUnsure(t *rapid.T) *unsure {
	u := &unsure{at: mempool.Moment{Now: 1000, Wall: 10_000_000}, waiting: map[block.MessageID]bool{}}
	u.limits = mempool.Limits{Messages: 4, Bytes: 1000, PerSender: 2, SenderBytes: 550, TTL: 4 * time.Second, Skew: time.Second, Known: 100}
	u.Mempool = mempool.New(mempool.All, u.limits)
	for i := range 16 {
		key := keys.FromSeed([32]byte{byte(i % 3)})
		m, err := block.NewMessage(key, "net", "", fmt.Appendf(nil, "%0*d", 1+i*12, i), u.at.Wall+int64(i%5-2)*900)
		require.NoError(t, err)
		u.made = append(u.made, m)
	}
	return u
}

func (u *unsure) place(id block.MessageID) int {
	return slices.IndexFunc(u.pending, func(m block.Message) bool { return m.ID() == id })
}

func (u *unsure) leave(id block.MessageID) {
	if i := u.place(id); i >= 0 {
		u.pending = slices.Delete(u.pending, i, i+1)
		delete(u.waiting, id)
	}
}

func (u *unsure) step(t *rapid.T) {
	m := rapid.SampledFrom(u.made).Draw(t, "message")
	id := m.ID()
	switch rapid.IntRange(0, 8).Draw(t, "step") {
	case 0, 1, 2:
		ask, err := u.Reserve(m, false, u.at)
		require.Equal(t, ask, err == nil)
		if ask {
			u.pending = append(u.pending, m)
		}
	case 3:
		_, before := u.Get(id)
		admitted := u.Admit(id, u.at)
		_, there := u.Get(id)
		require.Equal(t, admitted, there && !before)
		require.True(t, !admitted || u.place(id) >= 0)
		u.leave(id)
	case 4:
		u.Refuse(id)
		u.leave(id)
		require.False(t, u.Wants(id, m.Sender()))
	case 5:
		waits, _ := u.Postpone(id)
		require.Equal(t, u.place(id) >= 0, waits)
		if waits {
			u.waiting[id] = true
		}
	case 6:
		u.again(t)
	case 7:
		u.Drop([]block.MessageID{id}, u.at.Wall)
		u.leave(id)
	default:
		wait := rapid.Int64Range(0, 1500).Draw(t, "wait")
		u.at = mempool.Moment{Now: u.at.Now + wait, Wall: u.at.Wall + wait}
		u.Expire(u.at.Now)
		for _, m := range slices.Clone(u.pending) {
			if m.Time()+u.limits.TTL.Milliseconds() <= u.at.Wall {
				u.leave(m.ID())
			}
		}
	}
}

// again asks again about all that waits.
func (u *unsure) again(t *rapid.T) {
	var want []block.MessageID
	for _, m := range u.pending {
		if u.waiting[m.ID()] {
			want = append(want, m.ID())
		}
	}
	var got []block.MessageID
	for _, m := range u.AskAgain() {
		got = append(got, m.ID())
	}
	require.Equal(t, want, got)
	clear(u.waiting)
}

// What waits for the application is bounded by the limits of the mempool, of each sender and of
// all, and nothing is lost or left over, whatever the answers and whatever happens meanwhile.
func TestPendingMessagesCountTowardsTheLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := newUnsure(t)
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			u.step(t)
			count, bytes := u.Pending()
			require.Equal(t, len(u.pending), count)
			require.Equal(t, len(u.waiting), u.Waiting())
			sums, shares, sizes := 0, map[keys.Public]int{}, map[keys.Public]int{}
			for _, m := range u.pending {
				body, ok := u.Body(m.ID())
				require.True(t, ok && body.ID() == m.ID(), "a block may have it")
				require.False(t, u.Wants(m.ID(), m.Sender()))
				sums += m.Size()
				shares[m.Sender()]++
				sizes[m.Sender()] += m.Size()
			}
			require.Equal(t, sums, bytes)
			u.Each(func(e *mempool.Entry) bool {
				shares[e.Message.Sender()]++
				sizes[e.Message.Sender()] += e.Message.Size()
				return true
			})
			require.LessOrEqual(t, u.Len()+count, u.limits.Messages)
			require.LessOrEqual(t, u.Bytes()+bytes, u.limits.Bytes)
			for sender := range shares {
				require.LessOrEqual(t, shares[sender], u.limits.PerSender)
				require.LessOrEqual(t, sizes[sender], u.limits.SenderBytes)
			}
		}
		u.empty(t)
	})
}

// empty lets everything leave and checks that all the room is free.
func (u *unsure) empty(t *rapid.T) {
	for _, m := range u.made {
		u.Refuse(m.ID())
		u.Drop([]block.MessageID{m.ID()}, u.at.Wall)
	}
	for i := range u.limits.Messages {
		m, err := block.NewMessage(keys.FromSeed([32]byte{byte(i % 3)}), "net", "new", []byte{byte(i)}, u.at.Wall)
		require.NoError(t, err)
		ask, err := u.Reserve(m, false, u.at)
		require.NoError(t, err)
		require.True(t, ask)
	}
}

// A client's own submission does not wait for the answer to a question about the same message.
func TestSubmissionOvertakesTheQuestion(t *testing.T) {
	p := mempool.New(mempool.Own, mempool.Limits{PerSender: 1})
	at := mempool.Moment{Now: 1, Wall: 1_000_000}
	m, err := block.NewMessage(keys.FromSeed([32]byte{1}), "net", "", []byte("x"), at.Wall)
	require.NoError(t, err)
	ask, err := p.Reserve(m, false, at)
	require.NoError(t, err)
	require.True(t, ask)
	require.Zero(t, p.Len())
	require.NoError(t, p.Add(m, true, at), "its share holds one message, which is this one")
	require.False(t, p.Admit(m.ID(), at))
	require.Equal(t, 1, p.Len())
	count, _ := p.Pending()
	require.Zero(t, count)
	require.Equal(t, uint64(1), p.Counts().Taken)
}

// An answer that was under way when the application's state changed is asked for again at once.
func TestAnswerFromBeforeAWakeIsAskedForAgain(t *testing.T) {
	p := mempool.New(mempool.All, mempool.Limits{})
	at := mempool.Moment{Now: 1, Wall: 1_000_000}
	m, err := block.NewMessage(keys.FromSeed([32]byte{1}), "net", "", []byte("x"), at.Wall)
	require.NoError(t, err)
	_, err = p.Reserve(m, false, at)
	require.NoError(t, err)
	p.Wake()
	waits, again := p.Postpone(m.ID())
	require.True(t, waits && again)
	require.Len(t, p.AskAgain(), 1)
	waits, again = p.Postpone(m.ID())
	require.True(t, waits)
	require.False(t, again)
}
