package server

import (
	_ "embed"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
)

//go:embed page.html
var page []byte

// Content security policies of the two pages. They load nothing from elsewhere.
const (
	pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	docsPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
)

// registerDocs registers the pages for people.
func (s *Server) registerDocs(r chi.Router) {
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", pagePolicy)
		_, _ = w.Write(page) // an error means that the caller has gone
	})
	ui := v5emb.NewWithConfig(swgui.Config{HideCurl: false, ShowTopBar: false, SettingsUI: map[string]string{"validatorUrl": "null"}})(
		"Ephemera", api.PathOpenAPI, api.PathDocs)
	docs := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", docsPolicy)
		ui.ServeHTTP(w, r)
	}
	r.Get(api.PathDocs, docs)
	r.Get(api.PathDocs+"/*", docs)
}
