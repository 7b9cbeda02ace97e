package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

func TestAdminSignsForProgramsOnly(t *testing.T) {
	key := apitest.Key(1)
	own := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	s, err := server.NewAdmin(server.AdminConfig{Signer: key, Network: "net", Handlers: map[string]http.Handler{"/own": own}}, server.Config{Token: "secret"})
	run(t, s, err)
	sign := func(body string) reply { return do(t, request(t, http.MethodPost, s.URL()+api.PathSign, body)) }

	answer := sign(`{"domain":"contract/submission/v1","body":"0102"}`)
	require.Equal(t, http.StatusOK, answer.Status, "%s", answer.Body)
	var got api.SignAnswer
	require.NoError(t, json.Unmarshal(answer.Body, &got))
	require.Equal(t, key.Public(), got.Key)
	require.True(t, got.Key.Verify(keys.ApplicationBytes("contract/submission/v1", "net", []byte{1, 2}), got.Signature))

	sign(`{"domain":"ephemera/echo/v1","body":""}`).problem(t, api.Forbidden)
	sign(`{"domain":"","body":""}`).problem(t, api.Invalid)
	for _, domain := range []string{`a\u0000b`, `\u0012libp2p-peer-record`, "a b", "é", strings.Repeat("a", 65)} {
		sign(`{"domain":"`+domain+`","body":""}`).problem(t, api.Invalid)
	}
	sign(`{"domain":"a","body":"zz"}`).problem(t, api.Malformed)
	require.Equal(t, http.StatusOK, sign(`{"domain":"a","body":"`+strings.Repeat("00", 8<<20)+`"}`).Status)
	sign(`{"domain":"a","body":"`+strings.Repeat("00", 8<<20+1)+`"}`).problem(t, api.TooLarge)
	sign(`{"domain":"a","more":1}`).problem(t, api.Malformed)
	stranger := request(t, http.MethodPost, s.URL()+api.PathSign, `{"domain":"a","body":""}`)
	stranger.Host = "evil.example"
	do(t, stranger).problem(t, api.Forbidden)

	require.Equal(t, http.StatusTeapot, do(t, request(t, http.MethodGet, s.URL()+"/own", "")).Status)
	require.Equal(t, http.StatusOK, do(t, request(t, http.MethodGet, s.URL()+"/debug/pprof/goroutine?debug=1", "")).Status)
	do(t, request(t, http.MethodGet, s.URL()+api.PathBlocks, "")).problem(t, api.NoEndpoint)
}

func TestAdminAnswersNoForeignPage(t *testing.T) {
	own := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	s, err := server.NewAdmin(server.AdminConfig{Handlers: map[string]http.Handler{"/own": own}}, server.Config{Token: "secret"})
	run(t, s, err)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/profile?seconds=1", "/debug/pprof/trace?seconds=1", "/debug/pprof/heap", "/own"} {
		for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://evil.example"}, {"Referer", "http://evil.example/"}} {
			do(t, request(t, http.MethodGet, s.URL()+path, "", header[0], header[1])).problem(t, api.Forbidden)
			do(t, request(t, http.MethodGet, s.URL()+path, "", header[0], header[1], "Authorization", "Bearer secret")).problem(t, api.Forbidden)
		}
	}
	require.Equal(t, http.StatusOK, do(t, request(t, http.MethodGet, s.URL()+"/debug/pprof/", "", "Sec-Fetch-Site", "none")).Status)
	require.Equal(t, http.StatusOK, do(t, request(t, http.MethodGet, s.URL()+"/debug/pprof/", "", "Sec-Fetch-Site", "same-origin", "Referer", s.URL()+"/")).Status)
	foreign := request(t, http.MethodGet, s.URL()+"/debug/pprof/", "")
	foreign.Host = "evil.example"
	do(t, foreign).problem(t, api.Forbidden)
	do(t, request(t, http.MethodGet, s.URL()+"/debug/pprof/heap?debug=1;seconds=1", "")).problem(t, api.Malformed)
}

func TestPublicListenerHasNoProfiles(t *testing.T) {
	s := serve(t, nil, server.Config{})
	do(t, request(t, http.MethodGet, s.URL()+"/debug/pprof/", "")).problem(t, api.NoEndpoint)
	do(t, request(t, http.MethodPost, s.URL()+api.PathSign, "{}")).problem(t, api.NoEndpoint)
}
