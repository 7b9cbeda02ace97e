// Package home is a node's folder: its key, its vote store, and the marker that tells when the
// store was lost (PROTOCOL.md R8). Open opens the folder, or creates it at the first start.
// Home.Node makes the node of the folder.
//
// A member that forgets what it signed may sign a second block for a slot. So the store and a
// marker are made before the key, the marker counts the starts outside the store, and the store
// repeats the count. A store that is missing or behind its marker is lost: the new one records the
// highest group that was signed in, and the node stays mute in groups up to it. A copy of the store
// made since the last start cannot be told apart: never restore this folder from a backup that is
// older than the last run.
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
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/sqlite"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// Names of the files in a home. StoreFile is that of SQLite: see Kind.Path.
const (
	KeyFile    = "key"
	MarkerFile = "marker"
	StoreFile  = "ephemera.sqlite"
	LockFile   = "lock"
)

// Kind is a kind of store. A home keeps the kind that it was made with: its marker says which.
type Kind struct {
	// Name is lower-case letters and digits.
	Name string
	// Open opens the store at a path, makes it where there is none, and refuses a second opener with
	// store.ErrLocked.
	Open func(path string, logger *slog.Logger) (store.Store, error)
}

// Path returns the name of the store's file or folder in a home.
func (k Kind) Path() string { return "ephemera." + k.Name }

// SQLite is the kind that Open takes.
func SQLite() Kind {
	return Kind{Name: "sqlite", Open: func(path string, logger *slog.Logger) (store.Store, error) {
		s, err := sqlite.Open(path, logger)
		if err != nil {
			return nil, err // not a nil *sqlite.Store, which Close would take for an open one
		}
		return s, nil
	}}
}

// Options are the choices that a home leaves to its node. The zero value is that of Open.
type Options struct {
	Store  Kind         // zero: SQLite
	Logger *slog.Logger // nil: none
}

func (o Options) withDefaults() (Options, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Store.Name == "" && o.Store.Open == nil {
		o.Store = SQLite()
	}
	if !kindName.MatchString(o.Store.Name) || o.Store.Open == nil {
		return o, fmt.Errorf("kind of store %q: it needs a name of lower-case letters and digits, and an opener", o.Store.Name)
	}
	return o, nil
}

var kindName = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

var (
	// ErrLocked reports a home that another process uses.
	ErrLocked = errors.New("home is in use by another process: stop it first, or choose another folder")
	// ErrKind reports a home that was made with another kind of store.
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
	links        []*p2p.Transport // that Node made
}

var _ ephemera.VoteRecord = (*Home)(nil)

// Open opens the folder with a SQLite store; see OpenWith. Logger may be nil.
func Open(ctx context.Context, dir, network string, logger *slog.Logger) (*Home, error) {
	return OpenWith(ctx, dir, network, Options{Logger: logger})
}

// OpenWith opens the folder, makes it with all that belongs in it at the first start, and counts
// the start. ErrLocked when another process uses it, ErrKind when it was made with another kind of
// store.
func OpenWith(ctx context.Context, dir, network string, options Options) (*Home, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open home %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make home: %w", err)
	}
	lock, err := Lock(dir)
	if err != nil {
		return nil, err
	}
	h := &Home{Dir: dir, network: network, lock: lock}
	if err := h.open(ctx, options); err != nil {
		return nil, errors.Join(fmt.Errorf("open home %s: %w", dir, err), h.Close())
	}
	return h, nil
}

// Lock takes the folder's lock, which ends with the process or when the file is closed. ErrLocked
// when it is taken.
func Lock(dir string) (*os.File, error) {
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

// open follows R8: store and marker before the key; the store counts the start before the marker
// does.
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
		return fmt.Errorf("%w: there is a key and no %s, so nobody knows what was signed; make a new home with a new key", ErrMarker, MarkerFile)
	case hasMarker:
		if h.marker, err = readMarker(h.path(MarkerFile)); err != nil {
			return err
		}
		if made, asked := h.marker.kind, options.Store.Name; made != asked {
			return fmt.Errorf("%w: it was made with %s, and %s was asked for; choose %s, or make a new home with a new key", ErrKind, made, asked, made)
		}
	}
	if !hasKey && h.marker.starts > 0 {
		return fmt.Errorf("%w: it counts %d starts and there is no key; restore the key, or make a new home", ErrMarker, h.marker.starts)
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

func (h *Home) countStart(ctx context.Context, logger *slog.Logger) error {
	identity, err := h.Store.Identity(ctx)
	fresh := errors.Is(err, store.ErrNotFound)
	switch {
	case fresh:
		identity = store.Identity{Network: h.network, Key: h.Key.Public()}
	case err != nil:
		return err
	case identity.Network != h.network || identity.Key != h.Key.Public():
		return fmt.Errorf("%w: it is of key %s on network %q, this is key %s on %q; use the folder that belongs to this node",
			store.ErrForeign, identity.Key, identity.Network, h.Key.Public(), h.network)
	case identity.Starts > h.marker.starts+1:
		return fmt.Errorf("%w: it counts %d starts, the store %d; an older marker was put back, make a new home with a new key",
			ErrMarker, h.marker.starts, identity.Starts)
	}
	if identity.Starts < h.marker.starts { // missing or older: lost
		identity.MutedThrough = max(identity.MutedThrough, h.marker.group)
		logger.Error("the vote store was lost or is an older copy: this node signs nothing in groups up to this number any more",
			"home", h.Dir, "group", identity.MutedThrough)
	}
	identity.Starts = h.marker.starts + 1
	if err := h.Store.SetIdentity(ctx, identity); err != nil {
		return err
	}
	h.mutedThrough.Store(identity.MutedThrough)
	return h.writeMarker(marker{starts: identity.Starts, group: h.marker.group, kind: h.marker.kind})
}

// BeginGroup makes durable, before the first signature in it, that the node signs in the group of
// this number.
func (h *Home) BeginGroup(number uint64) error {
	if number <= h.marker.group {
		return nil
	}
	return h.writeMarker(marker{starts: h.marker.starts, group: number, kind: h.marker.kind})
}

// Mute makes durable that the node signs nothing in groups up to this number any more.
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

// MutedThrough returns the highest number of a group in which the node must not sign, or 0. It is
// set by Mute, in this run or an earlier one, or by the loss of a store.
func (h *Home) MutedThrough() uint64 { return h.mutedThrough.Load() }

// Close closes the store and the transports that Node made, and releases the lock.
func (h *Home) Close() error {
	var errs []error
	for _, link := range h.links {
		errs = append(errs, link.Close())
	}
	if h.Store != nil {
		errs = append(errs, h.Store.Close())
	}
	return errors.Join(append(errs, h.lock.Close())...)
}

// marker is kept outside the store: how often the node started, the highest group number that it
// signed in, and the kind of store.
type marker struct {
	starts, group uint64
	kind          string
}

const markerTitle = "ephemera marker v1: never restore, copy or edit this file"

func (h *Home) writeMarker(m marker) error {
	if err := keys.ReplaceFile(h.path(MarkerFile), []byte(m.text())); err != nil {
		return fmt.Errorf("write %s: %w", MarkerFile, err)
	}
	h.marker = m
	return nil
}

// text names no kind for SQLite, which was the only one at first.
func (m marker) text() string {
	text := fmt.Sprintf("%s\nstarts %d\ngroup %d\n", markerTitle, m.starts, m.group)
	if m.kind != SQLite().Name {
		text += "store " + m.kind + "\n"
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
	bad := fmt.Errorf("%w: its text was changed; make a new home with a new key", ErrMarker)
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
	if m.text() != text || !kindName.MatchString(m.kind) {
		return marker{}, bad
	}
	return m, nil
}
