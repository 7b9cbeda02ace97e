package mempool_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// signer signs with a hash: a mempool gets verified messages and does not look at signatures.
type signer byte

func (s signer) Public() keys.Public { return keys.Public{byte(s) + 1, 1} }

func (s signer) Sign(signing []byte) keys.Signature {
	digest := sha256.Sum256(signing)
	return keys.Signature(append(digest[:], digest[:]...))
}

func message(t require.TestingT, sender byte, text string, at int64) block.Message {
	m, err := block.NewMessage(signer(sender), "mempool-test", "note", []byte(text), at)
	require.NoError(t, err)
	return m
}

func none(block.MessageID) bool { return false }

func ids(messages []block.Message) []block.MessageID {
	out := make([]block.MessageID, len(messages))
	for i, m := range messages {
		out[i] = m.ID()
	}
	return out
}

const now = int64(1_700_000_000_000)

// moment is a time at which both clocks agree.
func moment(at int64) mempool.Moment { return mempool.Moment{Now: at, Wall: at} }

func TestEveryRefusalIsCounted(t *testing.T) {
	p := mempool.New(mempool.Own, mempool.Limits{Messages: 2, PerSender: 1})
	ttl, skew := mempool.Limits{}.WithDefaults().TTL.Milliseconds(), mempool.Limits{}.WithDefaults().Skew.Milliseconds()
	m := message(t, 0, "taken", now)
	for _, offered := range []block.Message{
		m, m, message(t, 0, "quota", now), message(t, 1, "old", now-ttl), message(t, 1, "new", now+skew+1), message(t, 1, "taken", now),
		message(t, 2, "full", now),
	} {
		_ = p.Add(offered, false, moment(now))
	}
	require.NoError(t, p.Add(message(t, 2, "there is room", now+1), false, moment(now+ttl)), "expired messages make room")
	require.Equal(t, mempool.Counts{Taken: 3, Duplicate: 1, Quota: 1, Expired: 1, Future: 1, Full: 1, TimedOut: 2}, p.Counts())
}

// A message is accepted once, even after it left with a certified block. Submitting a known message
// makes it local.
func TestMessageIsTakenOnce(t *testing.T) {
	p := mempool.New(mempool.Own, mempool.Limits{})
	m := message(t, 0, "once", now)
	require.NoError(t, p.Add(m, false, moment(now)))
	require.ErrorIs(t, p.Add(m, false, moment(now)), mempool.ErrDuplicate)
	require.Empty(t, eligible(p), "another member's message is not a candidate")
	require.NoError(t, p.Add(m, true, moment(now)), "gossip was faster than the client")
	require.Equal(t, ids([]block.Message{m}), ids(eligible(p)))
	require.ErrorIs(t, p.Add(m, true, moment(now)), mempool.ErrDuplicate)
	p.Certified([]block.Message{m}, false, now)
	require.Zero(t, p.Len())
	require.Zero(t, p.Bytes())
	require.ErrorIs(t, p.Add(m, true, moment(now)), mempool.ErrDuplicate)
	require.False(t, p.Wants(m.ID(), m.Sender()))
}

// With All, a message leaves with a certified own block, and stays when another member's block
// holds it.
func TestIncludeAllKeepsWhatOthersCertified(t *testing.T) {
	p := mempool.New(mempool.All, mempool.Limits{})
	m := message(t, 0, "for every chain", now)
	require.NoError(t, p.Add(m, false, moment(now)))
	require.Len(t, eligible(p), 1, "it may be included although nobody submitted it here")
	p.Certified([]block.Message{m}, false, now)
	require.Len(t, eligible(p), 1)
	p.Certified([]block.Message{m}, true, now)
	require.Empty(t, eligible(p))
	require.ErrorIs(t, p.Add(m, false, moment(now)), mempool.ErrDuplicate, "once per chain")
}

// A message's age counts from the time that its sender signed, not from its arrival.
func TestMessageExpiresByItsSignedTime(t *testing.T) {
	limits := mempool.Limits{TTL: time.Minute, Skew: 10 * time.Second}
	ttl, skew := limits.TTL.Milliseconds(), limits.Skew.Milliseconds()
	p := mempool.New(mempool.All, limits)
	require.ErrorIs(t, p.Add(message(t, 0, "a", now-ttl), false, moment(now)), mempool.ErrExpired)
	require.ErrorIs(t, p.Add(message(t, 0, "b", now+skew+1), false, moment(now)), mempool.ErrFuture)
	require.NoError(t, p.Add(message(t, 0, "c", now-ttl+1), false, moment(now)))
	require.NoError(t, p.Add(message(t, 0, "d", now+skew), false, moment(now)))

	removed, next := p.Expire(now)
	require.Zero(t, removed)
	require.Equal(t, now+1, next)
	removed, next = p.Expire(next)
	require.Equal(t, 1, removed)
	require.Equal(t, now+skew+ttl, next)
	removed, next = p.Expire(next)
	require.Equal(t, 1, removed)
	require.Zero(t, next)
	require.Zero(t, p.Bytes())
}

// A quota is per sender: when one is used up, other senders' messages are still accepted.
func TestQuotaIsPerSender(t *testing.T) {
	p := mempool.New(mempool.All, mempool.Limits{PerSender: 2})
	for i := range 2 {
		require.NoError(t, p.Add(message(t, 7, fmt.Sprint(i), now), false, moment(now)))
	}
	third := message(t, 7, "third", now)
	require.False(t, p.Wants(third.ID(), third.Sender()))
	require.ErrorIs(t, p.Add(third, false, moment(now)), mempool.ErrQuota)
	other := message(t, 8, "other", now)
	require.True(t, p.Wants(other.ID(), other.Sender()))
	require.NoError(t, p.Add(other, false, moment(now)))
	p.Drop(ids(eligible(p)[:1]), now)
	require.NoError(t, p.Add(third, false, moment(now)), "room again")
}

// Candidates and Each return messages in the order of arrival, and Each stops when visit returns
// false.
func TestOrderOfArrival(t *testing.T) {
	p := mempool.New(mempool.All, mempool.Limits{})
	var want []block.MessageID
	for i := range 5 {
		m := message(t, byte(i%2), fmt.Sprint(i), now-int64(i))
		require.NoError(t, p.Add(m, false, moment(now+int64(i))))
		want = append(want, m.ID())
	}
	require.Equal(t, want, ids(eligible(p)))
	var seen []block.MessageID
	p.Each(func(e *mempool.Entry) bool {
		seen = append(seen, e.Message.ID())
		return len(seen) < 3
	})
	require.Equal(t, want[:3], seen)
}

// No sender can fill the mempool with a few large messages.
func TestQuotaCountsBytes(t *testing.T) {
	large := message(t, 7, strings.Repeat("x", 400), now)
	p := mempool.New(mempool.All, mempool.Limits{SenderBytes: 2*large.Size() - 1})
	require.NoError(t, p.Add(large, false, moment(now)))
	require.ErrorIs(t, p.Add(message(t, 7, strings.Repeat("y", 400), now), false, moment(now)), mempool.ErrQuota)
	require.NoError(t, p.Add(message(t, 8, strings.Repeat("y", 400), now), false, moment(now)))
	p.Drop([]block.MessageID{large.ID()}, now)
	require.NoError(t, p.Add(message(t, 7, strings.Repeat("z", 400), now), false, moment(now)), "room again")
}

// A refused message is not wanted, but is accepted if it arrives.
func TestRefusedIsNotWanted(t *testing.T) {
	p := mempool.New(mempool.All, mempool.Limits{})
	m := message(t, 7, "m", now)
	require.True(t, p.Wants(m.ID(), m.Sender()))
	p.Refuse(m.ID())
	require.False(t, p.Wants(m.ID(), m.Sender()))
	require.NoError(t, p.Add(m, false, moment(now)))
}

// A message that comes back from a closed group is a candidate again, does not expire, and leaves
// with its block like any other.
func TestReturnedMessagesDoNotExpire(t *testing.T) {
	limits := mempool.Limits{Messages: 1, TTL: time.Minute}
	p := mempool.New(mempool.Own, limits)
	m := message(t, 7, "m", now)
	require.NoError(t, p.Add(m, true, moment(now)))
	later := now + limits.TTL.Milliseconds()
	p.Expire(later) // while it is in the block
	other := message(t, 7, "other", later)
	require.NoError(t, p.Add(other, true, moment(later)))
	p.Return([]block.Message{m}, moment(later))
	require.Equal(t, ids([]block.Message{other, m}), ids(eligible(p)), "the limits do not keep it out")
	removed, next := p.Expire(later + limits.TTL.Milliseconds())
	require.Equal(t, 1, removed)
	require.Zero(t, next)
	require.Equal(t, ids([]block.Message{m}), ids(eligible(p)))
	p.Certified([]block.Message{m}, true, later)
	require.Zero(t, p.Len())
	require.ErrorIs(t, p.Add(m, true, moment(now)), mempool.ErrDuplicate)
	require.Equal(t, mempool.Counts{Taken: 2, Returned: 1, Included: 1, TimedOut: 2, Duplicate: 1}, p.Counts())

	p.Return([]block.Message{m}, moment(later))
	require.Zero(t, p.Len(), "after a restart the block gives its messages back again, but they were included since")
	p.Recall(nil, later, later)
	p.Return([]block.Message{m}, moment(later))
	require.Zero(t, p.Len(), "or may have been")
}

// eligible returns the candidates of a group to which no message is restricted.
func eligible(p *mempool.Mempool) []block.Message {
	all, _ := p.Candidates(membership.ID{1}, none)
	return all
}

func TestDirectedMessagesAreCandidatesInOneGroup(t *testing.T) {
	p := mempool.New(mempool.Own, mempool.Limits{})
	free, bound := message(t, 1, "free", now), message(t, 2, "bound", now)
	require.NoError(t, p.Add(free, true, moment(now)))
	require.NoError(t, p.Add(bound, true, moment(now)))
	here, there := membership.ID{1}, membership.ID{2}
	p.Direct(bound.ID(), there)

	all, directed := p.Candidates(here, none)
	require.Equal(t, []block.Message{free}, all)
	require.Empty(t, directed)
	all, directed = p.Candidates(there, none)
	require.Equal(t, []block.Message{free, bound}, all)
	require.Equal(t, map[block.MessageID]bool{bound.ID(): true}, directed)

	p.Undirect(there)
	all, directed = p.Candidates(here, none)
	require.Equal(t, []block.Message{free, bound}, all, "its group is closed")
	require.Empty(t, directed)
}

// No f members can fill a shared mempool, and each has room for one message of the largest size.
// digest returns the digest of messages.
func digest(messages ...block.Message) block.Digest {
	sorted := ids(messages)
	slices.SortFunc(sorted, func(a, b block.MessageID) int { return slices.Compare(a[:], b[:]) })
	return block.DigestMessages(messages[0].Network(), sorted)
}

// Digests cover what was there before a moment, and follow every change.
func TestDigestsFollowEveryChange(t *testing.T) {
	p := mempool.New(mempool.Own, mempool.Limits{})
	var all []block.Message
	for i := range 3 {
		all = append(all, message(t, 1, fmt.Sprint(i), 1000))
		require.NoError(t, p.Add(all[i], false, moment(1000+int64(i))))
	}
	sender := all[0].Sender()
	require.Empty(t, p.Digests(0, 10))
	require.False(t, p.RefreshDigests(1002), "the third message is too young")
	require.Equal(t, []mempool.SenderDigest{{Sender: sender, Digest: digest(all[:2]...), Change: 1}}, p.Digests(0, 10))
	require.Len(t, p.Listed(sender), 2)
	require.True(t, p.Agrees(sender, digest(all[:2]...)))
	require.True(t, p.Agrees(sender, digest(all...)), "with what is too young")
	require.False(t, p.Agrees(sender, digest(all[0])))
	require.True(t, p.RefreshDigests(2000))
	require.Equal(t, []mempool.SenderDigest{{Sender: sender, Digest: digest(all...), Change: 2}}, p.Digests(1, 10))
	require.Empty(t, p.Digests(2, 10))

	p.Drop(ids(all[:1]), 2000)
	require.True(t, p.RefreshDigests(2000))
	require.Equal(t, digest(all[1:]...), p.Digests(2, 10)[0].Digest)
	p.Drop(ids(all), 2000)
	require.True(t, p.RefreshDigests(2000))
	require.Empty(t, p.Digests(0, 10))
	require.Equal(t, uint64(4), p.DigestChanges())
}

// What members still name after it has left this mempool is dismissed, until more may be wanted.
func TestDigestsOfWhatLeftAreDismissed(t *testing.T) {
	p := mempool.New(mempool.All, mempool.Limits{Messages: 20})
	var all []block.Message
	for i := range 4 {
		all = append(all, message(t, 1, fmt.Sprint(i), 1000))
		require.NoError(t, p.Add(all[i], false, moment(1000+int64(i))))
	}
	was := digest(all...)
	p.RefreshDigests(1002)
	require.True(t, p.Dismissed(digest(all[:2]...)), "others may have been told so")
	require.False(t, p.Dismissed(was))
	p.Certified(all[:3], false, 2000)
	require.False(t, p.Dismissed(was), "nothing left: it is another member's block")
	p.Certified(all[:3], true, 2000)
	require.True(t, p.Dismissed(was), "although no digest has covered it")
	p.Drop(ids(all[3:]), 2000)
	require.True(t, p.Dismissed(digest(all[3])))
	require.False(t, p.Dismissed(digest(all[1:]...)), "this was never all of them")
	require.Zero(t, p.Len())

	for i := range 20 {
		p.Dismiss(block.Digest{1, byte(i)})
	}
	require.False(t, p.Dismissed(was), "the oldest ones are forgotten")
	for name, more := range map[string]func(){
		"the clock was set": func() { p.ClockStepped(3000) }, "senders were added": p.ForgetRefused,
		"something is recalled": func() { p.Recall(nil, 0, 3000) },
	} {
		p.Dismiss(was)
		more()
		require.False(t, p.Dismissed(was), name)
	}
}

// Digests are given in the order of their changes, so that a reader continues where it ended.
func TestDigestsComeInTheOrderOfChanges(t *testing.T) {
	p := mempool.New(mempool.Own, mempool.Limits{})
	senders := func(digests []mempool.SenderDigest) (out []byte) {
		for _, d := range digests {
			out = append(out, d.Sender[0]-1)
		}
		return out
	}
	for sender := byte(1); sender <= 4; sender++ {
		require.NoError(t, p.Add(message(t, sender, "first", 1000), false, moment(1000)))
	}
	p.RefreshDigests(2000)
	require.Equal(t, []byte{1, 2}, senders(p.Digests(0, 2)))
	require.Equal(t, []byte{3, 4}, senders(p.Digests(2, 2)))
	require.NoError(t, p.Add(message(t, 2, "second", 1000), false, moment(1000)))
	p.RefreshDigests(2000)
	require.Equal(t, []byte{2}, senders(p.Digests(4, 9)))
	require.Equal(t, []byte{1, 3, 4, 2}, senders(p.Digests(0, 9)))
}

func TestShareDividesTheMempool(t *testing.T) {
	members := make([]keys.Public, 10)
	for i := range members {
		members[i] = keys.FromSeed([32]byte{byte(i)}).Public()
	}
	group, err := membership.NewGroup("share", 1, members, membership.Limits{PayloadBytes: 1000, BlockMessages: 10, BlockBytes: 10_000})
	require.NoError(t, err)
	share := mempool.Limits{Messages: 100, Bytes: 1 << 20}.Share(group)
	require.Equal(t, 10, share.PerSender)
	require.Equal(t, 1<<20/10, share.SenderBytes)
	least := mempool.Limits{Messages: 3, Bytes: 3000}.Share(group)
	require.Equal(t, 1, least.PerSender)
	require.Equal(t, 1000+block.MaxMessageOverhead, least.SenderBytes)
	lower := mempool.Limits{PerSender: 2, SenderBytes: 50}.Share(group)
	require.Equal(t, 2, lower.PerSender, "a configured limit stays")
	require.Equal(t, 50, lower.SenderBytes, "a configured limit stays")
}

// What was included is not accepted again, even if it is forgotten and the clock is set back to
// when it was signed. What is signed after everything forgotten is.
func TestNothingForgottenIsAcceptedAgain(t *testing.T) {
	p := mempool.New(mempool.Own, mempool.Limits{Known: 2})
	var all []block.Message
	for i := range int64(4) {
		all = append(all, message(t, 1, fmt.Sprint(i), now+i))
		require.NoError(t, p.Add(all[i], true, moment(now+i)))
	}
	late := message(t, 1, "late", now+1)
	p.Certified([]block.Message{all[3], all[0], all[2], all[1]}, true, now+3)
	for i, want := range []error{mempool.ErrExpired, mempool.ErrExpired, mempool.ErrDuplicate, mempool.ErrDuplicate} {
		require.ErrorIs(t, p.Add(all[i], true, moment(now+4)), want)
		p.ClockStepped(now)
		require.ErrorIs(t, p.Add(all[i], true, mempool.Moment{Now: now + 5, Wall: now}), want)
	}
	require.ErrorIs(t, p.Add(late, true, moment(now+5)), mempool.ErrExpired, "it might have been included")
	require.NoError(t, p.Add(message(t, 1, "new", now+5), true, moment(now+5)))
}

// Messages that are dated ahead inside blocks count as signed when the block came: later ones push
// them out, and not the other way round.
func TestDatedAheadIsForgottenInTurn(t *testing.T) {
	p := mempool.New(mempool.Own, mempool.Limits{Known: 3})
	for i := range int64(3) {
		p.Certified([]block.Message{message(t, 2, "flood", now+1e12+i)}, false, now)
	}
	later := now + 10
	for i := range int64(3) {
		m := message(t, 1, "honest", later+i)
		require.NoError(t, p.Add(m, true, moment(later+i)))
		p.Certified([]block.Message{m}, true, later+i)
		require.ErrorIs(t, p.Add(m, true, moment(later+i)), mempool.ErrDuplicate, "it is remembered")
	}
	require.True(t, p.Complete(now+1))
	require.NoError(t, p.Add(message(t, 1, "signed before the others", now+1), true, moment(later)), "nothing of it was forgotten")
}

// A message keeps the lifetime with which it was accepted, whatever happens to the wall clock.
func TestExpiryDoesNotFollowSteps(t *testing.T) {
	p := mempool.New(mempool.Own, mempool.Limits{TTL: time.Minute})
	require.NoError(t, p.Add(message(t, 1, "m", now-20_000), true, moment(now)))
	p.ClockStepped(now + 1e12)
	removed, next := p.Expire(now + 39_999)
	require.Zero(t, removed)
	require.Equal(t, now+40_000, next)
	removed, _ = p.Expire(next)
	require.Equal(t, 1, removed)
}
