package server

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/heatmap"
)

//go:embed page/epoch.html
var epochHTML string

var epochPage = template.Must(template.New("epoch").Funcs(template.FuncMap{
	"epochPath": contract.EpochPath, "matrix": contract.MatrixPath, "receipt": contract.ReceiptPath, "record": contract.RecordPath, "bundle": contract.BundlePath,
}).Parse(epochHTML))

// epochPages is the path of the pages of epochs, without the number.
const epochPages = "/epochs/"

// heatmapPolicy is pagePolicy with the pictures of a heat map and the lengths of its bars, which
// are in the page itself.
const heatmapPolicy = pagePolicy + "; img-src data:; style-src-attr 'unsafe-inline'"

// getEpochPage serves the page of one epoch: its reports as a heat map, and who was caught.
func (s *Server) getEpochPage(w http.ResponseWriter, r *http.Request) {
	body, err := s.epochPage(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", heatmapPolicy)
	_, _ = w.Write(body) // a caller that has left needs no answer
}

func (s *Server) epochPage(r *http.Request) ([]byte, error) {
	epoch, err := epochOf(r)
	if err != nil {
		return nil, err
	}
	if err := s.keeper.upToDate(r.Context()); err != nil {
		return nil, err
	}
	var data struct {
		Epoch  contract.EpochDetail
		Matrix *contract.EpochMatrix // nil unless rewarded
		Map    template.HTML
	}
	if data.Epoch, err = s.keeper.store.Epoch(r.Context(), epoch); err != nil {
		return nil, err
	}
	matrix, err := s.keeper.store.Matrix(r.Context(), epoch)
	if err == nil {
		data.Matrix = &matrix
		data.Map, err = heat(matrix)
	} else if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	err = epochPage.Execute(&body, data)
	return body.Bytes(), err
}

// heat returns the heat map of a matrix, "" without reports.
func heat(matrix contract.EpochMatrix) (template.HTML, error) {
	if len(matrix.Rows) == 0 {
		return "", nil
	}
	m := heatmap.Map{
		Caption:  fmt.Sprintf("What the reports in the winner's block of epoch %d say", matrix.Epoch),
		Mixnodes: matrix.Mixnodes, Result: uptimes(matrix.Percent),
	}
	for _, row := range matrix.Rows {
		m.Rows = append(m.Rows, heatmap.Row{Name: row.NymAPI, Values: uptimes(row.Percent)})
	}
	var html bytes.Buffer
	err := heatmap.Write(&html, m)
	return template.HTML(html.String()), err // from a template, which escapes names
}

// uptimes is the reverse of contract.Percent.
func uptimes(percent []*float64) []metrics.Uptime {
	list := make([]metrics.Uptime, len(percent))
	for i, p := range percent {
		list[i] = metrics.Missing
		if p != nil {
			list[i] = metrics.Uptime(math.Round(*p * float64(metrics.PerPoint)))
		}
	}
	return list
}
