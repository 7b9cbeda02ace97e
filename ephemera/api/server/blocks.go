package server

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// blockAnswer is a block, or status 304 if the caller has it.
type blockAnswer struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         api.Block
}

// cacheable returns a block with the headers for a caller's cache. The block of an ID never
// changes, except that its messages may be removed.
func cacheable(b api.Block, ifNoneMatch, control string) *blockAnswer {
	tag := `"` + b.ID.String() + `"`
	if b.Pruned {
		tag = `"` + b.ID.String() + `-pruned"`
	}
	out := &blockAnswer{Status: http.StatusOK, ETag: tag, CacheControl: control, Body: b}
	for known := range strings.SplitSeq(ifNoneMatch, ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == tag || known == "*" {
			out.Status = http.StatusNotModified
		}
	}
	return out
}

// Values of Cache-Control.
const (
	immutable = "private, max-age=86400, immutable"
	changing  = "no-cache"
)

// blockOp returns the operation of an endpoint that returns a block.
func blockOp(described huma.API, path, id, summary string) huma.Operation {
	op := endpoint(described, http.MethodGet, path, id, "blocks", summary, api.NotFound)
	op.Responses["304"] = &huma.Response{Description: "The caller has this version (If-None-Match)."}
	return op
}

// registerBlocks registers the endpoints about blocks.
func (s *Server) registerBlocks(described huma.API) {
	type byHash struct {
		Hash        block.ID `path:"hash" doc:"The block's ID."`
		IfNoneMatch string   `header:"If-None-Match"`
	}
	huma.Register(described, blockOp(described, api.PathBlock, "queryBlockByHash", "A certified block by its ID, of any creator"),
		func(ctx context.Context, in *byHash) (*blockAnswer, error) {
			b, err := s.api.QueryBlockByHash(ctx, in.Hash)
			if err != nil {
				return nil, s.refusal(ctx, err)
			}
			return cacheable(b, in.IfNoneMatch, immutable), nil
		})

	type byHeight struct {
		Height      uint64      `path:"height" minimum:"1" maximum:"9007199254740991" doc:"Position in the chain, from 1."`
		Creator     keys.Public `query:"creator" doc:"Key or peer ID. Default: this node."`
		Group       uint64      `query:"group" maximum:"9007199254740991" doc:"Number of the group. Default: the newest in which the node is a member."`
		IfNoneMatch string      `header:"If-None-Match"`
	}
	huma.Register(described, blockOp(described, api.PathBlockAt, "queryBlockByHeight", "The certified block at a height of a chain"),
		func(ctx context.Context, in *byHeight) (*blockAnswer, error) {
			b, err := s.api.QueryBlockByHeight(ctx, api.SlotQuery{Height: in.Height, Creator: in.Creator, Group: in.Group})
			if err != nil {
				return nil, s.refusal(ctx, err)
			}
			return cacheable(b, in.IfNoneMatch, changing), nil // the default group changes
		})

	type last struct {
		Creator     keys.Public `query:"creator" doc:"Key or peer ID. Default: this node."`
		Group       uint64      `query:"group" maximum:"9007199254740991" doc:"Number of the group. Default: the newest in which the node is a member."`
		IfNoneMatch string      `header:"If-None-Match"`
	}
	huma.Register(described, blockOp(described, api.PathLastBlock, "queryLastBlock", "The highest certified block of a chain"),
		func(ctx context.Context, in *last) (*blockAnswer, error) {
			b, err := s.api.QueryLastBlock(ctx, api.ChainQuery{Creator: in.Creator, Group: in.Group})
			if err != nil {
				return nil, s.refusal(ctx, err)
			}
			return cacheable(b, in.IfNoneMatch, changing), nil
		})
	s.registerProofs(described)
	s.registerList(described)
}

func (s *Server) registerProofs(described huma.API) {
	type hash struct {
		Hash block.ID `path:"hash" doc:"The block's ID."`
	}
	certificates := endpoint(described, http.MethodGet, api.PathCertificates, "queryBlockCertificates", "blocks",
		"A block's certificate, with the header and group needed to verify it", api.NotFound)
	certificates.Description = "Late echoes may add signers."
	huma.Register(described, certificates, func(ctx context.Context, in *hash) (*answer[api.Certificate], error) {
		return respond(ctx, s, func() (api.Certificate, error) { return s.api.QueryBlockCertificates(ctx, in.Hash) })
	})
	info := endpoint(described, http.MethodGet, api.PathBroadcastInfo, "queryBlockBroadcastInfo", "blocks",
		"Who echoed a block, and when this node proposed, certified and delivered it", api.NotFound)
	huma.Register(described, info, func(ctx context.Context, in *hash) (*answer[api.BroadcastInfo], error) {
		return respond(ctx, s, func() (api.BroadcastInfo, error) { return s.api.QueryBlockBroadcastInfo(ctx, in.Hash) })
	})
}

func (s *Server) registerList(described huma.API) {
	type list struct {
		Creator keys.Public `query:"creator" doc:"Key or peer ID. Default: all creators."`
		From    uint64      `query:"from" doc:"Cursor: blocks after it. Default: from the beginning."`
		Limit   int         `query:"limit" minimum:"1" maximum:"100" default:"100" doc:"Maximum number of blocks."`
	}
	blocks := endpoint(described, http.MethodGet, api.PathBlocks, "listBlocks", "blocks", "Certified blocks in the order in which this node received them")
	blocks.Description = "Continue with from=<next>. A page ends early after about a megabyte of messages. An empty page means that there are no more blocks yet."
	huma.Register(described, blocks, func(ctx context.Context, in *list) (*answer[api.BlockPage], error) {
		return respond(ctx, s, func() (api.BlockPage, error) {
			return s.api.ListBlocks(ctx, api.ListQuery{Creator: in.Creator, From: api.Cursor(in.From), Limit: in.Limit})
		})
	})
}
