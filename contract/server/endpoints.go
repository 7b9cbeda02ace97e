package server

import (
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// endpoint is an address of the API: how it is served, and what the OpenAPI document says about it.
type endpoint struct {
	method, path string
	id, tag      string // in the OpenAPI document
	summary      string
	parameters   []*huma.Param
	handler      http.HandlerFunc
	// answer is the type of the answer in JSON. It is nil for an encoding of package contract, which
	// encoding names.
	answer   reflect.Type
	encoding string
	refusals []contract.Kind // in addition to those that every endpoint has
	body     *body           // of a POST
}

// body is what a POST takes.
type body struct {
	media string
	limit func() int64
	json  reflect.Type // nil: an encoding of package contract
}

// Tags of the OpenAPI document.
const (
	tagEpochs  = "epochs"
	tagReports = "reports"
	tagNymAPIs = "nym-apis"
	tagHealth  = "health"
)

// endpoints are all endpoints of the API. The pages for people are not in the list.
func (s *Server) endpoints() []endpoint {
	return append(s.epochEndpoints(), append(s.reportEndpoints(), s.memberEndpoints()...)...)
}

func answers[T any]() reflect.Type { return reflect.TypeFor[T]() }

func (s *Server) epochEndpoints() []endpoint {
	const one = contract.PathEpochs + "/{id}"
	get := func(path, id, summary string, answer reflect.Type, handler func(*http.Request) (any, error), refusals ...contract.Kind) endpoint {
		return endpoint{method: http.MethodGet, path: path, id: id, tag: tagEpochs, summary: summary, answer: answer, handler: s.handle(handler), refusals: refusals}
	}
	list := get(contract.PathEpochs, "epochs", "Epochs, newest first", answers[contract.Epochs](), s.getEpochs)
	list.parameters = pageParameters(maxPage)
	encoded := func(path, id, summary, encoding string, handler http.HandlerFunc) endpoint {
		return endpoint{
			method: http.MethodGet, path: one + path, id: id, tag: tagEpochs, summary: summary, encoding: encoding, handler: handler,
			refusals: []contract.Kind{contract.NotFound},
		}
	}
	all := []endpoint{
		get(contract.PathEpoch, "currentEpoch", "The newest epoch, and the contract's time", answers[contract.CurrentEpoch](), s.getEpoch, contract.NotStarted),
		list,
		get(one, "epoch", "An epoch with its description, winner, attempts and rewards", answers[contract.EpochDetail](), s.getEpochDetail, contract.NotFound),
		get(one+"/receipt", "receipt", "The signed receipt of a rewarded epoch", answers[contract.Receipt](), s.getReceipt, contract.NotFound),
		get(one+"/record", "record", "The signed record how an epoch was settled", answers[contract.Record](), s.getRecord, contract.NotFound),
		encoded("/bundle", "bundle", "All evidence of a settled epoch, encoded", "Core", s.getCore),
		encoded("/annex", "annex", "What else was received about an epoch that has closed, encoded", "Annex", s.getAnnex),
	}
	for i := range all[2:] {
		all[i+2].parameters = []*huma.Param{epochParameter()}
	}
	return all
}

func (s *Server) reportEndpoints() []endpoint {
	get := func(path, id, summary string, answer reflect.Type, handler func(*http.Request) (any, error), refusals ...contract.Kind) endpoint {
		return endpoint{method: http.MethodGet, path: path, id: id, tag: tagReports, summary: summary, answer: answer, handler: s.handle(handler), refusals: refusals}
	}
	matrix := get(contract.PathEpochs+"/{id}/matrix", "matrix", "Who reported what in a rewarded epoch, and what was paid", answers[contract.EpochMatrix](), s.getMatrix, contract.NotFound)
	matrix.parameters = []*huma.Param{epochParameter()}
	mixnode := get(contract.PathMixnodes+"/{id}", "mixnode", "Who reported what about a mixnode, what each estimator would have paid, and what was paid",
		answers[contract.MixnodeReports](), s.getMixnode, contract.NotFound)
	mixnode.parameters = append([]*huma.Param{{
		Name: "id", In: "path", Required: true, Description: "Name of the mixnode, escaped as in a URL.", Schema: &huma.Schema{Type: huma.TypeString},
	}}, pageParameters(maxMixnodePage)...)
	reporters := get(contract.PathReporters, "reporters", "How far each Nym-API was from the results of all epochs, and who was caught", answers[contract.Reporters](), s.getReporters)
	return []endpoint{matrix, mixnode, reporters}
}

func (s *Server) memberEndpoints() []endpoint {
	get := func(path, id, tag, summary string, answer reflect.Type, handler func(*http.Request) (any, error)) endpoint {
		return endpoint{method: http.MethodGet, path: path, id: id, tag: tag, summary: summary, answer: answer, handler: s.handle(handler)}
	}
	return []endpoint{
		get(contract.PathPeerInfo, "peerInfo", tagNymAPIs, "The group and its members", answers[contract.PeerInfo](), s.getPeerInfo),
		{
			method: http.MethodPost, path: contract.PathEnrol, id: "enrol", tag: tagNymAPIs, summary: "Become a member, or change one's addresses",
			answer: answers[contract.EnrolAnswer](), handler: s.handle(s.postEnrol),
			body: &body{media: "application/json", limit: func() int64 { return maxEnrolBytes }, json: answers[contract.EnrolRequest]()},
			refusals: []contract.Kind{
				contract.BadSignature, contract.WrongToken, contract.NameTaken, contract.KeyTaken, contract.GroupComplete, contract.StaleCounter,
			},
		},
		{
			method: http.MethodPost, path: contract.PathSubmit, id: "submit", tag: tagNymAPIs, summary: "Submit the result of an epoch with its evidence",
			answer: answers[contract.Receipt](), handler: s.handle(s.postSubmit),
			body: &body{media: contract.ContentType, limit: s.keeper.bodyLimit},
			refusals: []contract.Kind{
				contract.NotMember, contract.NotAuthorised, contract.BadSignature, contract.NotFound, contract.Decided, contract.Missed, contract.NotOver,
				contract.WrongContract, contract.WrongDescription, contract.WrongGroup, contract.WrongMixnodes, contract.BadEvidence, contract.NotCertified,
				contract.NotOwnBlock, contract.TooFewReports, contract.WrongResult, contract.EarlierOpen, contract.NotStarted,
			},
		},
		{
			method: http.MethodPost, path: contract.PathBatch, id: "submitBatch", tag: tagNymAPIs,
			summary: "Submit what one Nym-API measured in the epoch in progress, in mode performance-contract",
			answer:  answers[contract.BatchAnswer](), handler: s.handle(s.postBatch),
			body: &body{media: contract.ContentType, limit: s.keeper.batchLimit},
			refusals: []contract.Kind{
				contract.BadSignature, contract.BatchRefused, contract.WrongContract, contract.WrongDescription, contract.WrongMixnodes, contract.BadEvidence,
				contract.WrongResult, contract.NotStarted,
			},
		},
		get(contract.PathLive, "live", tagHealth, "Whether the process is alive", answers[status](), func(*http.Request) (any, error) { return status{"live"}, nil }),
		get(contract.PathReady, "ready", tagHealth, "Whether the contract answers", answers[status](), s.getReady),
	}
}

func epochParameter() *huma.Param {
	return &huma.Param{Name: "id", In: "path", Required: true, Description: "Number of the epoch, from 1.", Schema: numberSchema(1, 1<<53-1)}
}

// pageParameters are those of a list of epochs, newest first.
func pageParameters(largest int) []*huma.Param {
	limit := numberSchema(1, float64(largest))
	limit.Default = defaultPage
	return []*huma.Param{
		{Name: "from", In: "query", Description: "Number of the newest epoch of the page. Default: the newest.", Schema: numberSchema(1, 1<<53-1)},
		{Name: "limit", In: "query", Description: fmt.Sprintf("Number of epochs, at most %d.", largest), Schema: limit},
	}
}

func numberSchema(least, largest float64) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: &least, Maximum: &largest}
}
