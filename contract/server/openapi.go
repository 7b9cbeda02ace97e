package server

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/problem"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

const schemaPrefix = "#/components/schemas/"

// describe returns the OpenAPI document of the endpoints. Schemas are made from the Go types that
// the handlers encode.
func describe(endpoints []endpoint, version string) *huma.OpenAPI {
	schemas := huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[contract.Description](), reflect.TypeFor[contract.DescriptionJSON]())
	schemas.RegisterTypeAlias(reflect.TypeFor[metrics.Uptime](), reflect.TypeFor[uptime]())
	document := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Rewarding contract", Version: version,
			Description: "The simulated contract that rewards mixnodes. Keys, hashes and signatures are hexadecimal, times RFC 3339 in UTC. " +
				"A value is an uptime in hundredths of a percent, percent is percent; null stands for a missing value. Errors are problem documents (RFC 9457) whose type is " +
				"urn:nym-rewarding:problem:<kind>.",
		},
		Tags: []*huma.Tag{
			{Name: tagEpochs, Description: "What the contract decided, with its evidence."},
			{Name: tagReports, Description: "The reports in the winners' blocks, and what they say about Nym-APIs."},
			{Name: tagNymAPIs, Description: "What Nym-APIs send, and who they are."},
			{Name: tagHealth, Description: "Probes."},
		},
		Paths:      map[string]*huma.PathItem{},
		Components: &huma.Components{Schemas: schemas},
	}
	for _, e := range endpoints {
		item := document.Paths[e.path]
		if item == nil {
			item = &huma.PathItem{}
			document.Paths[e.path] = item
		}
		if e.method == http.MethodPost {
			item.Post = e.operation(schemas)
		} else {
			item.Get = e.operation(schemas)
		}
	}
	allowNull(schemas)
	return document
}

func (e endpoint) operation(schemas huma.Registry) *huma.Operation {
	op := &huma.Operation{
		OperationID: e.id, Summary: e.summary, Tags: []string{e.tag}, Parameters: e.parameters,
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: content(schemas, e.answer, e.encoding)}},
	}
	refusals := append([]contract.Kind{}, e.refusals...)
	if e.body != nil {
		media := content(schemas, e.body.json, "Submission")
		op.RequestBody = &huma.RequestBody{Required: true, Content: media}
		refusals = append(refusals, contract.TooLarge, contract.UnsupportedMedia)
	}
	refusals = append(refusals, contract.Malformed, contract.WrongHost, contract.TooManyRequests, contract.Unavailable, contract.Internal)
	schema := schemas.Schema(reflect.TypeFor[contract.Problem](), true, "Problem")
	for _, kind := range refusals {
		status := strconv.Itoa(kind.Status())
		response := op.Responses[status]
		if response == nil {
			response = &huma.Response{Description: "Problem of kind", Content: map[string]*huma.MediaType{problem.ContentType: {Schema: schema}}}
			op.Responses[status] = response
		}
		response.Description += " " + string(kind)
	}
	return op
}

// content describes JSON of that type or, if it is nil, an encoding of package contract.
func content(schemas huma.Registry, of reflect.Type, encoding string) map[string]*huma.MediaType {
	if of != nil {
		return map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(of, true, of.Name())}}
	}
	return map[string]*huma.MediaType{contract.ContentType: {Schema: &huma.Schema{
		Type: huma.TypeString, Format: "binary", Description: "Canonical CBOR of a " + encoding + ".",
	}}}
}

// uptime is metrics.Uptime in JSON.
type uptime struct{}

// Schema implements huma.SchemaProvider.
func (uptime) Schema(huma.Registry) *huma.Schema {
	s := numberSchema(0, float64(metrics.Full))
	s.Nullable, s.Description = true, "Hundredths of a percent, null for no value."
	return s
}

// allowNull allows null for pointers to structs that encoding/json does not leave out. Huma does
// not describe them.
func allowNull(schemas huma.Registry) {
	for name, schema := range schemas.Map() {
		for _, field := range reflect.VisibleFields(schemas.TypeFromRef(schemaPrefix + name)) {
			tag := field.Tag.Get("json")
			key, _, _ := strings.Cut(tag, ",")
			property := schema.Properties[key]
			if field.Type.Kind() != reflect.Pointer || strings.Contains(tag, "omitempty") || property == nil || property.Ref == "" {
				continue
			}
			schema.Properties[key] = &huma.Schema{OneOf: []*huma.Schema{{Ref: property.Ref}, {Type: "null"}}}
		}
	}
}

// docsPolicy allows browsers what the page of the documentation needs, from this server alone.
const docsPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"

// serveDocs serves the OpenAPI document, which is encoded once, and the page that shows it.
func (s *Server) serveDocs(r chi.Router, endpoints []endpoint) {
	document, err := json.Marshal(describe(endpoints, s.keeper.cfg.Version))
	r.Get(contract.PathOpenAPI, func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			s.fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(document) // a caller that has left needs no answer
	})
	ui := v5emb.NewWithConfig(swgui.Config{SettingsUI: map[string]string{"validatorUrl": "null"}})("Rewarding contract", contract.PathOpenAPI, contract.PathDocs)
	docs := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", docsPolicy)
		ui.ServeHTTP(w, r)
	}
	r.Get(contract.PathDocs, docs)
	r.Get(contract.PathDocs+"/*", docs)
}
