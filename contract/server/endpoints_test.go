package server_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// enrolling returns a contract that waits for n members with the token "t".
func enrolling(t *testing.T, n int) server.Config {
	cfg := configure(t, n, 5)
	cfg.Members, cfg.Expected, cfg.Token = nil, n, "t"
	return cfg
}

func (w *world) enrolment(number int, name string, counter uint64, addresses ...string) contract.Enrolment {
	info, err := w.PeerInfo(context.Background())
	require.NoError(w.t, err)
	return contract.Enrolment{Name: name, Addresses: addresses, Counter: counter}.Sign(contracttest.Key(number), info.Network, info.ContractKey)
}

func TestGroupIsClosedWhenAllHaveEnrolled(t *testing.T) {
	w := start(t, enrolling(t, 2))
	ctx := context.Background()
	_, err := w.Epoch(ctx)
	require.ErrorIs(t, err, contract.NotStarted)
	_, err = w.Submit(ctx, contracttest.Submission(contracttest.Description(2, 5), 1))
	require.ErrorIs(t, err, contract.NotStarted)

	answer, err := w.Enrol(ctx, w.enrolment(1, "a", 1, "/ip4/10.0.0.1/tcp/3000"), "t")
	require.NoError(t, err)
	require.Equal(t, contract.EnrolAnswer{Enrolled: 1, Expected: 2}, answer)
	refused := map[contract.Kind]contract.Enrolment{
		contract.NameTaken:    w.enrolment(2, "a", 1),
		contract.KeyTaken:     w.enrolment(1, "b", 2),
		contract.StaleCounter: w.enrolment(1, "a", 1, "/ip4/10.0.0.2/tcp/3000"),
		contract.Malformed:    w.enrolment(2, "not a name", 1),
	}
	forged := w.enrolment(2, "b", 1)
	forged.Name = "c"
	refused[contract.BadSignature] = forged
	for kind, e := range refused {
		_, err := w.Enrol(ctx, e, "t")
		require.ErrorIs(t, err, kind)
	}
	_, err = w.Enrol(ctx, w.enrolment(2, "b", 1), "wrong")
	p := problem(t, err)
	require.ErrorIs(t, p, contract.WrongToken)
	require.Equal(t, 403, p.Status)

	w = w.restart()
	answer, err = w.Enrol(ctx, w.enrolment(2, "b", 1), "t")
	require.NoError(t, err)
	require.True(t, answer.Complete)
	_, err = w.Enrol(ctx, w.enrolment(3, "c", 1), "t")
	require.ErrorIs(t, err, contract.GroupComplete)
	again, err := w.Enrol(ctx, w.enrolment(2, "b", 1), "t")
	require.NoError(t, err, "a retry")
	require.Equal(t, answer, again)
	_, err = w.Enrol(ctx, w.enrolment(1, "a", 2, "/dns4/a/tcp/3000"), "t")
	require.NoError(t, err)

	info, err := w.PeerInfo(ctx)
	require.NoError(t, err)
	group, err := info.MakeGroup()
	require.NoError(t, err)
	require.Equal(t, 2, group.N())
	at := slices.IndexFunc(info.Members, func(m contract.Member) bool { return m.Name == "a" })
	require.Equal(t, []string{"/dns4/a/tcp/3000"}, info.Members[at].Addresses)
	current, err := w.Epoch(ctx)
	require.NoError(t, err)
	require.Equal(t, contract.Epoch(1), current.ID)
}

// get returns an answer's status, header and body.
func (w *world) get(method, path string) (*http.Response, []byte) {
	request, err := http.NewRequestWithContext(context.Background(), method, w.URL()+path, nil)
	require.NoError(w.t, err)
	answer := w.do(request)
	body, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	return answer, body
}

func (w *world) fields(path string) map[string]any {
	answer, body := w.get(http.MethodGet, path)
	require.Equal(w.t, http.StatusOK, answer.StatusCode, string(body))
	require.Equal(w.t, "application/json", answer.Header.Get("Content-Type"))
	var fields map[string]any
	require.NoError(w.t, json.Unmarshal(body, &fields))
	return fields
}

func TestAnswersHaveTheirFields(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	w.clock.set(end(1))
	_, err := w.Submit(context.Background(), contracttest.Submission(w.description(1), 2))
	require.NoError(t, err)
	w.clock.set(end(4) + 5)

	current := w.fields(contract.PathEpoch)
	require.Equal(t, float64(5), current["id"])
	require.Equal(t, "2023-11-14T22:13:24.000Z", current["start"])
	require.Equal(t, float64(1000), current["duration_ms"])
	require.Equal(t, "2023-11-14T22:13:24.005Z", current["server_time"])
	require.Equal(t, w.description(5).Hash().String(), current["description"])

	info := w.fields(contract.PathPeerInfo)
	require.Equal(t, contracttest.Group(4).ID().String(), info["group"])
	for name, value := range map[string]float64{"number": 1, "n": 4, "f": 1, "q": 3} {
		require.Equal(t, value, info[name], name)
	}
	require.Contains(t, info, "limits")
	require.Len(t, info["contract_key"], 64)
	member := info["members"].([]any)[0].(map[string]any)
	for _, name := range []string{"name", "key", "peer_id", "addresses"} {
		require.NotEmpty(t, member[name], name)
	}

	list := w.fields(contract.PathEpochs + "?from=4&limit=3")["epochs"].([]any)
	require.Len(t, list, 3)
	newest := list[0].(map[string]any)
	require.Equal(t, map[string]any{
		"id": 4.0, "start": "2023-11-14T22:13:23.000Z", "end": "2023-11-14T22:13:24.000Z", "status": "open", "winner": nil, "reason": "",
	}, newest)
	detail := w.fields(contract.EpochPath(1))
	for _, name := range []string{"id", "start", "end", "status", "winner", "description", "result", "reporters", "signers", "attempts", "receipt"} {
		require.NotEmpty(t, detail[name], name)
	}
	require.Equal(t, map[string]any{"mixnode": "m0001", "value": 9025.0, "reports": 4.0}, detail["result"].([]any)[0])
	require.NotEmpty(t, w.fields(contract.EpochPath(5))["description"], "from the begin of the epoch on")
	require.Equal(t, "live", w.fields(contract.PathLive)["status"])
	require.Equal(t, "ready", w.fields(contract.PathReady)["status"])
}

func TestReportsAreServed(t *testing.T) {
	cfg := configure(t, 4, 3)
	cfg.Mixnodes[0] = "!a/b%2F?#" // sorts first
	w := start(t, cfg)
	ctx := context.Background()
	for epoch := range 2 {
		w.clock.set(end(epoch + 1))
		_, err := w.Submit(ctx, contracttest.Submission(w.description(contract.Epoch(epoch+1)), 2))
		require.NoError(t, err)
	}
	lie := contracttest.Submission(w.description(2), 3)
	lie.Result[len(lie.Result)-1]++
	_, err := w.Submit(ctx, lie.Sign(contracttest.Key(3)))
	require.ErrorIs(t, err, contract.Decided)
	_, err = w.Submit(ctx, contracttest.Submission(w.description(2), 4))
	require.ErrorIs(t, err, contract.Decided)
	third := contracttest.Submission(w.description(3), 3)
	_, err = w.Submit(ctx, third) // too early
	require.ErrorIs(t, err, contract.NotOver)

	m, err := w.Matrix(ctx, 2)
	require.NoError(t, err)
	require.Equal(t, []any{contract.Epoch(2), 4, 90.26, 2}, []any{m.Epoch, len(m.Rows), *m.Percent[1], m.Submissions})
	require.Equal(t, []any{"nymapi-3", 90.31}, []any{m.Rows[2].NymAPI, *m.Rows[2].Percent[1]})
	require.Equal(t, contract.Coverage{Cells: 3, Fresh: 3}, m.Coverage)

	all, err := w.Reporters(ctx)
	require.NoError(t, err)
	require.Equal(t, []any{4, "nymapi-1", 2, 6}, []any{len(all.Reporters), all.Reporters[0].NymAPI, all.Reporters[0].Epochs, all.Reporters[0].Cells})
	require.Equal(t, "nymapi-3 submitted what the contract refused, 2 times, in epochs 2, 3", all.Caught[0].Text)
	detail, err := w.EpochDetail(ctx, 3)
	require.NoError(t, err)
	require.Equal(t, "nymapi-3 submitted what the contract refused, once, in epoch 3", detail.Caught[0].Text)

	about, err := w.Mixnode(ctx, cfg.Mixnodes[0], 0, 1)
	require.NoError(t, err)
	require.Equal(t, []any{cfg.Mixnodes[0], contract.Epoch(2), contract.Epoch(1), 4, 6}, []any{
		about.Mixnode, about.Epochs[0].Epoch, about.Next, len(about.Epochs[0].Reports), len(about.Epochs[0].Estimates),
	})
	older, err := w.Mixnode(ctx, cfg.Mixnodes[0], about.Next, 0)
	require.NoError(t, err)
	require.Len(t, older.Epochs, 1)
	_, err = w.Mixnode(ctx, "m9", 1, 0)
	require.EqualError(t, err, "404: There is nothing at this address: mixnode m9 is in no rewarded epoch up to 1")
}

func TestReceiptIsServedAlone(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	ctx := context.Background()
	_, err := w.Receipt(ctx, 1)
	require.ErrorIs(t, err, contract.NotFound)
	require.EqualValues(t, 1, problem(t, err).Epoch, "it is the receipt that does not exist, not the path")
	w.clock.set(end(1))
	given, err := w.Submit(ctx, contracttest.Submission(w.description(1), 2))
	require.NoError(t, err)
	shown, err := w.Receipt(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, given, shown)
}

func TestEveryErrorIsAProblemDocument(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	for _, c := range []struct {
		method, path string
		status       int
		kind         contract.Kind
	}{
		{"GET", "/nothing", 404, contract.NotFound},
		{"GET", "/contract", 404, contract.NotFound},
		{"GET", contract.EpochPath(99), 404, contract.NotFound},
		{"GET", contract.BundlePath(1), 404, contract.NotFound},
		{"GET", contract.ReceiptPath(1), 404, contract.NotFound},
		{"GET", contract.PathEpochs + "/0", 400, contract.Malformed},
		{"GET", contract.PathEpochs + "/one", 400, contract.Malformed},
		{"GET", contract.PathEpochs + "/99999999999999999999", 400, contract.Malformed},
		{"GET", contract.PathEpochs + "/one/bundle", 400, contract.Malformed},
		{"GET", contract.PathEpochs + "/one/receipt", 400, contract.Malformed},
		{"GET", contract.MatrixPath(1), 404, contract.NotFound},
		{"GET", contract.PathEpochs + "/one/matrix", 400, contract.Malformed},
		{"GET", contract.PathMixnodes, 404, contract.NotFound},
		{"GET", contract.MixnodePath("m0001"), 404, contract.NotFound},
		{"GET", contract.PathMixnodes + "/m%20", 400, contract.Malformed},
		{"GET", contract.PathMixnodes + "/m0001?limit=101", 400, contract.Malformed},
		{"GET", contract.PathEpochs + "?limit=0", 400, contract.Malformed},
		{"GET", contract.PathEpochs + "?limit=1001", 400, contract.Malformed},
		{"GET", contract.PathEpochs + "?from=-1", 400, contract.Malformed},
		{"DELETE", contract.PathEpochs, 405, contract.MethodNotAllowed},
		{"GET", contract.PathSubmit, 405, contract.MethodNotAllowed},
		{"PUT", "/", 405, contract.MethodNotAllowed},
	} {
		answer, body := w.get(c.method, c.path)
		require.Equal(t, c.status, answer.StatusCode, c.path)
		require.Equal(t, contract.ProblemType, answer.Header.Get("Content-Type"), c.path)
		var p contract.Problem
		require.NoError(t, json.Unmarshal(body, &p), c.path)
		require.Equal(t, c.kind, p.Kind(), c.path)
		require.Equal(t, c.status, p.Status, c.path)
		require.NotEmpty(t, p.Title, c.path)
		if c.status == 405 {
			require.NotEmpty(t, answer.Header.Get("Allow"))
		}
	}
}

func TestRetryAfterIsInWholeSecondsToo(t *testing.T) {
	w := start(t, enrolling(t, 2))
	answer, body := w.get(http.MethodGet, contract.PathEpoch)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Equal(t, "1", answer.Header.Get("Retry-After"))
	require.Contains(t, string(body), `"retry_after_ms":1000`)
}

func TestEnrolmentBodiesAreBounded(t *testing.T) {
	w := start(t, enrolling(t, 2))
	for body, status := range map[string]int{
		"":                         400,
		"{}":                       400,
		`{"unknown":1}`:            400,
		`{} {}`:                    400,
		strings.Repeat(" ", 1<<15): 413,
	} {
		answer := w.post(contract.PathEnrol, "application/json", strings.NewReader(body))
		require.Equal(t, status, answer.StatusCode, body)
	}
	require.Equal(t, 415, w.post(contract.PathEnrol, "text/plain", strings.NewReader("{}")).StatusCode)
}

func TestPageShowsMembersAndEpochsAndLoadsNothingElse(t *testing.T) {
	cfg := enrolling(t, 2)
	w := start(t, cfg)
	_, body := w.get(http.MethodGet, "/")
	require.Contains(t, string(body), "0 of 2 enrolled")
	for number, name := range map[int]string{1: "a", 2: "b"} {
		_, err := w.Enrol(context.Background(), w.enrolment(number, name, 1, "/ip4/1.2.3.4/tcp/1"), "t")
		require.NoError(t, err)
	}
	w.clock.set(end(1))
	_, err := w.Submit(context.Background(), contracttest.Submission(w.description(1), 2))
	require.NoError(t, err)
	answer, body := w.get(http.MethodGet, "/")
	for _, text := range []string{"2 of 2 enrolled", "n = 2, f = 0, q = 2", `<a href="/epochs/1">1</a>`, `<a href="/contract/epochs/1/bundle">`, "rewarded", "<td>b</td>"} {
		require.Contains(t, string(body), text)
	}
	require.NotContains(t, string(body), "http://")
	require.NotContains(t, string(body), "https://")
	require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
	style, _ := w.get(http.MethodGet, "/style.css")
	require.Equal(t, "text/css; charset=utf-8", style.Header.Get("Content-Type"))
	head, _ := w.get(http.MethodHead, "/")
	require.Equal(t, http.StatusOK, head.StatusCode)
}

func TestPostsOfOneAddressAreBounded(t *testing.T) {
	w := start(t, configure(t, 1, 3)) // 120 in a second
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	post := func() *http.Response {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.URL()+contract.PathSubmit, nil)
		require.NoError(t, err)
		answer, err := transport.RoundTrip(request)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer
	}
	const patience = 5000
	for range patience {
		answer := post()
		if answer.StatusCode != http.StatusTooManyRequests {
			continue
		}
		require.Equal(t, "1", answer.Header.Get("Retry-After"))
		require.Equal(t, contract.ProblemType, answer.Header.Get("Content-Type"))
		_, err := w.Epoch(context.Background())
		require.NoError(t, err, "questions are not bounded with them")
		return
	}
	t.Fatalf("%d posts one after the other, and all were let through", patience)
}

func TestConfigurationThatCannotWorkIsRefused(t *testing.T) {
	good := configure(t, 4, 5)
	require.NoError(t, good.Validate())
	for name, change := range map[string]func(*server.Config){
		"no database":            func(c *server.Config) { c.Database = "" },
		"nobody expected":        func(c *server.Config) { c.Members, c.Expected = nil, 0 },
		"too many expected":      func(c *server.Config) { c.Members, c.Expected = nil, membership.MaxMembers+1 },
		"other number of them":   func(c *server.Config) { c.Expected = 3 },
		"a key twice":            func(c *server.Config) { c.Members[1].Key = c.Members[0].Key },
		"a name twice":           func(c *server.Config) { c.Members[1].Name = c.Members[0].Name },
		"a bad name":             func(c *server.Config) { c.Members[1].Name = "" },
		"no estimator":           func(c *server.Config) { c.Estimator = nil },
		"too little memory":      func(c *server.Config) { c.MemoryBytes = 1 << 20 },
		"carry below 0":          func(c *server.Config) { c.CarryLimit = -1 },
		"unknown mode":           func(c *server.Config) { c.Mode = "other" },
		"network":                func(c *server.Config) { c.Network = "Ä" },
		"no duration":            func(c *server.Config) { c.EpochDuration = 0 },
		"parts of a millisecond": func(c *server.Config) { c.EpochDuration = 1500 },
		"accepted too long":      func(c *server.Config) { c.AcceptEpochs = 1 << 20 },
		"advance":                func(c *server.Config) { c.Advance = "other" },
		"no mixnodes":            func(c *server.Config) { c.Mixnodes = nil },
		"mixnodes twice":         func(c *server.Config) { c.Mixnodes = []metrics.MixID{"a", "a"} },
		"reports above limits": func(c *server.Config) {
			c.Limits = membership.Limits{PayloadBytes: 20, BlockMessages: 9, BlockBytes: 99}
		},
		"too small a block": func(c *server.Config) {
			c.Limits = membership.Limits{PayloadBytes: 999, BlockMessages: 3, BlockBytes: 9999}
		},
	} {
		cfg := configure(t, 4, 5)
		change(&cfg)
		require.ErrorIs(t, cfg.Validate(), server.ErrConfig, name)
		_, err := server.New(cfg)
		require.ErrorIs(t, err, server.ErrConfig, name)
	}
}

// By default, all members may submit at once.
func TestMemoryFollowsTheSubmissions(t *testing.T) {
	memory := func(cfg server.Config) int64 {
		contract, err := server.New(cfg)
		require.NoError(t, err)
		defer func() { require.NoError(t, contract.Close()) }()
		return contract.MemoryBytes()
	}
	require.EqualValues(t, 256<<20, memory(configure(t, 4, 3)))
	large := configure(t, 4, 3)
	large.Members, large.Expected, large.Mixnodes = nil, 100, nil
	for i := range 1000 {
		large.Mixnodes = append(large.Mixnodes, metrics.MixID(fmt.Sprintf("mixnode%04d", i)))
	}
	require.Greater(t, memory(large), int64(1<<30), "100 submissions, each with 100 reports of 16 KB")
	large.MemoryBytes = 512 << 20
	require.ErrorContains(t, large.Validate(), "need at least")
}

func TestDatabaseOfAnotherGroupIsRefused(t *testing.T) {
	w := start(t, configure(t, 2, 3))
	w.stop()
	cfg := w.cfg
	cfg.Members = contracttest.Peers(3)
	_, err := server.New(cfg)
	require.ErrorIs(t, err, server.ErrConfig)
	cfg.Members = contracttest.Peers(2)
	cfg.Members[0].Name = "other"
	_, err = server.New(cfg)
	require.ErrorIs(t, err, server.ErrConfig)
	cfg = w.cfg
	cfg.Mode, cfg.Authorised = contract.ModeSingle, "nobody"
	_, err = server.New(cfg)
	require.ErrorIs(t, err, server.ErrConfig)
}

func TestKeyIsPrivateAndKept(t *testing.T) {
	w := start(t, configure(t, 2, 3))
	info, err := os.Stat(strings.TrimSuffix(w.cfg.Database, "contract.db") + "contract.key")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestAddressInUseIsReported(t *testing.T) {
	w := start(t, configure(t, 2, 3))
	cfg := configure(t, 2, 3)
	cfg.Listen = strings.TrimPrefix(w.URL(), "http://")
	_, err := server.New(cfg)
	require.ErrorContains(t, err, "listen on "+cfg.Listen)
	require.ErrorContains(t, err, "choose another address")
}

func TestServerThatNeverRanIsClosed(t *testing.T) {
	contract, err := server.New(configure(t, 2, 3))
	require.NoError(t, err)
	require.NoError(t, contract.Close())
	require.NoError(t, contract.Close())
}

func TestClientSaysWhatAnswered(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:80", "ftp://host", "http://", "http://host?x"} {
		_, err := client.New(address, nil)
		require.ErrorIs(t, err, client.ErrURL, address)
	}
	w := start(t, configure(t, 2, 3))
	wrong, err := client.New(w.URL()+"/style.css", nil)
	require.NoError(t, err)
	defer wrong.Close()
	_, err = wrong.Epoch(context.Background())
	require.ErrorIs(t, err, contract.NotFound)
	require.NoError(t, w.Ready(context.Background()))
	w.stop()
	_, err = w.Epoch(context.Background())
	require.ErrorIs(t, err, client.ErrAway)
}

func TestSubmissionMayBeSentInPieces(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	d := w.description(1)
	w.clock.set(end(1))
	body := contracttest.Submission(d, 1).Encode()
	answer := w.post(contract.PathSubmit, contract.ContentType+"; charset=binary", io.MultiReader(bytes.NewReader(body[:10]), bytes.NewReader(body[10:])))
	require.Equal(t, http.StatusOK, answer.StatusCode)
	var receipt contract.Receipt
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&receipt))
	require.True(t, receipt.Verify())
}

// While another program locks the database, callers are told to come back, and lose nothing.
func TestLockedDatabaseMeansLater(t *testing.T) {
	cfg := enrolling(t, 2)
	w := start(t, cfg)
	other, err := sql.Open("sqlite3", database.Name(cfg.Database, "?mode=rw&_txlock=immediate"))
	require.NoError(t, err)
	lock, err := other.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = w.Enrol(t.Context(), w.enrolment(1, "a", 1), "t")
	require.ErrorIs(t, err, contract.Unavailable)
	var p *contract.Problem
	require.ErrorAs(t, err, &p)
	require.Positive(t, p.RetryAfter())
	_, err = w.PeerInfo(t.Context())
	require.NoError(t, err, "reading needs no lock")
	require.NoError(t, lock.Rollback())
	require.NoError(t, other.Close())
	answer, err := w.Enrol(t.Context(), w.enrolment(1, "a", 1), "t")
	require.NoError(t, err)
	require.Equal(t, 1, answer.Enrolled)
}
