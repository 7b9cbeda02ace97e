package webserver_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

func TestOneAddressHasAtMostHalf(t *testing.T) {
	s := webserver.NewShares(10, 0)
	require.Nil(t, s.Take("a", 6, nil))
	first := s.Take("a", 3, nil)
	require.NotNil(t, first)
	require.True(t, first.Grow(2))
	require.False(t, first.Grow(1))
	first.Release()
	first.Release()
	require.NotNil(t, s.Take("a", 5, nil), "what was released can be taken")
	require.NotNil(t, webserver.NewShares(1, 0).Take("a", 1, nil), "one place has no half")
}

func TestNoNumberOfAddressesKeepsAnotherOut(t *testing.T) {
	s := webserver.NewShares(100, 0)
	var lost []string
	for i := range 20 { // all that there is, five for each of twenty addresses
		for j := range 5 {
			require.NotNil(t, s.Take(fmt.Sprint("stranger", i), 1, func() { lost = append(lost, fmt.Sprint(i, ".", j)) }))
		}
	}
	for i := range 4 {
		require.NotNil(t, s.Take("honest", 1, func() { require.Fail(t, "an address that has less is not cut") }), i)
	}
	require.Equal(t, []string{"0.0", "1.0", "2.0", "3.0"}, lost, "the oldest hold of an address that has the most")
	require.Nil(t, s.Take("honest", 1, nil), "it would have no less than the others")
}

func TestHoldThatIsLostStaysLost(t *testing.T) {
	s := webserver.NewShares(4, 0)
	held := s.Take("a", 2, func() {})
	keeps := func() { require.Fail(t, "not the one that has the most") }
	for _, other := range []string{"b", "c", "d"} { // the last one takes from a
		require.NotNil(t, s.Take(other, 1, keeps))
	}
	require.True(t, held.Lost())
	require.False(t, held.Grow(1))
	held.Release()
	require.NotNil(t, s.Take("e", 1, keeps), "a loss and a release return it once")
	require.Nil(t, s.Take("f", 1, nil))
}

func TestOldHoldGivesWayToOneAboutAsLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, lost := webserver.NewShares(4, time.Second), ""
		for _, address := range []string{"a", "b"} {
			require.NotNil(t, s.Take(address, 2, func() { lost += address }))
		}
		require.Nil(t, s.Take("c", 2, nil))
		time.Sleep(2 * time.Second) // virtual
		require.NotNil(t, s.Take("c", 2, nil))
		require.Equal(t, "a", lost)
		require.Nil(t, s.Take("b", 1, nil), "an address takes nothing from itself")
	})
}
