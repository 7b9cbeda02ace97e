package problem_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/problem"
)

type kind string

var kinds = problem.Table[kind]{Prefix: "urn:test:problem:", Kinds: map[kind]problem.Meaning{
	"full": {Status: http.StatusServiceUnavailable, Title: "The store is full"},
}}

// full is an API's own type of problem.
type full struct {
	problem.Document
	Room int `json:"room"`
	problem.Retry
}

func TestTableNamesKindsByURIs(t *testing.T) {
	require.Equal(t, "urn:test:problem:full", kinds.Type("full"))
	require.Equal(t, kind("full"), kinds.Kind("urn:test:problem:full"))
	require.Equal(t, kind("newer"), kinds.Kind("urn:test:problem:newer"))
	require.Empty(t, kinds.Kind("about:blank"))
	require.Empty(t, kinds.Kind("urn:other:problem:full"), "another API's kind")
	require.Equal(t, http.StatusServiceUnavailable, kinds.Status("full"))
	require.Equal(t, http.StatusInternalServerError, kinds.Status("newer"))
}

func TestWrittenProblemKeepsTheOrderOfItsMembers(t *testing.T) {
	p := &full{Document: kinds.Document("full", "no room <left>"), Room: 3, Retry: problem.Retry{RetryAfterMS: 1001}}
	w := httptest.NewRecorder()
	problem.Write(w, p)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, problem.ContentType, w.Header().Get("Content-Type"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, "2", w.Header().Get("Retry-After"), "whole seconds, rounded up")
	require.Equal(t, `{"type":"urn:test:problem:full","title":"The store is full","status":503,"detail":"no room \u003cleft\u003e","room":3,"retry_after_ms":1001}`+"\n", w.Body.String())

	var read full
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &read))
	require.Equal(t, *p, read)
	require.Equal(t, 1001*time.Millisecond, read.RetryAfter())
	require.Equal(t, "The store is full: no room <left>", read.Error())
	require.True(t, read.Temporary())
}

func TestProblemThatWaitingDoesNotSolve(t *testing.T) {
	p := &full{Document: problem.Document{Type: "about:blank", Title: "Conflict", Status: http.StatusConflict}}
	w := httptest.NewRecorder()
	problem.Write(w, p)
	require.NotContains(t, w.Header(), "Retry-After")
	require.NotContains(t, w.Body.String(), "retry_after_ms")
	require.Equal(t, "Conflict", p.Error())
	require.False(t, p.Temporary())
}
