package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
)

// The endpoints that serve the files of an epoch's bundle.

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
