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
	Sign      int64 // a signature is made
	Send      int64 // a frame is put on a stream
	EncodeKiB int64 // 1024 bytes of a frame are encoded and put on a stream
	ReadKiB   int64 // 1024 bytes of a stored block are read and checked
	Connect   int64 // a member connects: handshake
	Commit    int64 // the disk makes a commit durable; the processor is free meanwhile
	CommitKiB int64 // and for each 1024 bytes of it
}

// measuredCosts returns the costs of the shipped code on the machine on which it is developed, one
// of whose two cores was busy with other work. This measures them:
//
//	go test -run '^$' -bench Costs ./simulation
func measuredCosts() Costs {
	return Costs{
		Frame: 10_000, DecodeKiB: 6_900, Check: 60_000, Call: 600, Step: 20_000, Sign: 40_000, Send: 10_000, EncodeKiB: 1_700,
		ReadKiB: 6_000, Connect: 500_000, Commit: 1_200_000, CommitKiB: 3_600,
	}
}

func (c Costs) validate() error {
	for _, cost := range []int64{
		c.Frame, c.DecodeKiB, c.Check, c.Call, c.Step, c.Sign, c.Send, c.EncodeKiB, c.ReadKiB, c.Connect, c.Commit, c.CommitKiB,
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
