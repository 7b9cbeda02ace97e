package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/nymapi/holders"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// known is what a Nym-API knows of its group once that is complete.
type known struct {
	group *membership.Group
	names map[keys.Public]string
}

func (k *known) name(key keys.Public) string { return k.names[key] }

// kept returns the cores in the folder of the Nym-API.
func (s *Service) kept() *rewards.Cores {
	return &rewards.Cores{Folder: filepath.Join(s.config.Home, bundlesFolder)}
}

// epochOf returns the epoch in the path of a request.
func epochOf(r *http.Request) (contract.Epoch, error) {
	id, err := contract.ParseEpoch(r.PathValue("id"))
	if err != nil {
		return 0, api.NewProblem(api.Invalid, "the path names no epoch, expected a number from 1")
	}
	return id, nil
}

// sendCore answers with the core of an epoch.
func (s *Service) sendCore(w http.ResponseWriter, r *http.Request) error {
	id, err := epochOf(r)
	if err != nil {
		return err
	}
	data, err := s.kept().Load(id)
	if errors.Is(err, fs.ErrNotExist) {
		return api.NewProblem(api.NotFound, fmt.Sprintf("this Nym-API does not hold epoch %d; GET %s says who does",
			id, strings.Replace(holders.PathHolders, "{id}", id.String(), 1)))
	}
	if err != nil {
		return err
	}
	sendFile(w, data)
	return nil
}

// sendBlock answers with the winner's block and its certificate.
func (s *Service) sendBlock(w http.ResponseWriter, r *http.Request) error {
	id, err := epochOf(r)
	if err != nil {
		return err
	}
	k := s.known.Load()
	won, err := s.folder.rewards.Winner(r.Context(), k.group, id)
	if errors.Is(err, rewards.ErrNotFound) || err == nil && won.Evidence == nil {
		return api.NewProblem(api.NotFound, fmt.Sprintf("this Nym-API does not hold the winning block of epoch %d", id))
	}
	if err != nil {
		return err
	}
	proof := api.NewCertificate(won.Evidence.Block.SignedHeader, won.Evidence.Certificate, k.group, k.name)
	proof.Group = k.group.Encode()
	return webserver.WriteJSON(w, http.StatusOK, map[string]any{
		"epoch": id, "winner": won.Winner, "block": api.NewBlock(won.Evidence.Block), "certificate": proof,
	})
}

// lookupTime bounds the search for what the members hold of an epoch, and lookups how many members
// are looked up at a time.
const (
	lookupTime = 3 * time.Second
	maxLookups = 8
)

// listHolders answers who holds an epoch: this Nym-API, and what the hash table has of the others.
func (s *Service) listHolders(w http.ResponseWriter, r *http.Request) error {
	id, err := epochOf(r)
	if err != nil {
		return err
	}
	answer := holders.Answer{Epoch: id, Holders: []holders.Holder{s.holder(id)}}
	if table := s.table(); table != nil {
		ctx, cancel := context.WithTimeout(r.Context(), lookupTime)
		defer cancel()
		var enabled bool
		if answer.Holders, enabled = s.lookUp(ctx, table, id); enabled {
			answer.DHT = true
		}
	}
	return webserver.WriteJSON(w, http.StatusOK, answer)
}

// holder returns what this Nym-API itself holds.
func (s *Service) holder(id contract.Epoch) holders.Holder {
	key := *s.key.Load()
	h := holders.Holder{Name: s.known.Load().name(key), Key: key, Self: true, URLs: s.apiURLs()}
	data, err := s.kept().Load(id)
	if err != nil {
		h.Why = "it does not hold the epoch"
		return h
	}
	h.Core, h.Bytes = contract.Digest(data), uint64(len(data))
	return h
}

// lookUp returns what every member states in the hash table, in the order of keys. It reports false
// if the table is not in use.
func (s *Service) lookUp(ctx context.Context, table statements, id contract.Epoch) ([]holders.Holder, bool) {
	k, self := s.known.Load(), *s.key.Load()
	list := make([]holders.Holder, k.group.N())
	off := make([]bool, len(list))
	var work errgroup.Group
	work.SetLimit(maxLookups)
	for i := range list {
		key := k.group.Member(i)
		if key == self {
			list[i] = s.holder(id)
			continue
		}
		work.Go(func() error {
			list[i] = holders.Holder{Name: k.name(key), Key: key}
			value, err := table.Query(ctx, key.PeerID()+"/"+holders.Name(id))
			off[i] = errors.Is(err, api.NotConfigured)
			list[i].State(value, err, id)
			return nil
		})
	}
	_ = work.Wait() // no function returns an error
	if slices.Contains(off, true) {
		return []holders.Holder{s.holder(id)}, false
	}
	return list, true
}

// statements is the hash table, as a Nym-API uses it.
type statements interface {
	Store(ctx context.Context, key string, value []byte) error
	Query(ctx context.Context, key string) ([]byte, error)
}

// throughDaemon is the hash table of the daemon.
type throughDaemon struct{ api.API }

// Store implements statements.
func (d throughDaemon) Store(ctx context.Context, key string, value []byte) error {
	return d.StoreInDHT(ctx, key, value)
}

// Query implements statements.
func (d throughDaemon) Query(ctx context.Context, key string) ([]byte, error) {
	return d.QueryDHT(ctx, key)
}

// table returns the hash table, or nil without one.
func (s *Service) table() statements {
	if held := s.statements.Load(); held != nil {
		return *held
	}
	return nil
}

// How often what is held is stated: a member forgets a value after two days.
const (
	stateAgain = 12 * time.Hour
	statePause = 2 * time.Second // between two looks at what is held
	stateRetry = 10 * time.Second
	// stateNewest is the number of epochs that are stated. The table keeps more of one member.
	stateNewest = 64
)

// state states in the hash table what this Nym-API holds of the newest epochs, until ctx is done.
func (s *Service) state(ctx context.Context, table statements) error {
	s.statements.Store(&table)
	stated, pause := map[contract.Epoch]time.Time{}, statePause
	for wait.For(ctx, pause) {
		held, err := s.kept().Held()
		held, pause = held[max(0, len(held)-stateNewest):], statePause
		for _, id := range slices.Backward(held) {
			if at, done := stated[id]; done && time.Since(at) < stateAgain {
				continue
			}
			if err = s.stateOne(ctx, table, id); err != nil {
				break
			}
			stated[id] = time.Now()
		}
		if errors.Is(err, api.NotConfigured) { // the daemon has none
			s.statements.Store(nil)
			return nil
		}
		if err != nil {
			s.log.DebugContext(ctx, "what is held of epochs is not in the hash table, trying again", "err", err)
			pause = stateRetry
		}
		maps.DeleteFunc(stated, func(id contract.Epoch, _ time.Time) bool { return !slices.Contains(held, id) })
	}
	return nil
}

// stateOne states what is held of one epoch.
func (s *Service) stateOne(ctx context.Context, table statements, id contract.Epoch) error {
	data, err := s.kept().Load(id)
	if err != nil {
		return err
	}
	return table.Store(ctx, holders.Name(id), holders.NewHolding(id, data, s.apiURLs()).Encode())
}

// apiURLs returns the addresses at which others reach the API: the configured ones, or that on
// which it listens. If it listens on all interfaces, these are the hosts of the node's addresses.
func (s *Service) apiURLs() []string {
	n := s.node.Load()
	if len(s.config.APIURLs) > 0 || n == nil || n.api == nil {
		return s.config.APIURLs
	}
	served, err := url.Parse(n.api.URL())
	if err != nil {
		return nil
	}
	host, _, err := net.SplitHostPort(s.config.API)
	if err != nil {
		return nil
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		return []string{served.String()}
	}
	var urls []string
	for _, address := range n.addresses {
		if parts := strings.Split(address, "/"); len(parts) > 2 && len(urls) < holders.MaxURLs {
			served.Host = net.JoinHostPort(parts[2], served.Port())
			urls = append(urls, served.String())
		}
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}
