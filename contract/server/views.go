package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
)

// The endpoints that only read.

func (s *Server) getEpoch(r *http.Request) (any, error) { return s.keeper.current(r.Context()) }

func (k *keeper) current(ctx context.Context) (contract.CurrentEpoch, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if err := k.tick(ctx, now); err != nil {
		return contract.CurrentEpoch{}, err
	}
	if k.newest.Epoch == 0 {
		return contract.CurrentEpoch{}, k.notStarted()
	}
	return contract.CurrentEpoch{
		ID: k.newest.Epoch, Start: k.newest.Start, DurationMS: k.newest.End.Sub(k.newest.Start).Milliseconds(),
		ServerTime: now, Description: k.newest.Hash(),
	}, nil
}

func (s *Server) getPeerInfo(*http.Request) (any, error) { return s.keeper.peerInfo(), nil }

func (k *keeper) peerInfo() contract.PeerInfo {
	k.mu.Lock()
	defer k.mu.Unlock()
	info := contract.PeerInfo{
		Network: k.cfg.Network, Limits: contract.LimitsOf(k.cfg.Limits), ContractKey: k.key.Public(), Expected: k.cfg.expected(),
		Members: make([]contract.Member, len(k.members)),
	}
	for i, m := range k.members {
		info.Members[i] = contract.Member{Name: m.Name, Key: m.Key, PeerID: m.Key.PeerID(), Addresses: append([]string{}, m.Addresses...)}
	}
	if g := k.group; g != nil {
		info.Group, info.Number, info.N, info.F, info.Q, info.Limits = g.ID(), g.Number(), g.N(), g.F(), g.Q(), contract.LimitsOf(g.Limits())
		info.Expected = g.N()
	}
	return info
}

// Page sizes of the list of epochs.
const (
	defaultPage = 20
	maxPage     = 1000
)

func (s *Server) getEpochs(r *http.Request) (any, error) {
	var from contract.Epoch
	limit := defaultPage
	query := r.URL.Query()
	if text := query.Get("from"); text != "" {
		var err error
		if from, err = contract.ParseEpoch(text); err != nil {
			return nil, contract.NewProblem(contract.Malformed, "from: "+err.Error())
		}
	}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return nil, contract.NewProblem(contract.Malformed, fmt.Sprintf("limit %.20q, expected 1..%d", text, maxPage))
		}
		limit = n
	}
	epochs, err := s.keeper.epochs(r.Context(), from, limit)
	return contract.Epochs{Epochs: epochs}, err
}

func (k *keeper) epochs(ctx context.Context, from contract.Epoch, limit int) ([]contract.EpochSummary, error) {
	if err := k.upToDate(ctx); err != nil {
		return nil, err
	}
	return k.store.Epochs(ctx, from, limit)
}

// upToDate carries out what is due, so that answers do not depend on when the timer fires.
func (k *keeper) upToDate(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tick(ctx, k.now())
}

func (s *Server) getEpochDetail(r *http.Request) (any, error) {
	epoch, err := epochOf(r)
	if err != nil {
		return nil, err
	}
	if err := s.keeper.upToDate(r.Context()); err != nil {
		return nil, err
	}
	return s.keeper.store.Epoch(r.Context(), epoch)
}

func epochOf(r *http.Request) (contract.Epoch, error) {
	epoch, err := contract.ParseEpoch(chi.URLParam(r, "id"))
	if err != nil {
		return 0, contract.NewProblem(contract.Malformed, err.Error())
	}
	return epoch, nil
}

func (s *Server) getReceipt(r *http.Request) (any, error) {
	epoch, err := epochOf(r)
	if err != nil {
		return nil, err
	}
	won, err := s.keeper.store.Winning(r.Context(), epoch)
	if errors.Is(err, store.ErrNotFound) {
		p := contract.NewProblem(contract.NotFound, fmt.Sprintf("epoch %d has no winner", epoch))
		p.Epoch = epoch
		return nil, p
	}
	return won.Receipt, err
}

func (s *Server) getRecord(r *http.Request) (any, error) {
	epoch, err := epochOf(r)
	if err != nil {
		return nil, err
	}
	record, err := s.keeper.store.Record(r.Context(), epoch)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notSettled(epoch)
	}
	return record, err
}

func (s *Server) getReady(r *http.Request) (any, error) {
	if err := s.keeper.store.Ping(r.Context()); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return status{"ready"}, nil
}
