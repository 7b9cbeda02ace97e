// Package home manages a node's folder: its key, its vote store, and the two files that detect the
// loss of votes (PROTOCOL.md R8), a marker and a counter. Open opens the folder, and creates it at
// the first start. Home.Node returns the node of the folder.
//
// A member that forgets what it signed may sign a second block for a slot. Therefore the store and
// the marker are created before the key. The marker counts the starts outside the store, and the
// counter the commits with votes; the store repeats both counts. A store that is missing or behind
// them counts as lost. The new store records the highest group in which the node signed, and the
// node signs nothing in groups up to that one.
//
// A copy of the whole folder cannot be distinguished from the folder. Never restore it from a
// backup.
package home

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/sqlite"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// Names of the files in a home. StoreFile is the name of an SQLite store; Kind.Path returns that of
// any kind.
const (
	KeyFile     = "key"
	MarkerFile  = "marker"
	CounterFile = "votes"
	StoreFile   = "ephemera.sqlite"
	LockFile    = "lock"
)

// Kind is a kind of store. A home keeps the kind that it was created with, which its marker
// records.
type Kind struct {
	// Name consists of lower-case letters and digits.
	Name string
	// Open opens the store at a path and creates it if it does not exist. It returns
	// store.ErrLocked if the store is open already.
	Open func(path string, logger *slog.Logger) (store.Store, error)
	// Files returns the most files that the store has open, in a process that may have limit open. If
	// it is nil, they count as an eighth of the limit and 64.
	Files func(limit int) int
}

// Descriptors returns the most files that a home with such a store has open, in a process that may
// have limit open.
func (k Kind) Descriptors(limit int) int {
	const homeFiles = 4 // the lock, the counter, and one that is being replaced in its folder
	if k.Files == nil {
		return homeFiles + 64 + limit/8
	}
	return homeFiles + k.Files(limit)
}

// Path returns the name of the store's file or folder, relative to the home.
func (k Kind) Path() string { return "ephemera." + k.Name }

// SQLite returns the default kind.
func SQLite() Kind {
	open := func(path string, logger *slog.Logger) (store.Store, error) {
		s, err := sqlite.Open(path, logger)
		if err != nil {
			return nil, err // not a nil *sqlite.Store in a non-nil interface
		}
		return s, nil
	}
	return Kind{Name: "sqlite", Open: open, Files: sqlite.Files}
}

// Options configure OpenWith. All fields are optional.
type Options struct {
	Store  Kind         // default: SQLite
	Logger *slog.Logger // may be nil
}

func (o Options) withDefaults() (Options, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Store.Name == "" && o.Store.Open == nil {
		o.Store = SQLite()
	}
	if !kindName.MatchString(o.Store.Name) || o.Store.Open == nil {
		return o, fmt.Errorf("kind of store %q: a name of lower-case letters and digits and an Open function are required", o.Store.Name)
	}
	return o, nil
}

var kindName = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

var (
	// ErrLocked reports a home that another process uses.
	ErrLocked = errors.New("home is in use by another process: stop it first, or choose another folder")
	// ErrKind reports a home that was created with another kind of store.
	ErrKind = errors.New("home has another kind of store")
	// ErrMarker reports a marker that is missing or contradicts the key or the store.
	ErrMarker = errors.New("marker file does not fit")
)

// Home is an open folder, and the ephemera.VoteRecord of its node. Its methods must not be called
// concurrently, except MutedThrough.
type Home struct {
	Dir   string
	Key   keys.Private
	Store store.Store

	network      string
	mutedThrough atomic.Uint64
	lock         *os.File
	marker       marker
	votes        *counter         // of the commits with votes
	links        []*p2p.Transport // created by Node
}

var _ ephemera.VoteRecord = (*Home)(nil)

// Open opens the folder with a SQLite store; see OpenWith. Logger may be nil.
func Open(ctx context.Context, dir, network string, logger *slog.Logger) (*Home, error) {
	return OpenWith(ctx, dir, network, Options{Logger: logger})
}

// OpenWith opens the folder and counts the start. It creates the folder and its contents at the
// first start. It returns ErrLocked if another process uses the folder, and ErrKind if the folder
// was created with another kind of store.
func OpenWith(ctx context.Context, dir, network string, options Options) (*Home, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open home %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create home: %w", err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	h := &Home{Dir: dir, network: network, lock: lock}
	if err := h.open(ctx, options); err != nil {
		return nil, errors.Join(fmt.Errorf("open home %s: %w", dir, err), h.Close())
	}
	return h, nil
}

// takeLock takes the folder's lock, which lasts until the file is closed or the process ends. It
// returns ErrLocked if the lock is held.
func takeLock(dir string) (*os.File, error) {
	file, err := lockfile.Take(filepath.Join(dir, LockFile), ErrLocked)
	if err != nil {
		return nil, fmt.Errorf("lock home %s: %w", dir, err)
	}
	return file, nil
}

func (h *Home) path(name string) string { return filepath.Join(h.Dir, name) }

func (h *Home) exists(name string) (bool, error) {
	_, err := os.Lstat(h.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// open follows R8: it creates the store and the marker before the key, and the store counts the
// start before the marker does.
func (h *Home) open(ctx context.Context, options Options) error {
	hasKey, err := h.exists(KeyFile)
	if err != nil {
		return err
	}
	hasMarker, err := h.exists(MarkerFile)
	if err != nil {
		return err
	}
	switch {
	case hasKey && !hasMarker:
		return fmt.Errorf("%w: the key exists but %s is missing, so it is unknown what was signed; create a new home with a new key", ErrMarker, MarkerFile)
	case hasMarker:
		if h.marker, err = readMarker(h.path(MarkerFile)); err != nil {
			return err
		}
		if err := h.marker.checkKind(options.Store.Name); err != nil {
			return err
		}
	}
	if !hasKey && h.marker.starts > 0 {
		return fmt.Errorf("%w: it counts %d starts but the key is missing; restore the key, or create a new home", ErrMarker, h.marker.starts)
	}
	if h.Store, err = options.Store.Open(h.path(options.Store.Path()), options.Logger); err != nil {
		h.Store = nil
		return err
	}
	if !hasMarker {
		if err := h.writeMarker(marker{kind: options.Store.Name}); err != nil {
			return err
		}
	}
	if h.Key, err = keys.LoadOrCreate(h.path(KeyFile)); err != nil {
		return err
	}
	return h.countStart(ctx, options.Logger)
}

// CheckKind returns ErrKind if the folder was created with a kind of store of another name. It
// changes nothing, and takes no lock. A folder without a marker that can be read is OpenWith's
// concern.
func CheckKind(dir, kind string) error {
	m, err := readMarker(filepath.Join(dir, MarkerFile))
	if err != nil {
		return nil
	}
	return m.checkKind(kind)
}

func (m marker) checkKind(asked string) error {
	if m.kind != asked {
		return fmt.Errorf("%w: it was made with %s, but %s is configured; choose %s, or create a new home with a new key", ErrKind, m.kind, asked, m.kind)
	}
	return nil
}

func (h *Home) countStart(ctx context.Context, logger *slog.Logger) error {
	identity, err := h.Store.Identity(ctx)
	fresh := errors.Is(err, store.ErrNotFound)
	switch {
	case fresh:
		identity = store.Identity{Network: h.network, Key: h.Key.Public()}
	case err != nil:
		return err
	case identity.Network != h.network || identity.Key != h.Key.Public():
		return fmt.Errorf("%w: it belongs to key %s on network %q, this node has key %s on %q; use this node's folder, and the network of its first start",
			store.ErrForeign, identity.Key, identity.Network, h.Key.Public(), h.network)
	case identity.Starts > h.marker.starts+1:
		return fmt.Errorf("%w: it counts %d starts, the store %d; an older marker was restored, create a new home with a new key",
			ErrMarker, h.marker.starts, identity.Starts)
	}
	lost, err := h.openCounter(&identity)
	if err != nil {
		return err
	}
	if identity.Starts < h.marker.starts {
		lost = "the store is missing or an older copy"
	}
	if lost != "" {
		identity.MutedThrough = max(identity.MutedThrough, h.marker.group)
		logger.Error("votes were lost, this node signs nothing in groups up to this one",
			"home", h.Dir, "group", identity.MutedThrough, "reason", lost)
	}
	identity.Starts = h.marker.starts + 1
	if err := h.Store.SetIdentity(ctx, identity); err != nil {
		return err
	}
	h.mutedThrough.Store(identity.MutedThrough)
	if err := h.setCounter(identity.Votes); err != nil {
		return err
	}
	return h.writeMarker(marker{starts: identity.Starts, group: h.marker.group, kind: h.marker.kind, votes: true})
}

// BeginGroup records durably that the node signs in the group of this number. It is called before
// the first signature in the group.
func (h *Home) BeginGroup(number uint64) error {
	if number <= h.marker.group {
		return nil
	}
	m := h.marker
	m.group = number
	return full(h.writeMarker(m))
}

// full adds store.ErrFull to the error of a write that may be repeated when the disk has room.
func full(err error) error {
	if diskfault.Of(err) == diskfault.Full {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// Mute records durably that the node signs nothing more in groups up to this number.
func (h *Home) Mute(number uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	identity, err := h.Store.Identity(ctx)
	if err != nil {
		return fmt.Errorf("mute: %w", err)
	}
	identity.MutedThrough = max(identity.MutedThrough, number)
	if err := h.Store.SetIdentity(ctx, identity); err != nil {
		return fmt.Errorf("mute: %w", err)
	}
	h.mutedThrough.Store(identity.MutedThrough)
	return nil
}

// MutedThrough returns the highest number of a group in which the node must not sign, or 0. Mute
// sets it, in this run or an earlier one, and so does the loss of a store.
func (h *Home) MutedThrough() uint64 { return h.mutedThrough.Load() }

// Close closes the store and the transports that Node created, and releases the lock.
func (h *Home) Close() error {
	var errs []error
	for _, link := range h.links {
		errs = append(errs, link.Close())
	}
	if h.Store != nil {
		errs = append(errs, h.Store.Close())
	}
	if h.votes != nil {
		errs = append(errs, h.votes.file.Close())
	}
	return errors.Join(append(errs, h.lock.Close())...)
}

// A marker is kept outside the store. It holds how often the node started, the highest number of a
// group in which it signed, the kind of store, and whether the home has a counter of votes: those
// of older programs have none.
type marker struct {
	starts, group uint64
	kind          string
	votes         bool
}

const (
	markerTitle  = "ephemera marker v1: never restore, copy or edit this file"
	votesCounted = "votes counted"
)

func (h *Home) writeMarker(m marker) error {
	if err := keys.ReplaceFile(h.path(MarkerFile), []byte(m.text())); err != nil {
		return fmt.Errorf("write %s: %w", MarkerFile, err)
	}
	h.marker = m
	return nil
}

// text returns the file's text. It omits the kind of SQLite, for markers that are older than the
// other kinds.
func (m marker) text() string {
	text := fmt.Sprintf("%s\nstarts %d\ngroup %d\n", markerTitle, m.starts, m.group)
	if m.kind != SQLite().Name {
		text += "store " + m.kind + "\n"
	}
	if m.votes {
		text += votesCounted + "\n"
	}
	return text
}

func readMarker(path string) (marker, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return marker{}, err
	}
	return parseMarker(string(data))
}

// parseMarker reads exactly what writeMarker writes.
func parseMarker(text string) (marker, error) {
	bad := fmt.Errorf("%w: its text was changed; create a new home with a new key", ErrMarker)
	lines, m := strings.Split(text, "\n"), marker{kind: SQLite().Name}
	if len(lines) < 4 {
		return marker{}, bad
	}
	for i, field := range []struct {
		name string
		to   *uint64
	}{{"starts ", &m.starts}, {"group ", &m.group}} {
		value, err := strconv.ParseUint(strings.TrimPrefix(lines[i+1], field.name), 10, 64)
		if err != nil {
			return marker{}, bad
		}
		*field.to = value
	}
	if kind, found := strings.CutPrefix(lines[3], "store "); found {
		m.kind = kind
	}
	m.votes = slices.Contains(lines[3:], votesCounted)
	if m.text() != text || !kindName.MatchString(m.kind) {
		return marker{}, bad
	}
	return m, nil
}
