package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// The ratio is that of each pair, so a noisy pair does not decide.
func TestRatiosAreThoseOfPairs(t *testing.T) {
	ours := []figures{{P50: 10 * time.Millisecond}, {P50: 100 * time.Millisecond}, {P50: 20 * time.Millisecond}}
	theirs := []figures{{P50: 30 * time.Millisecond}, {P50: 300 * time.Millisecond}, {P50: 20 * time.Millisecond}}
	if got := ratio(theirs, ours, func(f figures) float64 { return milliseconds(f.P50) }); got != 3 {
		t.Errorf("ratio %v, expected 3", got)
	}
	if got := median([]float64{4, 1}); got != 2.5 {
		t.Errorf("median %v, expected 2.5", got)
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for _, args := range []string{"-n 0", "-n 4,x", "-n 101", "-rounds 0", "-pairs 0", "-only raft"} {
		if err := run(context.Background(), strings.Fields(args), &bytes.Buffer{}); err == nil {
			t.Errorf("%s was accepted", args)
		}
	}
}

// Both systems deliver every report at every member.
func TestBothSystemsRunRounds(t *testing.T) {
	for name, start := range systems {
		c, err := start(t.Context(), t.TempDir(), 4)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for number := range 2 {
			if err := one(t.Context(), c, number); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}
