package attacker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
)

// Attack is something that a hostile member does for as long as it can.
type Attack struct {
	Name string
	Does string // in the words of a table
	// Regroup says that the group is replaced before the attack, so that there is an old one.
	Regroup bool

	run     func(ctx context.Context, m *member)
	keyless *keyless // instead of run
}

// Keyless reports whether the attack is one of strangers, without the key of a member.
func (a Attack) Keyless() bool { return a.keyless != nil }

// Counts is what the attacker did.
type Counts struct {
	Sent   int64 `json:"sent"`   // frames
	Bytes  int64 `json:"bytes"`  // of them
	Failed int64 `json:"failed"` // frames and connections that were refused
	Read   int64 `json:"read"`   // bytes of frames that came in
	Blocks int64 `json:"blocks"` // own blocks that were certified
}

// String returns the counts as a line of a table's notes.
func (c Counts) String() string {
	return fmt.Sprintf("sent %d frames, %d MB; %d failed; %d MB came in; %d blocks", c.Sent, c.Bytes>>20, c.Failed, c.Read>>20, c.Blocks)
}

// OldList is the name of the file, next to the list of members, with the list that was replaced.
const OldList = "peers.old.toml"

// Ready is the line that Run writes when the attack begins.
const Ready = "ready"

// ErrUnknown reports the name of no attack.
var ErrUnknown = errors.New("unknown attack")

// Find returns the attack with a name.
func Find(name string) (Attack, error) {
	for _, a := range Attacks() {
		if a.Name == name {
			return a, nil
		}
	}
	return Attack{}, fmt.Errorf("%w %q (list them with -list)", ErrUnknown, name)
}

// Run attacks with the key in a node's folder until ctx is done. It writes Ready to out when it
// begins, and Counts as a line of JSON when it ends.
func Run(ctx context.Context, folder daemon.Folder, name string, out io.Writer) error {
	attack, err := Find(name)
	if err != nil {
		return err
	}
	if attack.Keyless() {
		return runKeyless(ctx, folder, attack.keyless, out)
	}
	m, err := load(folder, attack.Regroup)
	if err != nil {
		return err
	}
	m.listen(ctx)
	m.connect(ctx)
	if _, err := fmt.Fprintln(out, Ready); err != nil {
		return err
	}
	attack.run(ctx, m)
	<-ctx.Done() // an attack that has nothing more to do
	m.counts.Sent, m.counts.Bytes, m.counts.Failed, m.counts.Read = m.sent.Load(), m.bytes.Load(), m.failed.Load(), m.read.Load()
	line, err := json.Marshal(m.counts)
	if err == nil {
		_, err = fmt.Fprintln(out, string(line))
	}
	return errors.Join(err, m.host.Close())
}

// load creates the member from a node's folder.
func load(folder daemon.Folder, regroup bool) (*member, error) {
	key, err := keys.Load(folder.Key())
	if err != nil {
		return nil, fmt.Errorf("load the attacker's key: %w", err)
	}
	path := folder.Resolve(settings.Default().Membership.File)
	list, err := readList(path)
	if err != nil {
		return nil, err
	}
	var old *membership.Group
	if regroup {
		before, err := readList(filepath.Join(filepath.Dir(path), OldList))
		if err != nil {
			return nil, err
		}
		old = before.Group
	}
	return newMember(key, list, old)
}

func readList(path string) (membership.List, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return membership.List{}, fmt.Errorf("read list of members: %w", err)
	}
	list, err := provider.Decode(path, data)
	if err != nil {
		return membership.List{}, fmt.Errorf("decode list of members: %w", err)
	}
	return list, nil
}

// each runs work for every victim at once, and returns when all have ended.
func (m *member) each(work func(v *victim)) {
	var all sync.WaitGroup
	for _, v := range m.victims {
		all.Go(func() { work(v) })
	}
	all.Wait()
}

// flood sends every victim what frame returns for the turn 0, 1, 2, …, as fast as it can. frame is
// called concurrently.
func (m *member) flood(ctx context.Context, frame func(turn int) []byte) {
	m.each(func(v *victim) {
		for turn := 0; ctx.Err() == nil; turn++ {
			v.send(ctx, frame(turn))
		}
	})
}
