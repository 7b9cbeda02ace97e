package rewards_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// judge is a contract that gives the responses in order, and then repeats the last one.
type judge struct {
	mu      sync.Mutex
	answers []error // nil: accepted
	forged  bool    // receipts are signed with another key
	got     []contract.Submission
	detail  contract.EpochDetail
	asked   int
}

func (j *judge) Submit(_ context.Context, s contract.Submission) (contract.Receipt, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.got = append(j.got, s)
	answer := j.answers[min(len(j.got), len(j.answers))-1]
	if answer != nil {
		return contract.Receipt{}, answer
	}
	signer := contracttest.ContractKey()
	if j.forged {
		signer = contracttest.Key(9)
	}
	return contract.Receipt{Network: s.Network, Epoch: s.Epoch, Description: s.Description, Submitter: s.Submitter}.Sign(signer), nil
}

func (j *judge) EpochDetail(context.Context, contract.Epoch) (contract.EpochDetail, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked++
	return j.detail, nil
}

func (j *judge) submissions() []contract.Submission {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]contract.Submission(nil), j.got...)
}

func problem(kind contract.Kind, retry int64) *contract.Problem {
	p := contract.NewProblem(kind, "because")
	p.RetryAfterMS = retry
	return p
}

// submitting runs a submitter of Nym-API 1 until the test ends.
func submitting(t *testing.T, store *rewards.Store, calendar *calendar, asked *judge, staged bool) *rewards.Submitter {
	t.Helper()
	s := rewards.NewSubmitter(rewards.Submitter{
		Key: public(1), Store: store, Calendar: calendar, Contract: asked, Staged: staged, Logger: silent(),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return s
}

func addSubmission(t *testing.T, store *rewards.Store, d contract.Description) []byte {
	t.Helper()
	body := contracttest.Submission(d, 1).Encode()
	added, err := store.AddSubmission(t.Context(), rewards.Submission{Epoch: d.Epoch, Body: body, Made: d.End}, nil)
	require.NoError(t, err)
	require.True(t, added)
	return body
}

func settled(t *testing.T, store *rewards.Store) rewards.Submission {
	t.Helper()
	var s rewards.Submission
	eventually(t, func() bool {
		var err error
		s, err = store.Submission(t.Context(), 1)
		return err == nil && s.Outcome != rewards.Pending
	}, "settled")
	return s
}

func TestASubmissionIsSentUntilTheContractHasDecided(t *testing.T) {
	winner := contract.Winner{Name: "nymapi-3", Key: public(3)}
	decided := problem(contract.Decided, 0)
	decided.Winner = &winner
	away := errors.New("connection refused")
	for _, test := range []struct {
		name    string
		answers []error
		outcome rewards.Outcome
		tries   int
	}{
		{"accepted", []error{nil}, rewards.Accepted, 1},
		{"away, then accepted", []error{away, away, nil}, rewards.Accepted, 3},
		{"told to come back", []error{problem(contract.EarlierOpen, 20), problem(contract.Internal, 0), nil}, rewards.Accepted, 3},
		{"too many requests", []error{problem(contract.TooManyRequests, 10), nil}, rewards.Accepted, 2},
		{"our clock is ahead", []error{problem(contract.NotOver, 0), nil}, rewards.Accepted, 2},
		{"somebody else won", []error{away, decided}, rewards.Late, 2},
		{"missed", []error{problem(contract.Missed, 0)}, rewards.Closed, 1},
		{"wrong result", []error{problem(contract.WrongResult, 0)}, rewards.Refused, 1},
		{"not a member", []error{problem(contract.NotMember, 0)}, rewards.Refused, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := describe(1, 4)
			calendar, store, asked := newCalendar(d), openStore(t, t.TempDir()), &judge{answers: test.answers}
			s := submitting(t, store, calendar, asked, false)
			body := addSubmission(t, store, d)
			s.Notify()
			stored := settled(t, store)
			require.Equal(t, test.outcome, stored.Outcome, stored.Reason)
			require.Equal(t, test.outcome == rewards.Accepted, stored.Receipt != nil)
			require.Len(t, asked.submissions(), test.tries)
			for _, sent := range asked.submissions() {
				require.Equal(t, body, sent.Encode(), "the same bytes every time")
			}
			eventually(t, func() bool { return calendar.pokes() > 0 }, "the calendar is polled")
			if test.outcome == rewards.Late {
				w, err := store.Winner(t.Context(), contracttest.Group(4), 1)
				require.NoError(t, err)
				require.Equal(t, winner, w.Winner)
			}
		})
	}
}

func TestAForgedReceiptIsRefused(t *testing.T) {
	d := describe(1, 4)
	store := openStore(t, t.TempDir())
	addSubmission(t, store, d)
	submitting(t, store, newCalendar(d), &judge{answers: []error{nil}, forged: true}, false)
	require.Equal(t, rewards.Refused, settled(t, store).Outcome)
}

func TestAStoredSubmissionIsSentAfterARestart(t *testing.T) {
	d, dir := describe(1, 4), t.TempDir()
	addSubmission(t, openStore(t, dir), d)
	store := openStore(t, dir)
	submitting(t, store, newCalendar(d), &judge{answers: []error{nil}}, false)
	require.Equal(t, rewards.Accepted, settled(t, store).Outcome)
}

// placed returns an epoch in which Nym-API 1 of four has that place.
func placed(t *testing.T, place int) contract.Description {
	t.Helper()
	for shift := range contract.Millis(1000) {
		d := describe(1, 4)
		d.Start += shift
		if rewards.Place(d.Hash(), d.Group.Members(), public(1)) == place {
			return d
		}
	}
	t.Fatalf("no epoch of a thousand has place %d", place)
	return contract.Description{}
}

func TestStagedSubmissionsWaitForTheirTurn(t *testing.T) {
	d := placed(t, 2)
	calendar, store, asked := newCalendar(d), openStore(t, t.TempDir()), &judge{answers: []error{nil}}
	asked.detail.Status = contract.StatusOpen
	addSubmission(t, store, d)
	submitting(t, store, calendar, asked, true)
	turn := d.End + 2*(d.End-d.Start)/20
	calendar.set(turn - 1)
	require.Empty(t, asked.submissions())
	calendar.set(turn)
	require.Equal(t, rewards.Accepted, settled(t, store).Outcome)
	require.Equal(t, 1, asked.asked)
}

func TestStagedSubmissionsAreNotSentWhenTheEpochIsDecided(t *testing.T) {
	winner := &contract.Winner{Name: "nymapi-2", Key: public(2)}
	for name, tell := range map[string]func(*calendar, *judge, contract.Description){
		"the calendar knows": func(c *calendar, _ *judge, _ contract.Description) { c.settle(1, contract.StatusRewarded, winner) },
		"the contract tells": func(c *calendar, j *judge, d contract.Description) {
			j.detail.Status, j.detail.Winner = contract.StatusRewarded, winner
			c.set(d.End + 60_000)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := placed(t, 3)
			calendar, store, asked := newCalendar(d), openStore(t, t.TempDir()), &judge{answers: []error{nil}}
			tell(calendar, asked, d)
			addSubmission(t, store, d)
			submitting(t, store, calendar, asked, true)
			stored := settled(t, store)
			require.Equal(t, rewards.Late, stored.Outcome)
			require.Contains(t, stored.Reason, "nymapi-2")
			require.Empty(t, asked.submissions())
		})
	}
}

func TestPlacesAreAPermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := contract.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		n := rapid.IntRange(1, 20).Draw(t, "n")
		members := contracttest.Group(n).Members()
		seen := map[int]keys.Public{}
		for _, member := range rapid.Permutation(members).Draw(t, "order") {
			place := rewards.Place(hash, members, member)
			require.NotContains(t, seen, place)
			require.Less(t, place, n)
			seen[place] = member
		}
		require.Equal(t, n, rewards.Place(hash, members, public(99)))
	})
}

func TestEveryMemberIsFirstEquallyOften(t *testing.T) {
	members, first := contracttest.Group(4).Members(), map[keys.Public]int{}
	for i := range 400 {
		hash := contract.Hash{byte(i), byte(i >> 8)}
		for _, member := range members {
			if rewards.Place(hash, members, member) == 0 {
				first[member]++
			}
		}
	}
	for _, member := range members {
		require.InDelta(t, 100, first[member], 35) // four standard deviations
	}
}
