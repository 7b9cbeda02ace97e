package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMediansByPackageAndUnit(t *testing.T) {
	const output = `goos: linux
goarch: amd64
pkg: example.org/a
cpu: a processor
BenchmarkRound/n=4-2         	     100	  30.5 ns/op	   12.0 KB/node	       0 B/op	       0 allocs/op
BenchmarkRound/n=4-2         	     100	  10.5 ns/op	   14.0 KB/node	       0 B/op	       0 allocs/op
BenchmarkRound/n=4-2         	     100	  20.5 ns/op	   13.0 KB/node	       0 B/op	       0 allocs/op
PASS
ok  	example.org/a	1.2s
pkg: example.org/b
BenchmarkOther    	       1	  2000000 ns/op
BenchmarkOther    	       1	  4000000 ns/op
ok  	example.org/b	1.2s
?   	example.org/c	[no test files]
`
	all, err := parse(strings.NewReader(output))
	require.NoError(t, err)
	var table strings.Builder
	require.NoError(t, write(&table, all))
	require.Equal(t, `
example.org/a
  Round/n=4  20.5 ns/op  13 KB/node  0 B/op  0 allocs/op

example.org/b
  Other  3 ms/op
`, table.String())
}

func TestFiguresHaveFourDigits(t *testing.T) {
	for want, got := range map[string]string{
		"999 ns/op":     figure(999, "ns/op"),
		"61.72 µs/op":   figure(61_721, "ns/op"),
		"2.5 s/op":      figure(2.5e9, "ns/op"),
		"5000 s/op":     figure(5e12, "ns/op"),
		"0 ns/op":       figure(0, "ns/op"),
		"1388123 B/op":  figure(1388123, "B/op"),
		"52.49 KB/node": figure(52.4912, "KB/node"),
		"0.1234 %":      figure(0.1234, "%"),
		"10 %":          figure(10, "%"),
		"0.0005612 s":   figure(0.00056118, "s"),
		"-0.0125 s":     figure(-0.0125, "s"),
	} {
		require.Equal(t, want, got)
	}
}

func TestNoBenchmarkIsAnError(t *testing.T) {
	_, err := parse(strings.NewReader("ok  \texample.org/a\t1.2s\n"))
	require.ErrorIs(t, err, errNothing)
}

func TestBrokenFigureIsAnError(t *testing.T) {
	_, err := parse(strings.NewReader("BenchmarkA-2 10 x ns/op"))
	require.ErrorContains(t, err, "BenchmarkA-2 10 x ns/op")
}
