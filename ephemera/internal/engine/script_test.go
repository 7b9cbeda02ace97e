package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// TestScripts runs the scenarios of testdata. A script is read from the top: each command shows
// what followed from it. Blocks are named creator/height, and another block of the same slot has a
// prime. `go test -rewrite` rewrites the outputs.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{forged: map[string]block.Block{}}
		datadriven.RunTest(t, path, s.run)
	})
}

// script is a cluster and the output of its commands.
type script struct {
	*cluster
	out    strings.Builder
	disks  map[int]*memory.Disk // snapshots
	forged map[string]block.Block
}

var commands = map[string]func(*script, *datadriven.TestData){
	"cluster": (*script).newCluster, "submit": (*script).submitText, "deliver": (*script).deliverSome, "drop": (*script).dropSome,
	"flight": (*script).showFlight, "run": (*script).runAll, "tick": (*script).tick, "settle": (*script).settle, "cut": (*script).cutLink,
	"heal": (*script).heal, "crash": (*script).crashMember, "restart": (*script).restart, "snapshot": (*script).snapshot,
	"verdict": (*script).verdict, "wake": (*script).wake, "enough": (*script).setEnough, "state": (*script).state,
	"replay": (*script).replay, "forge": (*script).forgeBlock, "propose": (*script).proposeForged, "echo": (*script).echoForged,
	"certificate": (*script).certifyForged, "group": (*script).newGroup, "adopt": (*script).adopt,
	"prune": (*script).prune, "lie": (*script).lie, "rot": (*script).rot, "query": (*script).query, "disk": (*script).disk,
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.out.Reset()
	command, ok := commands[d.Cmd]
	require.Truef(t, ok, "%s: unknown command %q", d.Pos, d.Cmd)
	if s.cluster != nil {
		s.t = t
	} else {
		require.Equal(t, "cluster", d.Cmd, "%s: begin with a cluster", d.Pos)
		s.cluster = &cluster{t: t}
	}
	command(s, d)
	if s.out.Len() == 0 {
		return "ok"
	}
	return s.out.String()
}

func (s *script) say(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// number reads an optional argument.
func (s *script) number(d *datadriven.TestData, name string, standard int) int {
	value := standard
	if text, ok := argument(d, name); ok {
		var err error
		value, err = strconv.Atoi(strings.TrimPrefix(text, "+"))
		require.NoError(s.t, err, d.Pos)
	}
	return value
}

func argument(d *datadriven.TestData, name string) (string, bool) {
	for _, arg := range d.CmdArgs {
		if arg.Key == name && len(arg.Vals) == 1 {
			return arg.Vals[0], true
		}
	}
	return "", false
}

// word returns the first argument without a value.
func word(d *datadriven.TestData) string {
	for _, arg := range d.CmdArgs {
		if len(arg.Vals) == 0 {
			return arg.Key
		}
	}
	return ""
}

func (s *script) list(d *datadriven.TestData, name string) []int {
	var places []int
	for _, arg := range d.CmdArgs {
		if arg.Key != name {
			continue
		}
		for _, text := range arg.Vals {
			place, err := strconv.Atoi(text)
			require.NoError(s.t, err, d.Pos)
			places = append(places, place)
		}
	}
	require.NotEmpty(s.t, places, "%s: which %s?", d.Pos, name)
	return places
}

func (s *script) filter(d *datadriven.TestData) filter {
	kind, _ := argument(d, "kind")
	return filter{from: s.number(d, "from", -1), to: s.number(d, "to", -1), kind: kind}
}

// milliseconds reads "+500" or "+2s".
func (s *script) milliseconds(d *datadriven.TestData) int64 {
	text := strings.TrimPrefix(word(d), "+")
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return ms
	}
	duration, err := time.ParseDuration(text)
	require.NoError(s.t, err, d.Pos)
	return duration.Milliseconds()
}

// cluster n=4 [include=all] [rate=bytes burst=bytes]
func (s *script) newCluster(d *datadriven.TestData) {
	config := engine.Config{Include: mempool.Own, Rate: s.rate(d)}
	if include, _ := argument(d, "include"); include == "all" {
		config.Include = mempool.All
	}
	s.cluster = newCluster(s.t, s.number(d, "n", 4), config, membership.Limits{})
	s.trace = s.say
	for i := range s.members {
		s.start(i)
	}
	s.hear()
	s.quiesce()
	n := s.group.N()
	s.say("n=%d f=%d q=%d", n, s.group.F(), s.group.Q())
}

// submit node=0 text
func (s *script) submitText(d *datadriven.TestData) { s.submit(s.number(d, "node", 0), word(d)) }

// deliver [from=] [to=] [kind=]: hand over what is in flight now
func (s *script) deliverSome(d *datadriven.TestData) {
	f := s.filter(d)
	for _, p := range s.flight {
		if f.matches(p) {
			s.showPacket(p)
		}
	}
	s.deliver(f)
}

func (s *script) showPacket(p packet) {
	s.say("%d -> %d %s", p.from, p.to, strings.TrimSpace(p.kind()+" "+s.describeFrame(p.frame)))
}

// drop [from=] [to=] [kind=]: lose what is in flight now
func (s *script) dropSome(d *datadriven.TestData) { s.say("%d lost", s.drop(s.filter(d))) }

// flight: show what is in flight
func (s *script) showFlight(*datadriven.TestData) {
	for _, p := range s.flight {
		s.showPacket(p)
	}
}

// run: deliver until nothing is in flight, while no time passes. It counts the packets of each
// kind.
func (s *script) runAll(*datadriven.TestData) {
	before := len(s.history) - len(s.flight)
	s.quiesce()
	s.count(before)
}

func (s *script) count(since int) {
	counts := map[string]int{}
	for _, p := range s.history[since:] {
		counts[p.kind()]++
	}
	var parts []string
	for kind, count := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", count, kind))
	}
	slices.SortFunc(parts, func(a, b string) int { return strings.Compare(a[strings.Index(a, " "):], b[strings.Index(b, " "):]) })
	s.say("sent: %s", strings.Join(parts, ", "))
}

// tick +500: let time pass while nothing arrives
func (s *script) tick(d *datadriven.TestData) { s.advance(s.milliseconds(d), false) }

// settle +5s: let time pass while everything arrives at once
func (s *script) settle(d *datadriven.TestData) { s.advance(s.milliseconds(d), true) }

// cut [from=] [to=] [kind=]: from now on, lose what is sent
func (s *script) cutLink(d *datadriven.TestData) { s.cut = append(s.cut, s.filter(d)) }

// heal: lose nothing any more
func (s *script) heal(*datadriven.TestData) { s.cut = nil }

// crash node=2 [after=persist-vote | before=sign-echo]: now, or at the next effect of that name
func (s *script) crashMember(d *datadriven.TestData) {
	i := s.number(d, "node", 0)
	after, _ := argument(d, "after")
	before, _ := argument(d, "before")
	if after == "" && before == "" {
		s.stop(i)
		return
	}
	s.members[i].crash = crash{after: after, before: before}
}

// restart node=2 [lost] [restored] [muted]: on its own disk, an empty one, or the last snapshot
func (s *script) restart(d *datadriven.TestData) {
	i := s.number(d, "node", 0)
	m := s.members[i]
	s.stop(i)
	m.halted = ""
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "lost":
			m.disk = memory.NewDisk()
		case "restored":
			m.disk = s.disks[i].Snapshot()
		case "muted":
			m.mutedThrough = s.group.Number()
		}
	}
	s.start(i)
}

// snapshot node=2: for `restart restored`
func (s *script) snapshot(d *datadriven.TestData) {
	i := s.number(d, "node", 0)
	if s.disks == nil {
		s.disks = map[int]*memory.Disk{}
	}
	s.disks[i] = s.members[i].disk.Snapshot()
}

// verdict node=1 on=0 accept|later|reject
func (s *script) verdict(d *datadriven.TestData) {
	answers := map[string]verdict.Decision{
		"accept": verdict.Accept(), "later": verdict.Later(""), "reject": verdict.Reject("the application says no"),
	}
	answer, ok := answers[word(d)]
	require.True(s.t, ok, d.Pos)
	for _, i := range s.list(d, "node") {
		s.members[i].verdicts[s.number(d, "on", 0)] = answer
	}
}

// wake node=1
func (s *script) wake(d *datadriven.TestData) { s.step(s.number(d, "node", 0), engine.Wake{}) }

// enough node=0 count=2: how many candidates the application waits for
func (s *script) setEnough(d *datadriven.TestData) {
	s.members[s.number(d, "node", 0)].enough = s.number(d, "count", 1)
}

// state: show the status of every member
func (s *script) state(*datadriven.TestData) {
	for i, m := range s.members {
		switch {
		case m.halted != "":
			s.say("%d halted: %s", i, s.placesFor(m.halted))
			continue
		case m.engine == nil:
			s.say("%d down", i)
			continue
		}
		for _, g := range s.groups {
			s.stateIn(i, g)
		}
	}
}

// stateIn shows the status of a running member in a group, if it is in that group.
func (s *script) stateIn(i int, g *membership.Group) {
	status, ok := s.members[i].engine.Status(g.ID())
	if !ok {
		return
	}
	line := fmt.Sprintf("%d certified %v delivered %v mempool %d", i, status.Heights, status.Delivered, status.Messages)
	if g.Number() > 1 {
		line = fmt.Sprintf("%d group %d", i, g.Number()) + strings.TrimPrefix(line, strconv.Itoa(i))
	}
	switch {
	case g.Number() <= s.members[i].mutedThrough:
		line += " muted"
	case status.Closed:
		line += " closed"
	case status.Open:
		line += " own slot open"
	}
	if g == s.groups[0] {
		for _, evidence := range s.stored(i).Evidence {
			line += fmt.Sprintf(" proof against %d", s.place(evidence.A.Header.Creator))
		}
		for _, fork := range s.stored(i).Forks {
			line += fmt.Sprintf(" chain of %d stopped", s.place(fork.A.Slot.Creator))
		}
	}
	s.say("%s", line)
}

// group [without=(3)]: make the next group; `adopt` announces it to members
func (s *script) newGroup(d *datadriven.TestData) {
	var without []int
	if d.HasArg("without") {
		without = s.list(d, "without")
	}
	s.grow(without...)
	s.say("group %d: n=%d f=%d q=%d", s.group.Number(), s.group.N(), s.group.F(), s.group.Q())
}

// adopt node=(0,1): announce the newest group to members, who hear from each other at once
func (s *script) adopt(d *datadriven.TestData) {
	for _, i := range s.list(d, "node") {
		s.step(i, engine.Adopt{Group: s.group})
	}
	s.hear()
}

// placesFor replaces keys with places.
func (s *script) placesFor(text string) string {
	for i := range s.keys {
		text = strings.ReplaceAll(text, s.keys[i].Public().Short(), strconv.Itoa(i))
	}
	return text
}

// replay [from=] [kind=] to=2 [anyones]: send again what was sent before to this member, or to
// anyone. A member's own frames come from the next member.
func (s *script) replay(d *datadriven.TestData) {
	f, to := s.filter(d), s.number(d, "to", 0)
	if word(d) == "anyones" {
		f.to = -1
	}
	count := 0
	for _, p := range s.history {
		if f.matches(p) {
			if p.to = to; p.from == to {
				p.from = (to + 1) % s.group.N()
			}
			s.flight = append(s.flight, p)
			count++
		}
	}
	s.say("%d again", count)
}

// forge name=X as=3 [height=1] [parent=Y] text: make and sign a block that the creator's engine
// does not know
func (s *script) forgeBlock(d *datadriven.TestData) {
	name, _ := argument(d, "name")
	parent, parentID := "", block.ID{}
	if parent, _ = argument(d, "parent"); parent != "" {
		known, ok := s.forged[parent]
		require.True(s.t, ok, "%s: no block %s", d.Pos, parent)
		parentID = known.ID()
	}
	s.forged[name] = s.forge(s.number(d, "as", 0), uint64(s.number(d, "height", 1)), parentID, word(d))
	b := s.forged[name]
	s.say("%s is %s", name, s.describe(b.Header.Slot(), b.ID()))
}

func (s *script) block(d *datadriven.TestData) block.Block {
	name, _ := argument(d, "block")
	b, ok := s.forged[name]
	require.True(s.t, ok, "%s: no block %q was forged", d.Pos, name)
	return b
}

// propose block=X to=(0,1) [bodies]: send the proposal from its creator
func (s *script) proposeForged(d *datadriven.TestData) {
	b := s.block(d)
	from := s.place(b.Header.Creator)
	for _, to := range s.list(d, "to") {
		if word(d) == "bodies" {
			s.send(from, to, wire.Messages{Messages: b.Messages}, false)
		}
		s.send(from, to, wire.Proposal{Proposal: b.Proposal()}, false)
	}
}

// echo block=X as=2 to=0
func (s *script) echoForged(d *datadriven.TestData) {
	b, as := s.block(d), s.number(d, "as", 0)
	s.send(as, s.number(d, "to", 0), wire.Echo{Echo: s.echo(as, b.Header.Slot(), b.ID())}, false)
}

// certificate block=X by=(0,1,3) to=(1,2): send it from its creator. The signatures of engines are
// those that they sent.
func (s *script) certifyForged(d *datadriven.TestData) {
	b := s.block(d)
	proof := s.certify(b, s.list(d, "by")...)
	for _, to := range s.list(d, "to") {
		s.send(s.place(b.Header.Creator), to, wire.Certificate{Certificate: proof}, false)
	}
}

// prune removes the messages of all blocks that members have certified and delivered.
func (s *script) prune(d *datadriven.TestData) {
	for _, place := range s.list(d, "node") {
		pruned, err := s.members[place].store.Prune(context.Background(), store.Retention{Age: 1})
		require.NoError(s.t, err)
		s.say("%d removed the messages of %d blocks", place, pruned.Blocks)
	}
}

// lie lets a member claim that it removed the messages of a block, although it has them.
func (s *script) lie(d *datadriven.TestData) {
	from, creator := s.number(d, "from", 0), s.number(d, "creator", 0)
	slot := block.Slot{Group: s.group.ID(), Creator: s.keys[creator].Public(), Height: uint64(s.number(d, "height", 1))}
	held, err := s.members[from].store.Certified(context.Background(), slot)
	require.NoError(s.t, err)
	held.Block.Messages = nil
	for _, to := range s.list(d, "to") {
		s.send(from, to, wire.Blocks{Blocks: []wire.Held{{Block: held.Block, Certificate: &held.Certificate}}}, false)
	}
}

// rot node=1 text: change a bit of a text wherever it is stored on a member's disk.
func (s *script) rot(d *datadriven.TestData) {
	text := []byte(word(d))
	changed := bytes.Clone(text)
	changed[len(changed)/2] ^= 1
	require.NotZero(s.t, s.members[s.number(d, "node", 0)].disk.Rot(text, changed), d.Pos)
}

// query node=1 creator=0 [height=1]: read a certified block, as a caller of the API does.
func (s *script) query(d *datadriven.TestData) {
	i, creator := s.number(d, "node", 0), s.number(d, "creator", 0)
	slot := block.Slot{Group: s.group.ID(), Creator: s.keys[creator].Public(), Height: uint64(s.number(d, "height", 1))}
	held, err := s.members[i].store.Certified(context.Background(), slot)
	if s.damaged(s.members[i], err, func(e engine.Event) { s.step(i, e) }) {
		return
	}
	require.NoError(s.t, err, d.Pos)
	s.say("%s", strings.TrimSpace(s.describe(slot, held.Block.ID())+" "+s.describeMessages(held.Block.Messages)))
}
