package holders_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/nymapi/holders"
)

const epoch contract.Epoch = 7

func TestHoldingsHaveOneForm(t *testing.T) {
	held := holders.NewHolding(epoch, []byte("core"), []string{"http://127.0.0.1:3100", "https://node.example"})
	data := held.Encode()
	back, err := holders.DecodeHolding(data, epoch)
	require.NoError(t, err)
	require.Equal(t, held, back)
	require.Equal(t, contract.Digest([]byte("core")), back.Core)
	for i := range data {
		_, err := holders.DecodeHolding(data[:i], epoch)
		require.ErrorIs(t, err, holders.ErrInvalid)
	}
	_, err = holders.DecodeHolding(append(data, 0), epoch)
	require.ErrorIs(t, err, holders.ErrInvalid)
	_, err = holders.DecodeHolding(data, epoch+1)
	require.ErrorContains(t, err, "it is about epoch 7, expected 8")
	for _, bad := range []string{"", "127.0.0.1:3100", "ftp://a", "http://", "http://a?b", "http://u@a", "http://a#b", "http://" + strings.Repeat("a", 300)} {
		_, err := holders.DecodeHolding(holders.NewHolding(epoch, nil, []string{bad}).Encode(), epoch)
		require.ErrorIs(t, err, holders.ErrInvalid, bad)
	}
	many := make([]string, holders.MaxURLs+1)
	require.Len(t, holders.NewHolding(epoch, nil, many).URLs, holders.MaxURLs)
}

func FuzzDecodeHolding(f *testing.F) {
	f.Add(holders.NewHolding(epoch, []byte("core"), []string{"http://127.0.0.1:3100"}).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if held, err := holders.DecodeHolding(data, epoch); err == nil {
			require.Equal(t, data, held.Encode())
		}
	})
}

// nymapi is a Nym-API that serves a core, or none, and an answer about holders, or none.
type nymapi struct {
	*httptest.Server
	core   []byte
	answer *holders.Answer
}

func serve(t *testing.T, core string) *nymapi {
	n := &nymapi{}
	if core != "" {
		n.core = []byte(core)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+holders.PathBundle, func(w http.ResponseWriter, r *http.Request) {
		if n.core == nil || r.PathValue("id") != epoch.String() {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(n.core)
	})
	mux.HandleFunc("GET "+holders.PathHolders, func(w http.ResponseWriter, r *http.Request) {
		if n.answer == nil {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(n.answer)
	})
	n.Server = httptest.NewServer(mux)
	t.Cleanup(n.Close)
	return n
}

// holder returns what the hash table has of a Nym-API.
func holder(number int, n *nymapi) holders.Holder {
	p := contracttest.Peers(number)[number-1]
	return holders.Holder{Name: p.Name, Key: p.Key, Core: contract.Digest(n.core), URLs: []string{n.URL}}
}

func collect(t *testing.T, urls ...string) holders.Collected {
	return holders.Collect(t.Context(), holders.Config{Epoch: epoch, URLs: urls})
}

// One Nym-API is enough to find and compare what all hold.
func TestOneNymAPILeadsToAll(t *testing.T) {
	first, second, third := serve(t, "core"), serve(t, "core"), serve(t, "core")
	self := holder(1, first)
	self.Self, self.URLs = true, []string{"http://127.0.0.1:1"} // it cannot be reached where it says
	silent := contracttest.Peers(4)[3]
	first.answer = &holders.Answer{Epoch: epoch, DHT: true, Holders: []holders.Holder{
		self, holder(2, second), holder(3, third), {Name: silent.Name, Key: silent.Key, Why: "nothing in the hash table"},
	}}
	got := collect(t, first.URL+"/", first.URL)
	require.Len(t, got.Found, 4)
	for i, f := range got.Found[:3] {
		require.Equal(t, contracttest.Peers(3)[i].Name, f.Name)
		require.Equal(t, contract.Digest([]byte("core")), f.Core)
		require.Empty(t, f.Err)
	}
	require.Equal(t, first.URL, got.Found[0].URL, "the address at which it was asked")
	require.Equal(t, "nothing in the hash table", got.Found[3].Err)
	require.True(t, got.Agree())
	require.Equal(t, []holders.Core{{Digest: contract.Digest([]byte("core")), Count: 3, Data: []byte("core")}}, got.Cores)
}

// A member that sends or stated another core is seen.
func TestDisagreementIsSeen(t *testing.T) {
	first, liar := serve(t, "core"), serve(t, "another")
	first.answer = &holders.Answer{Epoch: epoch, DHT: true, Holders: []holders.Holder{holder(1, first), holder(2, liar)}}
	first.answer.Holders[0].Self = true
	got := collect(t, first.URL)
	require.False(t, got.Agree())
	require.Len(t, got.Cores, 2)

	liar.core = []byte("core") // what it sends is no longer what it stated
	got = collect(t, first.URL)
	require.Len(t, got.Cores, 1)
	require.False(t, got.Agree())
	require.NotEqual(t, got.Found[1].Stated, got.Found[1].Core)
}

// Without a hash table those are asked that were given, and one that is away costs nothing else.
func TestWithoutTheHashTableTheListIsAsked(t *testing.T) {
	first, second, away, empty := serve(t, "core"), serve(t, "core"), serve(t, "core"), serve(t, "")
	away.Close()
	wrong := serve(t, "core")
	wrong.answer = &holders.Answer{Epoch: epoch + 1}
	got := collect(t, first.URL, second.URL, away.URL, empty.URL, wrong.URL)
	require.Len(t, got.Found, 5)
	require.True(t, got.Agree())
	require.Equal(t, 3, got.Cores[0].Count)
	reasons := map[string]string{}
	for _, f := range got.Found {
		reasons[f.URL] = f.Err
	}
	require.Contains(t, reasons[away.URL], "refused")
	require.Equal(t, "it does not hold the epoch", reasons[empty.URL])
	require.Empty(t, reasons[first.URL])

	got = collect(t, empty.URL)
	require.Empty(t, got.Cores)
	require.False(t, got.Agree())
}
