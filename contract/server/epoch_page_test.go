package server_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
)

func TestEpochHasAPageWithItsHeatMap(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	w.clock.set(end(1))
	d := w.description(1)
	messages := contracttest.Messages(d, 1, 2, 3)
	liar := contracttest.Report(d, 4)
	for i := range liar.Values {
		liar.Values[i] = 0
	}
	w.win(d, append(messages, contracttest.Message(d, 4, liar)))
	w.clock.set(end(2))
	lie := contracttest.Submission(w.description(2), 3)
	lie.Result[len(lie.Result)-1] ^= 1
	_, err := w.Submit(context.Background(), lie.Sign(contracttest.Key(3)))
	require.Error(t, err)
	w.clock.set(end(6))

	answer, body := w.get(http.MethodGet, "/epochs/1")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	page := string(body)
	require.Contains(t, page, "Epoch 1: rewarded")
	require.Equal(t, 5, strings.Count(page, "data:image/png;base64,"), "four reports and the result")
	require.Regexp(t, `class="far"><th scope="row">nymapi-4</th>`, page)
	require.Contains(t, page, "3 mixnodes: 3 with a new value")
	policy := answer.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.Contains(t, policy, "img-src data:")
	require.NotContains(t, policy, "script-src")
	require.NotContains(t, page, "<script")
	for _, link := range regexp.MustCompile(`(?:href|src)="(/[^"]*)"`).FindAllStringSubmatch(page, -1) {
		linked, _ := w.get(http.MethodGet, link[1])
		require.Equal(t, http.StatusOK, linked.StatusCode, link[1])
	}
	_, body = w.get(http.MethodGet, "/epochs/2")
	require.Contains(t, string(body), "Epoch 2: missed")
	require.Contains(t, string(body), "Caught: nymapi-3 submitted what the contract refused, once, in epoch 2.")
	_, body = w.get(http.MethodGet, "/epochs/6")
	require.Contains(t, string(body), "Epoch 6: open")
	for path, status := range map[string]int{"/epochs/99": 404, "/epochs/x": 400, "/epochs": 404} {
		answer, _ := w.get(http.MethodGet, path)
		require.Equal(t, status, answer.StatusCode, path)
	}
	answer, body = w.get(http.MethodGet, "/style.css")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, string(body), ".heatmap")
}
