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
	submit.Description = "A signed message, or a label and a payload that the node signs with its own key; the latter from this machine, " +
		"or with the bearer token. Accepted means that the mempool has it: a block holds it later. The mempool is in memory; " +
		"after a crash submit the message that was returned again, which is safe: a duplicate is refused."
	submit.DefaultStatus = http.StatusAccepted
	type submission struct{ Body api.Submission }
	huma.Register(described, submit, func(ctx context.Context, in *submission) (*answer[api.Submitted], error) {
		if in.Body.NodeSigns() {
			if err := s.maySign(ctx); err != nil {
				return nil, err
			}
		}
		return finish(ctx, s, func() (api.Submitted, error) { return s.api.SubmitEphemeraMessage(ctx, in.Body) })
	})

	verify := endpoint(described, http.MethodPost, api.PathVerify, "verifyMessageInBlock", "messages", "Ask whether a block holds a message, with proof",
		api.NotFound, api.Pruned)
	verify.Description = "Yes with an RFC 6962 inclusion proof, or no with all message IDs of the block; both lead to the header's root."
	type question struct{ Body api.InclusionQuery }
	huma.Register(described, verify, func(ctx context.Context, in *question) (*answer[api.Inclusion], error) {
		return finish(ctx, s, func() (api.Inclusion, error) { return s.api.VerifyMessageInBlock(ctx, in.Body) })
	})
}

// maySign tells whether the caller may have the node sign.
func (s *Server) maySign(ctx context.Context) error {
	if Trusted(ctx) {
		return nil
	}
	return s.refusal(ctx, api.NewProblem(api.Forbidden,
		"the node signs for callers on its own machine, or with the token (Authorization: Bearer …); others send signed messages"))
}

// finish answers with what ask returns.
func finish[T any](ctx context.Context, s *Server, ask func() (T, error)) (*answer[T], error) {
	body, err := ask()
	if err != nil {
		return nil, s.refusal(ctx, err)
	}
	return &answer[T]{Body: body}, nil
}

func (s *Server) registerNode(described huma.API) {
	type groupQuery struct {
		Number uint64        `query:"number" doc:"Number of the group; the newest by default."`
		ID     membership.ID `query:"id" doc:"ID of the group, instead of its number."`
	}
	group := endpoint(described, http.MethodGet, api.PathGroup, "queryBroadcastGroup", "node", "A group that the node knows, with its members", api.NotFound)
	huma.Register(described, group, func(ctx context.Context, in *groupQuery) (*answer[api.Group], error) {
		return finish(ctx, s, func() (api.Group, error) {
			return s.api.QueryBroadcastGroup(ctx, api.GroupQuery{Number: in.Number, ID: in.ID})
		})
	})
	config := endpoint(described, http.MethodGet, api.PathConfig, "queryEphemeraConfig", "node", "How the node is configured, without secrets")
	huma.Register(described, config, func(ctx context.Context, _ *nothing) (*answer[api.NodeConfig], error) {
		return finish(ctx, s, func() (api.NodeConfig, error) { return s.api.QueryEphemeraConfig(ctx) })
	})
	evidence := endpoint(described, http.MethodGet, api.PathEvidence, "evidence", "node", "Equivocation proofs that the node holds")
	huma.Register(described, evidence, func(ctx context.Context, _ *nothing) (*answer[evidenceList], error) {
		return finish(ctx, s, func() (evidenceList, error) {
			held, err := s.api.Evidence(ctx)
			return evidenceList{Evidence: append([]api.Evidence{}, held...)}, err
		})
	})
}

// evidenceList leaves room for more than the list.
type evidenceList struct {
	Evidence []api.Evidence `json:"evidence" nullable:"false"`
}

// alive is the answer of the probe for a process that answers at all.
type alive struct {
	Status string `json:"status" enum:"live"`
}

// healthAnswer is where the node stands, with the status that probes look at.
type healthAnswer struct {
	Status int
	Body   api.Health
}

func (s *Server) registerHealth(described huma.API) {
	live := endpoint(described, http.MethodGet, api.PathLive, "live", "node", "Whether the process answers")
	huma.Register(described, live, func(context.Context, *nothing) (*answer[alive], error) {
		return &answer[alive]{Body: alive{Status: "live"}}, nil
	})
	health := endpoint(described, http.MethodGet, api.PathHealth, "health", "node", "Where the node stands")
	huma.Register(described, health, func(ctx context.Context, _ *nothing) (*answer[api.Health], error) {
		return finish(ctx, s, func() (api.Health, error) { return s.api.Health(ctx) })
	})
	ready := endpoint(described, http.MethodGet, api.PathReady, "ready", "node", "Whether the node is ready: 200, or 503")
	ready.Description = "Ready means that the store is open, the listeners are bound and a quorum is connected."
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
		Key string `path:"key" minLength:"1" maxLength:"768" doc:"What the value is stored under; a slash is written %2F."`
	}
	query := endpoint(described, http.MethodGet, api.PathDHTQuery, "queryDht", "dht", "The newest value stored under a key", api.NotFound, api.NotConfigured)
	huma.Register(described, query, func(ctx context.Context, in *key) (*answer[api.DHTEntry], error) {
		return finish(ctx, s, func() (api.DHTEntry, error) {
			value, err := s.api.QueryDht(ctx, in.Key)
			return api.DHTEntry{Key: in.Key, Value: append([]byte{}, value...)}, err
		})
	})
	store := endpoint(described, http.MethodPost, api.PathDHTStore, "storeInDht", "dht", "Store a value under a key, signed by the node", api.NotConfigured)
	store.Description = "From this machine, or with the bearer token, because the node signs."
	store.DefaultStatus = http.StatusNoContent
	type entry struct{ Body api.DHTEntry }
	huma.Register(described, store, func(ctx context.Context, in *entry) (*nothing, error) {
		if err := s.maySign(ctx); err != nil {
			return nil, err
		}
		if err := s.api.StoreInDht(ctx, in.Body.Key, in.Body.Value); err != nil {
			return nil, s.refusal(ctx, err)
		}
		return &nothing{}, nil
	})
}

// describeSubscribe is the WebSocket's part of the OpenAPI document, which has no words for one.
func (s *Server) describeSubscribe() *huma.PathItem {
	parameter := func(name, description string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return &huma.PathItem{Get: &huma.Operation{
		OperationID: "subscribe", Tags: []string{"blocks"}, Summary: "Certified blocks over a WebSocket",
		Description: strings.Join([]string{
			"Each text frame is a JSON object with a type. \"block\": entry holds the cursor, the block and its certificate. \"progress\": nothing",
			"new up to cursor. \"problem\": the last frame, why the subscription ends; for a subscriber that lags it has the cursor to go on from.",
			"Blocks come in the order in which this node got them, each once. Subscribe again with from=<cursor> of the last frame, and nothing",
			"is lost or repeated. Frames from the subscriber are not expected.",
		}, " "),
		Parameters: []*huma.Param{
			parameter("from", "A cursor: blocks after it. 0: from the beginning. Left out: from now on."),
			parameter("filter", "own: the node's own blocks; all (default)."),
			parameter("creator", "Key or peer ID: this creator's blocks."),
			parameter("label", "Blocks that hold a message with this label."),
		},
		Responses: map[string]*huma.Response{
			"101":     {Description: "The WebSocket is open."},
			"default": {Description: fmt.Sprintf("A problem; there may be %d subscribers.", s.config.MaxSubscribers)},
		},
	}}
}
