package rewards

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

// EvidenceConfig is what Evidence needs. All fields but Node are required.
type EvidenceConfig struct {
	Folder  string // of the files, created when the first one is written
	Store   *Store // has double reports and receipts
	Accused verify.Accused
	Names   map[keys.Public]string // of members
	// Node returns the proofs that the node holds. It is nil without Ephemera.
	Node   func(context.Context) ([]evidence.File, error)
	Logger *slog.Logger
}

// Evidence writes each accusation that this Nym-API holds to a file of its own, which anybody can
// check: two reports of a member, two headers of a member, two certified blocks, two receipts of
// the contract. Its methods are safe for concurrent use; Run is called once.
type Evidence struct {
	config EvidenceConfig

	mu   sync.Mutex
	held map[string]Conviction // by the names of their files

	read map[DoubleReport]bool // from the database; used by Run alone
}

// Conviction is an accusation in a file.
type Conviction struct {
	File     string         `json:"file"`    // its name in the folder
	Offence  string         `json:"offence"` // in words, with the name of the culprit
	Names    []string       `json:"names"`   // of the culprits
	Culprits []keys.Public  `json:"culprits"`
	Kind     evidence.Kind  `json:"kind"`
	Epoch    contract.Epoch `json:"epoch,omitzero"`
	Height   uint64         `json:"height,omitzero"`
}

// Bounds on the files. The first proofs against a key stay, and one convicts it.
const (
	maxEvidence       = 1024
	maxEvidenceOfOne  = 16 // files of one kind against one key
	evidencePause     = 10 * time.Second
	lastEvidence      = 2 * time.Second // for what is left when the Nym-API stops
	evidenceOverBound = "evidence is not written to a file: the folder has enough against this key, or is full"
)

// NewEvidence returns the evidence in the folder. It ignores files that prove nothing.
func NewEvidence(config EvidenceConfig) (*Evidence, error) {
	e := &Evidence{config: config, held: map[string]Conviction{}}
	entries, err := os.ReadDir(config.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return e, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > evidence.MaxBytes || len(e.held) == maxEvidence {
			continue
		}
		data, err := os.ReadFile(filepath.Join(config.Folder, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read evidence: %w", err)
		}
		if file, err := evidence.Decode(data); err == nil {
			if of, err := e.judge(file); err == nil && of.File == entry.Name() {
				e.held[of.File] = of
			}
		}
	}
	return e, nil
}

// judge returns what a file proves, and the name that it has in the folder.
func (e *Evidence) judge(file evidence.File) (Conviction, error) {
	accusation, err := verify.Accuse(file, e.config.Accused)
	if err != nil {
		return Conviction{}, err
	}
	c := Conviction{
		File: accusation.FileName(), Offence: accusation.Sentence(e.name), Kind: file.Kind,
		Culprits: accusation.Culprits, Epoch: accusation.Epoch, Height: accusation.Height,
	}
	for _, key := range c.Culprits {
		c.Names = append(c.Names, e.name(key))
	}
	return c, nil
}

func (e *Evidence) name(key keys.Public) string {
	if key == e.config.Accused.Contract {
		return "contract"
	}
	return cmp.Or(e.config.Names[key], key.PeerID())
}

// Convictions returns what the files prove, in the order of their names.
func (e *Evidence) Convictions() []Conviction {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]Conviction, 0, len(e.held))
	for _, name := range slices.Sorted(maps.Keys(e.held)) {
		list = append(list, e.held[name])
	}
	return list
}

// Read returns the content of a file of Convictions, or ErrNotFound.
func (e *Evidence) Read(name string) ([]byte, error) {
	e.mu.Lock()
	_, held := e.held[name]
	e.mu.Unlock()
	if !held {
		return nil, fmt.Errorf("evidence %q: %w", name, ErrNotFound)
	}
	data, err := os.ReadFile(filepath.Join(e.config.Folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound // somebody has moved it
	}
	if err != nil {
		return nil, fmt.Errorf("evidence %q: %w", name, err)
	}
	return data, nil
}

// Run writes new proofs until ctx is done, and then those that are left. It returns only errors of
// the database.
func (e *Evidence) Run(ctx context.Context, calendar Calendar) error {
	for ctx.Err() == nil {
		changed := calendar.Changed()
		if err := e.collect(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		pause(ctx, evidencePause, changed)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastEvidence)
	defer cancel()
	return e.collect(last)
}

// collect writes what database and node hold and the folder lacks.
func (e *Evidence) collect(ctx context.Context) error {
	if err := e.collectReports(ctx); err != nil {
		return err
	}
	receipts, err := e.config.Store.Equivocations(ctx)
	if err != nil {
		return err
	}
	for _, r := range receipts {
		e.add(ctx, r.File())
	}
	if e.config.Node == nil {
		return nil
	}
	proofs, err := e.config.Node(ctx)
	if err != nil {
		e.config.Logger.DebugContext(ctx, "the node does not tell its evidence", "err", err)
		return nil // it will be asked again
	}
	for _, file := range proofs {
		e.add(ctx, file)
	}
	return nil
}

// collectReports writes the double reports in the database that it has not read yet.
func (e *Evidence) collectReports(ctx context.Context) error {
	doubles, err := e.config.Store.DoubleReports(ctx)
	if err != nil {
		return err
	}
	read := make(map[DoubleReport]bool, len(doubles))
	for _, double := range doubles {
		if read[double] = e.read[double]; read[double] {
			continue
		}
		first, second, err := e.config.Store.DoubleReport(ctx, double)
		if errors.Is(err, ErrNotFound) {
			continue // pruned in the meantime
		}
		if err != nil {
			return err
		}
		read[double] = e.add(ctx, evidence.OfMessages(first, second))
	}
	e.read = read
	return nil
}

// add writes a file unless it exists or proves nothing, and reports whether nothing is left to do
// for it.
func (e *Evidence) add(ctx context.Context, file evidence.File) bool {
	of, err := e.judge(file)
	if err != nil {
		e.config.Logger.DebugContext(ctx, "evidence that proves nothing", "kind", file.Kind, "err", err)
		return true
	}
	if known, room := e.room(of); known || !room {
		if !room && !known {
			e.config.Logger.DebugContext(ctx, evidenceOverBound, "offence", of.Offence)
		}
		return true
	}
	path := filepath.Join(e.config.Folder, of.File)
	err = os.MkdirAll(e.config.Folder, 0o755)
	if err == nil {
		err = files.Replace(path, 0o644, file.Encode())
	}
	if err != nil {
		e.config.Logger.ErrorContext(ctx, "evidence is not written, trying again", "offence", of.Offence, "file", path, "err", err)
		return false
	}
	e.mu.Lock()
	e.held[of.File] = of
	e.mu.Unlock()
	e.config.Logger.WarnContext(ctx, "somebody is convicted; the file proves it to others", "offence", of.Offence, "culprits", of.Culprits, "file", path)
	return true
}

// room reports whether there is a file of that name, or room for it.
func (e *Evidence) room(of Conviction) (known, room bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, known = e.held[of.File]; known {
		return true, false
	}
	accused := 0
	for _, held := range e.held {
		if held.Kind == of.Kind && held.Culprits[0] == of.Culprits[0] {
			accused++
		}
	}
	return false, accused < maxEvidenceOfOne && len(e.held) < maxEvidence
}
