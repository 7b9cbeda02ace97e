package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// register registers the endpoints that are not about blocks.
func (s *Server) register(described huma.API) {
	s.registerMessages(described)
	s.registerNode(described)
	s.registerHealth(described)
	s.registerDHT(described)
}

func (s *Server) registerMessages(described huma.API) {
	submit := endpoint(described, http.MethodPost, api.PathSubmit, "submitMessage", "messages", "Broadcast a message",
		api.UnknownSender, api.Duplicate, api.Invalid, api.Refused, api.MempoolFull, api.SenderQuota)
	submit.Description = "A signed message, or a label and a payload that the node signs with its own key. The node signs only for callers " +
		"on its own machine or with the bearer token. Accepted means that the message is in the mempool, not yet in a block. The mempool " +
		"is in memory: after a crash, submit the returned message again, which is safe because duplicates are refused."
	submit.DefaultStatus = http.StatusAccepted
	type submission struct{ Body api.Submission }
	huma.Register(described, submit, func(ctx context.Context, in *submission) (*answer[api.Submitted], error) {
		if in.Body.NodeSigns() {
			if err := s.maySign(ctx); err != nil {
				return nil, err
			}
		}
		return respond(ctx, s, func() (api.Submitted, error) { return s.api.SubmitEphemeraMessage(ctx, in.Body) })
	})

	verify := endpoint(described, http.MethodPost, api.PathVerify, "verifyMessageInBlock", "messages", "Whether a block holds a message, with proof",
		api.NotFound, api.Pruned)
	verify.Description = "Yes with an RFC 6962 inclusion proof, or no with all message IDs of the block. Both are checked against the header's root."
	type question struct{ Body api.InclusionQuery }
	huma.Register(described, verify, func(ctx context.Context, in *question) (*answer[api.Inclusion], error) {
		return respond(ctx, s, func() (api.Inclusion, error) { return s.api.VerifyMessageInBlock(ctx, in.Body) })
	})
}

// maySign returns a problem unless the caller may have the node sign.
func (s *Server) maySign(ctx context.Context) error {
	if trusted(ctx) {
		return nil
	}
	return s.refusal(ctx, api.NewProblem(api.Forbidden,
		"the node signs only for callers on its own machine or with the token (Authorization: Bearer …); submit a signed message instead"))
}

// respond returns the result of call as an answer or a problem.
func respond[T any](ctx context.Context, s *Server, call func() (T, error)) (*answer[T], error) {
	body, err := call()
	if err != nil {
		return nil, s.refusal(ctx, err)
	}
	return &answer[T]{Body: body}, nil
}

func (s *Server) registerNode(described huma.API) {
	type groupQuery struct {
		Number uint64        `query:"number" maximum:"9007199254740991" doc:"Number of the group. Default: the newest."`
		ID     membership.ID `query:"id" doc:"ID of the group, instead of its number."`
	}
	group := endpoint(described, http.MethodGet, api.PathGroup, "queryBroadcastGroup", "node", "A group that the node knows, with its members", api.NotFound)
	huma.Register(described, group, func(ctx context.Context, in *groupQuery) (*answer[api.Group], error) {
		return respond(ctx, s, func() (api.Group, error) {
			return s.api.QueryBroadcastGroup(ctx, api.GroupQuery{Number: in.Number, ID: in.ID})
		})
	})
	config := endpoint(described, http.MethodGet, api.PathConfig, "queryEphemeraConfig", "node", "The node's configuration, without secrets")
	huma.Register(described, config, func(ctx context.Context, _ *nothing) (*answer[api.NodeConfig], error) {
		return respond(ctx, s, func() (api.NodeConfig, error) { return s.api.QueryEphemeraConfig(ctx) })
	})
	evidence := endpoint(described, http.MethodGet, api.PathEvidence, "evidence", "node", "Equivocation proofs that the node holds")
	huma.Register(described, evidence, func(ctx context.Context, _ *nothing) (*answer[evidenceList], error) {
		return respond(ctx, s, func() (evidenceList, error) {
			held, err := s.api.Evidence(ctx)
			return evidenceList{Evidence: append([]api.Evidence{}, held...)}, err
		})
	})
}

// evidenceList is an object, so that fields can be added.
type evidenceList struct {
	Evidence []api.Evidence `json:"evidence" nullable:"false"`
}

// alive is the answer to a liveness probe.
type alive struct {
	Status string `json:"status" enum:"live"`
}

// healthAnswer is the state of the node, with the status for readiness probes.
type healthAnswer struct {
	Status int
	Body   api.Health
}

func (s *Server) registerHealth(described huma.API) {
	live := endpoint(described, http.MethodGet, api.PathLive, "live", "node", "Whether the process is alive")
	huma.Register(described, live, func(context.Context, *nothing) (*answer[alive], error) {
		return &answer[alive]{Body: alive{Status: "live"}}, nil
	})
	health := endpoint(described, http.MethodGet, api.PathHealth, "health", "node", "The state of the node")
	huma.Register(described, health, func(ctx context.Context, _ *nothing) (*answer[api.Health], error) {
		return respond(ctx, s, func() (api.Health, error) { return s.api.Health(ctx) })
	})
	ready := endpoint(described, http.MethodGet, api.PathReady, "ready", "node", "Whether the node is ready: 200, or 503")
	ready.Description = "Ready means that the store is open, the listeners are bound and a quorum is connected that holds the same group."
	status := described.OpenAPI().Components.Schemas.Schema(typeOf[api.Health](), true, "Health")
	ready.Responses["503"] = &huma.Response{
		Description: "Not ready", Content: map[string]*huma.MediaType{"application/json": {Schema: status}},
	}
	huma.Register(described, ready, func(ctx context.Context, _ *nothing) (*healthAnswer, error) {
		health, err := s.api.Health(ctx)
		if err != nil {
			return nil, s.refusal(ctx, err)
		}
		out := &healthAnswer{Status: http.StatusOK, Body: health}
		if !health.Ready {
			out.Status = http.StatusServiceUnavailable
		}
		return out, nil
	})
}

func (s *Server) registerDHT(described huma.API) {
	type key struct {
		Key string `path:"key" minLength:"1" maxLength:"768" doc:"The key of the value. Escape a slash as %2F."`
	}
	query := endpoint(described, http.MethodGet, api.PathDHTQuery, "queryDht", "dht", "The newest value stored under a key", api.NotFound, api.NotConfigured)
	huma.Register(described, query, func(ctx context.Context, in *key) (*answer[api.DHTEntry], error) {
		return respond(ctx, s, func() (api.DHTEntry, error) {
			value, err := s.api.QueryDHT(ctx, in.Key)
			return api.DHTEntry{Key: in.Key, Value: append([]byte{}, value...)}, err
		})
	})
	store := endpoint(described, http.MethodPost, api.PathDHTStore, "storeInDht", "dht", "Store a value under a key, signed by the node", api.NotConfigured)
	store.Description = "Only for callers on the node's machine or with the bearer token, because the node signs."
	store.DefaultStatus = http.StatusNoContent
	type entry struct{ Body api.DHTEntry }
	huma.Register(described, store, func(ctx context.Context, in *entry) (*nothing, error) {
		if err := s.maySign(ctx); err != nil {
			return nil, err
		}
		if err := s.api.StoreInDHT(ctx, in.Body.Key, in.Body.Value); err != nil {
			return nil, s.refusal(ctx, err)
		}
		return &nothing{}, nil
	})
}

// describeSubscribe returns the WebSocket's part of the OpenAPI document. OpenAPI itself cannot
// describe frames.
func (s *Server) describeSubscribe() *huma.PathItem {
	parameter := func(name, description string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return &huma.PathItem{Get: &huma.Operation{
		OperationID: "subscribe", Tags: []string{"blocks"}, Summary: "Certified blocks over a WebSocket",
		Description: strings.Join([]string{
			"Each text frame is a JSON object with a type. \"block\": entry holds the cursor, the block and its certificate. \"progress\": the",
			"node has no further block up to cursor. \"problem\": the last frame, which says why the subscription ends; a subscriber that lagged finds",
			"in it the cursor to continue from. Blocks are sent once each, in the order in which this node received them. To continue without",
			"loss or repetition, subscribe again with from=<cursor> of the last frame. The subscriber must not send frames.",
		}, " "),
		Parameters: []*huma.Param{
			parameter("from", "Cursor: blocks after it. 0: from the beginning. Default: from now on."),
			parameter("filter", "own: only the node's own blocks. all: every block (default)."),
			parameter("creator", "Key or peer ID: only blocks of this creator."),
			parameter("label", "Only blocks with a message of this label."),
		},
		Responses: map[string]*huma.Response{
			"101":     {Description: "The WebSocket is open."},
			"default": {Description: fmt.Sprintf("A problem. At most %d subscribers are served at a time.", s.config.MaxSubscribers)},
		},
	}}
}
