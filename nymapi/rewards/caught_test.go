package rewards_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func membersNames(n int) map[keys.Public]string {
	names := map[keys.Public]string{}
	for _, p := range contracttest.Peers(n) {
		names[p.Key] = p.Name
	}
	return names
}

func sentences(caught []contract.Caught) (list []string) {
	for _, c := range caught {
		list = append(list, c.Text)
	}
	return list
}

func TestMembersAreCaughtByNameAlsoAfterARestart(t *testing.T) {
	first, next := describe(1, 4), describe(2, 4)
	dir, calendar := t.TempDir(), newCalendar(first, next)
	m := openMember(t, dir, 1, 4, calendar)
	check := func(d contract.Description, number int, r metrics.Report) {
		m.CheckMessage(t.Context(), contracttest.Message(d, number, r))
	}
	for _, d := range []contract.Description{first, next} {
		for number := range 4 {
			check(d, number+1, contracttest.Report(d, number+1))
		}
		require.True(t, m.CheckMessage(t.Context(), second(d, 2)).IsAccept())
		require.True(t, m.CheckMessage(t.Context(), second(d, 2)).IsAccept())
	}
	check(next, 3, contracttest.Report(first, 3)) // under the label of another epoch
	m.CheckMessage(t.Context(), labelled(t, first.Label(), []byte("no report"), 3))
	others := contracttest.Report(next, 4)
	others.Mixnodes = contracttest.Mixnodes(4)[1:]
	check(next, 4, others)
	honest := []string{"nymapi-2 signed two reports in epochs 1, 2"}
	wrong := []string{
		"nymapi-3 signed a report that does not count in epochs 1, 2",
		"nymapi-4 signed a report that does not count in epoch 2", "nymapi-4 signed two reports in epoch 2",
	}
	require.Equal(t, append(honest, wrong...), sentences(m.offences.Caught(membersNames(4))))

	// What is nobody's report of a known epoch accuses nobody.
	m.CheckMessage(t.Context(), labelled(t, "notice", []byte("hello"), 1))
	m.CheckMessage(t.Context(), labelled(t, first.Label(), []byte("no report"), 9))
	unknown := describe(3, 4)
	check(unknown, 1, contracttest.Report(unknown, 1))
	require.Len(t, m.offences.Caught(membersNames(4)), 4)

	a, b := contracttest.Block(first, 2, contracttest.Messages(first, 1, 2, 3)), contracttest.Block(first, 2, contracttest.Messages(first, 2, 3, 4))
	m.ObserveEquivocation(t.Context(), store.Evidence{A: a.SignedHeader, B: b.SignedHeader})
	all := sentences(m.offences.Caught(membersNames(4)))
	require.Contains(t, all, "nymapi-2 signed two blocks at height 1 of its chain")

	again := openMember(t, dir, 1, 4, calendar)
	require.Equal(t, all, sentences(again.offences.Caught(membersNames(4))))
	for _, c := range again.offences.Caught(nil) {
		require.Contains(t, []string{public(2).Short(), public(3).Short(), public(4).Short()}, c.Name)
	}
}

// A member that lies in every epoch does not fill the database.
func TestTheNewestOffencesAreKept(t *testing.T) {
	dir := t.TempDir()
	m := openMember(t, dir, 1, 4, newCalendar())
	for height := range contract.MaxCaughtEpochs + 5 {
		d := describe(1, 4)
		a := contracttest.Block(d, 2, contracttest.Messages(d, 1, 2, 3))
		a.Header.Height = uint64(height + 1)
		m.ObserveEquivocation(t.Context(), store.Evidence{A: a.SignedHeader, B: a.SignedHeader})
	}
	for _, held := range []*member{m, openMember(t, dir, 1, 4, newCalendar())} {
		caught := held.offences.Caught(membersNames(4))
		require.Len(t, caught, 1)
		require.Len(t, caught[0].Epochs, contract.MaxCaughtEpochs)
		require.EqualValues(t, 6, caught[0].Epochs[0])
	}
}
