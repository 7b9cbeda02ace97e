package home_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// stores are the kinds of store whose log is damaged, with the pattern of their logs' names.
var stores = map[string]struct {
	options home.Options
	logs    string
}{
	"sqlite": {home.Options{}, "ephemera.sqlite-wal"},
	"pebble": {pebbles(), "ephemera.pebble/*.log"},
}

// damages are what happens to the newest log of a store after its process was killed.
var damages = map[string]func(t *testing.T, random *rand.Rand, path string){
	"deleted": func(t *testing.T, _ *rand.Rand, path string) { require.NoError(t, os.Remove(path)) },
	"truncated": func(t *testing.T, random *rand.Rand, path string) {
		require.NoError(t, os.Truncate(path, random.Int64N(size(t, path)+1)))
	},
	"bit-flipped": func(t *testing.T, random *rand.Rand, path string) {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		if len(data) > 0 {
			data[random.IntN(len(data))] ^= 1 << random.IntN(8)
		}
		require.NoError(t, os.WriteFile(path, data, 0o600))
	},
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

// Each test kills a process that votes, damages the log of its store, and lets it try to sign other
// blocks in the same slots. No peer tells it what it signed. It must not sign twice: it is muted,
// does not start, or has lost nothing.
func TestDamagedLogNeverSignsTwice(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 2
	}
	for kind, of := range stores {
		for damage, happen := range damages {
			t.Run(kind+" log "+damage, func(t *testing.T) {
				t.Parallel()
				seed := rand.Uint64()
				random := rand.New(rand.NewPCG(seed, 0))
				outcomes := map[string]int{}
				for range kills {
					outcomes[killAndDamage(t, random, kind, of.logs, happen)]++
				}
				t.Logf("seed %d: %v", seed, outcomes)
				if damage == "deleted" { // unless all of the log was copied to the database just before
					require.NotZero(t, outcomes["muted"], "the votes in the log are gone")
				}
			})
		}
	}
}

// killAndDamage returns how the second run of the voting process ended.
func killAndDamage(t *testing.T, random *rand.Rand, kind, logs string, damage func(*testing.T, *rand.Rand, string)) string {
	dir := t.TempDir()
	signed := map[string]string{} // block by height
	count := 1 + random.IntN(20)
	if random.IntN(3) == 0 {
		count = 150 + random.IntN(150) // long enough that parts of the log are in the database
	}
	runVoter(t, dir, kind, "first", func(height, id string) bool {
		signed[height] = id
		return len(signed) < count
	})
	require.GreaterOrEqual(t, len(signed), count)
	found, err := filepath.Glob(filepath.Join(dir, logs))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	damage(t, random, slices.Max(found))
	return runVoter(t, dir, kind, "second", func(height, id string) bool {
		require.Equal(t, id, cmp.Or(signed[height], id), "height %s was signed twice", height)
		return true
	})
}

// runVoter runs TestHelperVotes in a process until it ends, or kills it when sign returns false. It
// returns the process's last word, or "killed".
func runVoter(t *testing.T, dir, kind, salt string, sign func(height, id string) bool) string {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	voter := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHelperVotes$")
	voter.Env = append(os.Environ(), "VOTER_HOME="+dir, "VOTER_STORE="+kind, "VOTER_SALT="+salt)
	out, err := voter.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, voter.Start())
	ended := "died"
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "signed":
			if !sign(words[1], words[2]) {
				ended = "killed"
				kill() // with SIGKILL; it may have signed more by then
			}
		case "muted", "refused", "continued":
			ended = words[0]
		}
	}
	err = voter.Wait()
	if ended == "died" {
		require.NoError(t, err)
	}
	return ended
}

// TestHelperVotes is the process of TestDamagedLogNeverSignsTwice. It opens a home and votes, as a
// node does, for a block at every height at which the store lets it. It prints each vote at the
// moment at which a node signs it.
func TestHelperVotes(t *testing.T) {
	dir, salt := os.Getenv("VOTER_HOME"), os.Getenv("VOTER_SALT")
	if dir == "" {
		return
	}
	h, err := home.OpenWith(t.Context(), dir, network, stores[os.Getenv("VOTER_STORE")].options)
	if err != nil {
		fmt.Println("refused", err)
		return
	}
	require.NoError(t, h.BeginGroup(1))
	if h.MutedThrough() > 0 {
		fmt.Println("muted")
		return
	}
	group, err := membership.NewGroup(network, 1, []keys.Public{h.Key.Public()}, membership.Limits{})
	require.NoError(t, err)
	for height := uint64(1); height <= 1000; height++ {
		m, err := block.NewMessage(h.Key, network, salt, binary.BigEndian.AppendUint64(nil, height), 1)
		require.NoError(t, err)
		b := block.New(group, h.Key.Public(), height, block.ID{}, 1, []block.Message{m})
		err = h.Store.Commit(t.Context(), []store.Write{store.PutVote{Block: b}})
		if errors.Is(err, store.ErrVoted) {
			continue
		}
		if err != nil {
			fmt.Println("refused", err)
			return
		}
		require.NoError(t, h.CountVotes())
		fmt.Println("signed", height, b.ID())
		if salt == "second" && height > 400 {
			break
		}
	}
	fmt.Println("continued")
}
