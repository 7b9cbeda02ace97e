package server

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"net/http"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics/heatmap"
)

//go:embed page/index.html
var indexHTML string

//go:embed page/style.css
var styleCSS string

var indexPage = template.Must(template.New("index").Funcs(template.FuncMap{
	"addresses": func(list []string) string { return strings.Join(list, " ") },
	"epochPage": func(epoch contract.Epoch) string { return epochPages + epoch.String() },
	"bundle":    contract.BundlePath,
}).Parse(indexHTML))

// pageEpochs is how many epochs the page shows.
const pageEpochs = 30

// getPage serves the page for people: the members and the last epochs.
func (s *Server) getPage(w http.ResponseWriter, r *http.Request) {
	epochs, err := s.keeper.epochs(r.Context(), 0, pageEpochs)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	info := s.keeper.peerInfo()
	var body bytes.Buffer
	err = indexPage.Execute(&body, struct {
		Info     contract.PeerInfo
		Complete bool
		Mode     contract.Mode
		Epochs   []contract.EpochSummary
	}{info, info.Number > 0, s.keeper.cfg.Mode, epochs})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes()) // a caller that has left needs no answer
}

func getStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = io.WriteString(w, styleCSS+string(heatmap.Style))
}
