package simulation

import "errors"

// Costs are the processing times of a node, in nanoseconds. With the zero value all work takes no
// time.
type Costs struct {
	Frame     int64 // a frame arrives: stream, decryption, scheduling
	DecodeKiB int64 // 1024 bytes of a frame arrive and are decoded
	Check     int64 // a signature is checked
	Call      int64 // the application is called
	Step      int64 // the engine takes an event
	Lookup    int64 // and looks up one of the messages that the event names
	Sign      int64 // a signature is made
	Send      int64 // a frame is put on a stream
	EncodeKiB int64 // 1024 bytes of a frame are encoded and put on a stream
	ReadKiB   int64 // 1024 bytes of a stored block are read and checked
	Connect   int64 // a member connects: handshake
	Commit    int64 // the disk makes a commit durable; the processor is free meanwhile
	CommitKiB int64 // and for each 1024 bytes of it
}

// measuredCosts returns the costs of the shipped code for a node that gets one part in share of a
// core of the machine on which it is developed. They are measured by the command below, except for
// Connect, which is an estimate.
//
//	go test -run '^$' -bench Costs ./simulation
func measuredCosts(share int64) Costs {
	return Costs{
		Frame: 10_000 * share, DecodeKiB: 5_200 * share, Check: 40_500 * share, Call: 300 * share, Step: 13_400 * share,
		Lookup: 7 * share, Sign: 17_600 * share, Send: 10_000 * share, EncodeKiB: 1_500 * share, ReadKiB: 9_500 * share,
		Connect: 1_000_000 * share, Commit: 800_000, CommitKiB: 5_000,
	}
}

func (c Costs) validate() error {
	for _, cost := range []int64{
		c.Frame, c.DecodeKiB, c.Check, c.Call, c.Step, c.Lookup, c.Sign, c.Send, c.EncodeKiB, c.ReadKiB, c.Connect, c.Commit, c.CommitKiB,
	} {
		if cost < 0 || cost > maxCost {
			return errors.New("schedule: a cost is negative or more than a second")
		}
	}
	return nil
}

// maxCost bounds a cost, so that no sum overflows.
const maxCost = int64(1_000_000_000)

// perKiB returns what some bytes cost.
func perKiB(cost int64, bytes int) int64 { return cost * int64(bytes) / 1024 }
