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
BenchmarkRound/n=4-2         	     100	  30.5 ns/op	   12.0 KiB/node	       0 B/op	       0 allocs/op
BenchmarkRound/n=4-2         	     100	  10.5 ns/op	   14.0 KiB/node	       0 B/op	       0 allocs/op
BenchmarkRound/n=4-2         	     100	  12.5 ns/op	   13.0 KiB/node	       0 B/op	       0 allocs/op
PASS
ok  	example.org/a	1.2s
pkg: example.org/b
BenchmarkRound/n=4	       1	  2000000 ns/op
BenchmarkRound/n=4	       1	  4000000 ns/op
ok  	example.org/b	1.2s
?   	example.org/c	[no test files]
`
	all, err := parse(strings.NewReader(output))
	require.NoError(t, err)
	var table strings.Builder
	require.NoError(t, write(&table, all))
	require.Equal(t, `
example.org/a
  Round/n=4  12.50n sec/op  13.00 KiB/node  0.000 B/op  0.000 allocs/op

example.org/b
  Round/n=4  3.000m sec/op
`, table.String())
}

func TestFiguresAreScaledAsBenchstatScalesThem(t *testing.T) {
	for want, c := range map[string]struct {
		value float64
		unit  string
	}{
		"61.72µ sec/op":       {61.721e-6, "sec/op"},
		"1.324Mi B/op":        {1388123, "B/op"},
		"5.130k messages/s":   {5130, "messages/s"},
		"46.10 ed25519-%":     {46.1, "ed25519-%"},
		"561.2µ cpu-s/block":  {0.00056118, "cpu-s/block"},
		"-12.50m cpu-s/block": {-0.0125, "cpu-s/block"},
	} {
		require.Equal(t, want, figure([]float64{c.value}, c.unit))
	}
}

func TestNoBenchmarkIsAnError(t *testing.T) {
	_, err := parse(strings.NewReader("ok  \texample.org/a\t1.2s\n"))
	require.ErrorIs(t, err, errNothing)
}

func TestBrokenLineIsAnErrorAndCostsNoOther(t *testing.T) {
	all, err := parse(strings.NewReader("BenchmarkA-2 10 x ns/op\nBenchmarkB-2 10 7 ns/op\nBenchmarkC-2 \t--- FAIL: BenchmarkC-2\n"))
	require.ErrorContains(t, err, "go test:1: parsing measurement")
	require.ErrorContains(t, err, "go test:3: ")
	require.Len(t, all, 1)
	require.Equal(t, "B", all[0].name)
}
