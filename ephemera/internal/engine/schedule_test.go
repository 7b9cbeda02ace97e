package engine_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

var seed = flag.Uint64("seed", 0, "run this one schedule of TestSchedules")

// schedule plays a byte string as what a network, crashes and one liar do to three correct members.
// Member 3 is the liar: its engine never runs, and it signs what the schedule says.
type schedule struct {
	*checker
	input  []byte
	texts  int
	forged []block.Block
}

const liar = 3

// next returns the next byte of the schedule, reduced below a limit.
func (s *schedule) next(limit int) int {
	if len(s.input) == 0 || limit <= 1 {
		return 0
	}
	b := s.input[0]
	s.input = s.input[1:]
	return int(b) % limit
}

func runSchedule(t require.TestingT, input []byte) {
	if len(input) > 400 {
		input = input[:400]
	}
	include := mempool.Own
	if len(input) > 0 && input[0]%2 == 1 {
		include = mempool.All
	}
	c := newCluster(t, 4, engine.Config{Include: include}, membership.Limits{})
	s := &schedule{checker: watch(c), input: input}
	for i := range liar {
		s.restart(i)
	}
	for len(s.input) > 0 {
		s.move()
	}
	s.converge(liar)
}

// move makes one move.
func (s *schedule) move() {
	switch s.next(16) {
	case 0, 1:
		s.deliverOne()
	case 2, 3:
		s.deliver(everything)
	case 4:
		s.deliver(filter{from: s.next(4), to: s.next(4)})
	case 5:
		if len(s.flight) > 0 {
			i := s.next(len(s.flight))
			s.flight = slices.Delete(s.flight, i, i+1)
		}
	case 6:
		if len(s.history) > 0 {
			s.flight = append(s.flight, s.history[len(s.history)-1-s.next(min(len(s.history), 256))])
		}
	case 7:
		s.advance(int64(s.next(256))*8, false)
	case 8, 9:
		s.texts++
		s.submit(s.next(liar), fmt.Sprint("text ", s.texts))
	case 10:
		s.stop(s.next(liar))
	case 11:
		names := []string{"persist-vote", "persist-certified", "sign-echo", "sign-proposal", "deliver", "send-certificate", "persist-evidence"}
		name := names[s.next(len(names))]
		s.members[s.next(liar)].crash = []crash{{after: name}, {before: name}}[s.next(2)]
	case 12:
		s.restart(s.next(liar))
	case 13:
		s.lie()
	case 14:
		s.members[s.next(liar)].verdicts[s.next(4)] = []verdict.Decision{verdict.Later(""), verdict.Accept()}[s.next(2)]
	case 15:
		s.step(s.next(liar), engine.Wake{})
	}
}

func (s *schedule) deliverOne() {
	if len(s.flight) == 0 {
		return
	}
	i := s.next(len(s.flight))
	p := s.flight[i]
	s.flight = slices.Delete(s.flight, i, i+1)
	s.receive(p)
}

// lie is a move of the liar. It shows another block for some slot of its chain to some members,
// echoes what somebody proposed, or shows a certificate to one member as soon as there are enough
// echoes.
func (s *schedule) lie() {
	switch s.next(4) {
	case 0, 1:
		height, parent := uint64(1), block.ID{}
		if len(s.forged) > 0 && s.next(2) == 1 {
			below := s.forged[s.next(len(s.forged))]
			height, parent = below.Header.Height+1, below.ID()
		}
		s.texts++
		b := s.forge(liar, height, parent, fmt.Sprint("lie ", s.texts))
		s.forged = append(s.forged, b)
		shown := s.next(8)
		for to := range liar {
			if shown&(1<<to) != 0 {
				s.send(liar, to, wire.Messages{Messages: b.Messages}, false)
				s.send(liar, to, wire.Proposal{Proposal: b.Proposal()}, false)
			}
		}
	case 2:
		for _, p := range s.history {
			if f, ok := p.frame.(wire.Proposal); ok && p.to == liar {
				s.send(liar, p.from, wire.Echo{Echo: s.echo(liar, f.Header.Slot(), f.Header.ID())}, false)
			}
		}
	case 3:
		for _, b := range s.forged {
			if signatures := s.echoesOf(b); len(signatures) >= s.group.Q() {
				proof := certificate.New(s.group, b.Header.Slot(), b.ID(), signatures)
				s.send(liar, s.next(liar), wire.Certificate{Certificate: proof}, false)
			}
		}
	}
}

// echoesOf returns the echoes that members sent the liar for one of its blocks, lost or not, and
// the liar's own.
func (s *schedule) echoesOf(b block.Block) map[int]keys.Signature {
	id := b.ID()
	signatures := map[int]keys.Signature{liar: s.echo(liar, b.Header.Slot(), id).Signature}
	for _, p := range s.history {
		if f, ok := p.frame.(wire.Echo); ok && f.Block == id {
			signatures[s.place(f.Signer)] = f.Signature
		}
	}
	return signatures
}

func randomSchedule(seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 0))
	input := make([]byte, 40+random.IntN(360))
	for i := range input {
		input[i] = byte(random.Uint32())
	}
	return input
}

// Whatever the network, crashes and one liar of four members do, no guarantee of PROTOCOL.md is
// broken, and afterwards the correct members agree.
func TestSchedules(t *testing.T) {
	if *seed != 0 {
		runSchedule(t, randomSchedule(*seed))
		return
	}
	count := uint64(300)
	if testing.Short() {
		count = 40
	}
	for i := uint64(1); i <= count; i++ {
		if !t.Run(fmt.Sprint("seed ", i), func(t *testing.T) { runSchedule(t, randomSchedule(i)) }) {
			t.Logf("again: go test ./ephemera/internal/engine -run 'TestSchedules$' -seed %d", i)
		}
	}
}

// FuzzSchedule searches for a schedule that breaks a promise.
func FuzzSchedule(f *testing.F) {
	for i := range uint64(8) {
		f.Add(randomSchedule(i + 1))
	}
	f.Fuzz(func(t *testing.T, input []byte) { runSchedule(t, input) })
}
