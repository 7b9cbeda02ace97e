package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
)

// The endpoints that serve the two files of an epoch's bundle.

func (s *Server) getCore(w http.ResponseWriter, r *http.Request) {
	epoch, err := epochOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	core, err := s.keeper.core(r.Context(), epoch)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	serveFile(w, fmt.Sprintf("epoch-%d.core", epoch), core.Encode())
}

func (k *keeper) core(ctx context.Context, epoch contract.Epoch) (contract.Core, error) {
	if err := k.upToDate(ctx); err != nil {
		return contract.Core{}, err
	}
	core, err := k.store.Core(ctx, epoch)
	if errors.Is(err, store.ErrNotFound) {
		return contract.Core{}, notSettled(epoch)
	}
	if err != nil {
		return contract.Core{}, err
	}
	return core, core.Validate() // fails if another program changed the database
}

func (s *Server) getAnnex(w http.ResponseWriter, r *http.Request) {
	epoch, err := epochOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	annex, err := s.keeper.annex(r.Context(), epoch)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	serveFile(w, fmt.Sprintf("epoch-%d.annex", epoch), annex)
}

// annex returns the encoded annex of an epoch that has closed. It is sealed now if that was not
// done yet.
func (k *keeper) annex(ctx context.Context, epoch contract.Epoch) ([]byte, error) {
	if err := k.upToDate(ctx); err != nil {
		return nil, err
	}
	annex, err := k.store.Annex(ctx, epoch)
	if !errors.Is(err, store.ErrNotFound) {
		return annex, err
	}
	closing, err := k.store.Closing(ctx, epoch)
	if err != nil {
		return nil, err
	}
	now := k.time()
	if now < closing {
		p := contract.NewProblem(contract.NotClosed, fmt.Sprintf("epoch %d closes at %s; its annex is sealed then", epoch, closing))
		p.Epoch, p.RetryAfterMS = epoch, closing.Sub(now).Milliseconds()
		return nil, p
	}
	err = k.seal(ctx, epoch, now)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notSettled(epoch)
	}
	if err != nil {
		return nil, err
	}
	return k.store.Annex(ctx, epoch)
}

func notSettled(epoch contract.Epoch) error {
	p := contract.NewProblem(contract.NotFound, fmt.Sprintf("epoch %d is not settled", epoch))
	p.Epoch = epoch
	return p
}

// serveFile sends a file that never changes.
func serveFile(w http.ResponseWriter, name string, content []byte) {
	header := w.Header()
	header.Set("Content-Type", contract.ContentType)
	header.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, name))
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(content) // a caller that has left needs no answer
}
